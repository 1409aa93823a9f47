"""The comparison of engines finds differences and reduces a bill to the rows that show one. No Trino is needed."""

from datetime import date
from decimal import Decimal
from functools import partial
from random import Random

import pytest

from focuswatch.authoring.detection_cases import CASES_FOLDER, read_cases
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.trino_create_and_insert_sql import MOST_CHARACTERS, insert_statements
from tests.conformance.bills import INPUT_TABLES, Bill, bill_of
from tests.conformance.compare import difference
from tests.conformance.random_bills import CaseBill, random_bill
from tests.conformance.reduce import keep, read_kept, smallest

PARAMETERS = DetectionInput(date(2026, 3, 31), date(2026, 3, 24), ("team", "owner"))


def account(id: str, joined: date | None = None) -> tuple[object, ...]:
    """Return a row of the table `accounts`."""
    return (id, None, None, None, {"a'b": "🚀"}, joined, None)


def bill(*ids: str) -> Bill:
    """Return a bill that contains only accounts."""
    return Bill("a-bill", {"accounts": [account(id, date(2024, 2, 29)) for id in ids]}, PARAMETERS)


@pytest.mark.parametrize(
    ("duckdb", "trino"),
    [
        (None, 0),
        (1, 1.0),
        (1.0, 1.00001),
        (Decimal("2.50"), Decimal("2.5")),
        ("", None),
        (date(2026, 1, 1), "2026-01-01"),
        ({"a": "b"}, {"a": None}),
        (["a", "b"], ["b", "a"]),
        (True, 1),
    ],
)
def test_different_values_are_reported(duckdb, trino):
    """A null is not zero, an integer is not a double, and a decimal has a scale."""
    assert difference([{"x": duckdb}], [{"x": trino}]) is not None


def test_last_digit_of_a_double_is_ignored():
    """Sums depend on the order of addition, even where the digit decides the order of two rows."""
    sql = "SELECT cost, name FROM x ORDER BY cost DESC, name"
    duckdb = [{"cost": 0.1 + 0.2, "name": "a"}, {"cost": 0.3, "name": "b"}]
    trino = [{"cost": 0.3, "name": "b"}, {"cost": 0.3, "name": "a"}]
    assert difference(duckdb, trino, sql=sql) is None


def test_order_is_compared_if_the_query_has_order_by():
    """Without ORDER BY, any order is accepted."""
    rows = [{"cost": 2.0, "name": "a"}, {"cost": 1.0, "name": "b"}]
    assert difference(rows, rows[::-1]) is None
    assert "order" in (difference(rows, rows[::-1], sql="SELECT 1 ORDER BY t.cost DESC, name LIMIT 5") or "")


def test_extra_row_is_reported_with_its_engine():
    assert "Trino alone has {'x': 2}" in (difference([{"x": 1}], [{"x": 1}, {"x": 2}]) or "")


def test_bill_is_reduced_to_the_rows_that_cause_the_difference():
    """Two of forty accounts cause the difference together."""
    ids = [f"{number:02}" for number in range(40)]
    smallest_bill = smallest(bill(*ids), lambda one: {"07", "31"} <= {row[0] for row in one.rows["accounts"]})
    assert [row[0] for row in smallest_bill.rows["accounts"]] == ["07", "31"]


def test_stored_bill_is_loaded_unchanged(tmp_path):
    """Dates, nulls, maps and the parameters are equal after loading."""
    inputs = bill("1", "2")
    entry, read = read_kept(keep(inputs, entry="new_region", folder=tmp_path))
    assert (entry, read.rows, read.question) == ("new_region", inputs.rows, PARAMETERS)


def test_random_bill_depends_on_its_seed_only():
    """A reported difference states its seed, so the bill can be created again. Unusual values of each kind occur."""
    connection = connect()
    file = read_cases(CASES_FOLDER / "new_region.toml")
    case_bills = [
        CaseBill("new_region", partial(bill_of, case, file=file, connection=connection))
        for case in file.cases
    ]
    bills = [random_bill(Random(seed), case_bills, name="b")[0] for seed in range(30)]
    assert bills == [random_bill(Random(seed), case_bills, name="b")[0] for seed in range(30)]
    rows = [
        dict(zip(INPUT_TABLES["folded_charges"], row, strict=True))
        for one in bills
        for row in one.rows["folded_charges"]
    ]
    assert any(row["SubAccountId"] is None for row in rows)
    assert any(row["Tags"] == {} for row in rows)
    assert any((row["EffectiveCost"] or 0) < 0 for row in rows)
    assert any("🚀" in (row["ServiceName"] or "") for row in rows)
    assert any(one.question.as_of == date(2024, 2, 29) for one in bills)
    assert all(row["billing_period"] == row["charge_date"].replace(day=1) for row in rows)


def test_many_rows_are_split_into_statements():
    """Trino rejects a statement of more than a million characters; a quote is written twice."""
    rows = [(number, "'" * 3000) for number in range(300)]
    statements = list(insert_statements("t", {"a": "BIGINT", "b": "VARCHAR"}, rows))
    assert len(statements) > 1
    assert max(map(len, statements)) < MOST_CHARACTERS
    assert sum(one.count("[") - 1 for one in statements) == 300
