"""Views that several statements read are computed once, by the first statement; other views are not affected."""

from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.materialize_shared_views import SharedViews
from focuswatch.errors import QueryError

VIEWS = {
    "draws": "SELECT nextval('drawn') AS number FROM charges",
    "doubled": "SELECT 2 * number AS number FROM draws",
}


@pytest.fixture
def connection():
    """Create a view whose rows show how often it was computed, and a view that reads it."""
    connection = duckdb.connect()
    connection.execute("CREATE SEQUENCE drawn; CREATE TABLE charges AS SELECT 1 AS id")
    for name, sql in VIEWS.items():
        connection.execute(f"CREATE VIEW {name} AS {sql}")
    return connection


def numbers(engine: DuckDbEngine, statement: str) -> list[int]:
    return [row["number"] for row in engine.query(statement, label="test")]


def test_shared_view_is_computed_once_for_all_that_read_it(connection):
    """Statements may read it directly, through another view, by column, or in an engine over other tables."""
    engine = DuckDbEngine(connection, shared=SharedViews(connection, VIEWS, shared={"draws"}))
    assert numbers(engine, "SELECT number FROM doubled") == [2]
    assert numbers(engine, "SELECT number FROM draws") == [1]
    assert engine.columns("SELECT number FROM draws", label="test")["number"].tolist() == [1]
    other = engine.over({"mine": "SELECT number FROM doubled"})
    assert numbers(other, "SELECT number FROM mine") == [2]


def test_other_views_are_computed_by_every_statement(connection):
    engine = DuckDbEngine(connection, shared=SharedViews(connection, VIEWS, shared=()))
    assert [numbers(engine, "SELECT number FROM draws") for _ in range(2)] == [[1], [2]]


def test_concurrent_statements_share_one_computation(connection):
    """A scan runs two detections at once."""
    engine = DuckDbEngine(connection, shared=SharedViews(connection, VIEWS, shared={"draws"}))
    with ThreadPoolExecutor(max_workers=8) as pool:
        results = list(pool.map(lambda _: numbers(engine, "SELECT number FROM doubled"), range(40)))
    assert results == [[2]] * 40


def test_shared_view_that_fails_fails_each_statement_that_reads_it(connection):
    """Statements that read other views succeed."""
    connection.execute("CREATE VIEW broken AS SELECT CAST('x' || id AS integer) AS number FROM charges")
    shared = SharedViews(connection, {**VIEWS, "broken": "SELECT 1 FROM charges"}, shared={"broken", "draws"})
    engine = DuckDbEngine(connection, shared=shared)
    for _ in range(2):
        with pytest.raises(QueryError, match="mine: DuckDB could not run the statement"):
            engine.query("SELECT number FROM broken", label="mine")
    assert numbers(engine, "SELECT number FROM draws") == [1]
