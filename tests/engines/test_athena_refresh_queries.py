"""Statements sent to Athena contain no comments within UNLOAD and stay below the length limit."""

import pytest

from focuswatch.bill.detection_or_report_as_saved_query import saved_query
from focuswatch.bill.query_names_ous_and_tags_of_billed_accounts import rows_of_accounts
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.skip_or_remove_sql_comments import without_comments

MOST_BYTES = 262_144  # https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
CATALOG = Catalog.load()


@pytest.mark.parametrize(
    ("statement", "bare"),
    [
        ("SELECT 1 -- one; it's\nFROM t", "SELECT 1  \nFROM t"),
        ("SELECT 1 -- to the end", "SELECT 1  "),
        ("SELECT 1 -- a line\r\nFROM t", "SELECT 1  \r\nFROM t"),
        ("/* a; 'b \n \" */SELECT 1", " SELECT 1"),
        ("SELECT/* between */1", "SELECT 1"),
        ("SELECT '--' || '/* no */'", "SELECT '--' || '/* no */'"),
        ("SELECT 'it''s -- here' -- gone", "SELECT 'it''s -- here'  "),
        ('SELECT "a--b" AS "c""--d" -- gone', 'SELECT "a--b" AS "c""--d"  '),
        ("SELECT 1 /* -- */ + 2", "SELECT 1   + 2"),
        ("SELECT 1 -- /*\n + 2 -- */", "SELECT 1  \n + 2  "),
        ("SELECT '' -- gone", "SELECT ''  "),
    ],
)
def test_comments_are_removed_and_strings_are_kept(statement, bare):
    """A quote in a comment starts no string, and a dash in a string starts no comment."""
    assert without_comments(statement) == bare


@pytest.mark.parametrize("id", [*CATALOG.detections, *CATALOG.reports])
def test_catalog_statements_contain_no_comment_and_no_semicolon(id):
    """At a semicolon outside of a string, Athena would end the UNLOAD statement."""
    entry = CATALOG.detections.get(id) or CATALOG.reports[id]
    bare = without_comments(saved_query(entry, catalog=CATALOG, required_tags=["it's -- a /* tag */; too"]))
    assert "'it''s -- a /* tag */; too'" in bare or "required_tags" not in entry.sql
    outside = without_comments("".join(bare.split("'")[::2]))
    assert (
        not {"--", "/*", ";"} & set(map("".join, zip(outside, outside[1:], strict=False)))
        and ";" not in outside
    )


class Engine:
    """Run each statement on DuckDB, and record its length."""

    def __init__(self, accounts):
        self.connection = connect()
        self.connection.execute(
            "CREATE TABLE accounts (sub_account_id VARCHAR, name VARCHAR, ou_path VARCHAR, tags VARCHAR)"
        )
        self.connection.execute(
            "CREATE TABLE daily_services (SubAccountId VARCHAR, SubAccountName VARCHAR, charge_date DATE)"
        )
        self.connection.execute(
            "INSERT INTO daily_services SELECT unnest(?), 'name', DATE '2026-05-01'", [accounts]
        )
        self.sizes = []

    def query(self, statement, *, label):
        self.sizes.append(len(statement.encode()))
        result = self.connection.execute(statement)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def test_account_ids_of_many_findings_are_split_into_statements():
    """20,000 IDs have 320,000 bytes."""
    ids = [f"{number:012d}" for number in range(20_000)]
    engine = Engine(ids)
    rows = list(rows_of_accounts(engine, ids, label="accounts"))
    assert sorted(row["sub_account_id"] for row in rows) == ids
    assert len(engine.sizes) > 1 and max(engine.sizes) < MOST_BYTES
    assert list(rows_of_accounts(engine, [], label="accounts")) == []


def test_account_id_with_a_quote_is_escaped():
    """The column can contain any text."""
    hostile_id = "it's'; --"
    assert [
        row["sub_account_id"] for row in rows_of_accounts(Engine([hostile_id]), [hostile_id], label="a")
    ] == [hostile_id]
