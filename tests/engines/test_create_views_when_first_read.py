"""Views are created when a statement first reads them; shared views are computed once."""

from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from focuswatch.engines.create_views_when_first_read import ViewsOnDemand
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.errors import QueryError

VIEWS = {
    "draws": "SELECT nextval('drawn') AS number FROM charges",
    "doubled": "SELECT 2 * number AS number FROM draws",
    "broken": "SELECT CAST('x' || id AS integer) AS number FROM charges",
    "invalid": "SELECT number FROM missing",
}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    """Create what the views read: the rows of `draws` show how often it was computed."""
    connection = duckdb.connect()
    connection.execute("CREATE SEQUENCE drawn; CREATE TABLE charges AS SELECT 1 AS id")
    return connection


def engine_on(connection: duckdb.DuckDBPyConnection, *shared: str) -> DuckDbEngine:
    return DuckDbEngine(connection, views=ViewsOnDemand(connection, VIEWS, shared=shared))


def created(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return {name for (name,) in rows}


def numbers(engine: DuckDbEngine, statement: str) -> list[int]:
    return [row["number"] for row in engine.query(statement, label="test")]


def test_shared_view_is_computed_once_for_all_that_read_it(connection):
    """Statements may read it directly, through another view, by column, or in an engine over other tables."""
    engine = engine_on(connection, "draws")
    assert numbers(engine, "SELECT number FROM doubled") == [2]
    assert numbers(engine, "SELECT number FROM draws") == [1]
    assert engine.columns("SELECT number FROM draws", label="test")["number"].tolist() == [1]
    other = engine.over({"mine": "SELECT number FROM doubled"})
    assert numbers(other, "SELECT number FROM mine") == [2]


def test_other_views_are_computed_by_every_statement(connection):
    engine = engine_on(connection)
    assert [numbers(engine, "SELECT number FROM draws") for _ in range(2)] == [[1], [2]]


def test_concurrent_statements_share_one_computation(connection):
    """A scan runs two detections at once."""
    engine = engine_on(connection, "draws")
    with ThreadPoolExecutor(max_workers=8) as pool:
        results = list(pool.map(lambda _: numbers(engine, "SELECT number FROM doubled"), range(40)))
    assert results == [[2]] * 40


def test_views_are_created_with_the_views_that_they_read(connection):
    """A name in a comment or a string does not count."""
    engine = engine_on(connection)
    assert numbers(engine, "SELECT 1 AS number -- FROM doubled\nWHERE 'draws' <> ''") == [1]
    assert created(connection) == set()
    assert numbers(engine, "SELECT number FROM Doubled") == [2]
    assert created(connection) == {"draws", "doubled"}


@pytest.mark.parametrize("name", ["broken", "invalid"])
def test_view_that_fails_fails_each_statement_that_reads_it(connection, name):
    """Statements that read other views succeed."""
    engine = engine_on(connection, "broken", "draws")
    for _ in range(2):
        with pytest.raises(QueryError, match="mine: DuckDB could not run the statement"):
            engine.query(f"SELECT number FROM {name}", label="mine")
    assert numbers(engine, "SELECT number FROM draws") == [1]
