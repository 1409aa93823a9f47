"""What compares the engines: it sees what differs, and reduces a bill to what shows it. No Trino is needed."""

from datetime import date
from decimal import Decimal
from random import Random

import pytest

from focuswatch.authoring.detection_cases import FOLDER, read_cases
from focuswatch.detect.run_detection import DetectionInput
from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.inline_rows import MOST_CHARACTERS, insert_statements
from tests.conformance.bills import GIVEN, Bill, bill_of
from tests.conformance.compare import difference
from tests.conformance.random_bills import Known, random_bill
from tests.conformance.reduce import keep, read_kept, smallest

QUESTION = DetectionInput(date(2026, 3, 31), date(2026, 3, 24), ("team", "owner"))


def account(id: str, joined: date | None = None) -> tuple[object, ...]:
    """A row of accounts."""
    return (id, None, None, None, {"a'b": "🚀"}, joined, None)


def bill(*ids: str) -> Bill:
    """Accounts and nothing else."""
    return Bill("a-bill", {"accounts": [account(id, date(2024, 2, 29)) for id in ids]}, QUESTION)


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
def test_what_is_not_the_same_is_seen(duckdb, trino):
    """A null is no zero, an integer no double, and a decimal has its scale."""
    assert difference([{"x": duckdb}], [{"x": trino}]) is not None


def test_the_last_digit_of_a_double_is_no_difference():
    """Sums depend on the order of adding; not even where it decides the order of two rows."""
    sql = "SELECT cost, name FROM x ORDER BY cost DESC, name"
    duckdb = [{"cost": 0.1 + 0.2, "name": "a"}, {"cost": 0.3, "name": "b"}]
    trino = [{"cost": 0.3, "name": "b"}, {"cost": 0.3, "name": "a"}]
    assert difference(duckdb, trino, sql=sql) is None


def test_an_order_is_held_to_where_one_is_promised():
    """And only there."""
    rows = [{"cost": 2.0, "name": "a"}, {"cost": 1.0, "name": "b"}]
    assert difference(rows, rows[::-1]) is None
    assert "order" in (difference(rows, rows[::-1], sql="SELECT 1 ORDER BY t.cost DESC, name LIMIT 5") or "")


def test_a_row_too_many_is_named():
    """With the engine that has it."""
    assert "Trino alone has {'x': 2}" in (difference([{"x": 1}], [{"x": 1}, {"x": 2}]) or "")


def test_a_bill_is_reduced_to_the_rows_that_matter():
    """Two of forty accounts make the difference together."""
    ids = [f"{number:02}" for number in range(40)]
    smallest_bill = smallest(bill(*ids), lambda one: {"07", "31"} <= {row[0] for row in one.rows["accounts"]})
    assert [row[0] for row in smallest_bill.rows["accounts"]] == ["07", "31"]


def test_a_kept_bill_is_the_bill(tmp_path):
    """Days, nulls, maps and the question come back as they were."""
    inputs = bill("1", "2")
    entry, read = read_kept(keep(inputs, entry="new_region", folder=tmp_path))
    assert (entry, read.rows, read.question) == ("new_region", inputs.rows, QUESTION)


def test_a_random_bill_is_the_same_for_the_same_seed_and_spoilt():
    """Whoever reports a difference names a seed; and what a bill may hold, some of these hold."""
    connection = connect()
    file = read_cases(FOLDER / "new_region.toml")
    earlier_bills = [
        Known("new_region", bill_of(case, file=file, connection=connection)) for case in file.cases
    ]
    bills = [random_bill(Random(seed), earlier_bills, name="b")[0] for seed in range(30)]
    assert bills == [random_bill(Random(seed), earlier_bills, name="b")[0] for seed in range(30)]
    rows = [
        dict(zip(GIVEN["folded_charges"], row, strict=True))
        for one in bills
        for row in one.rows["folded_charges"]
    ]
    assert any(row["SubAccountId"] is None for row in rows)
    assert any(row["Tags"] == {} for row in rows)
    assert any((row["EffectiveCost"] or 0) < 0 for row in rows)
    assert any("🚀" in (row["ServiceName"] or "") for row in rows)
    assert any(one.question.as_of == date(2024, 2, 29) for one in bills)
    assert all(row["billing_period"] == row["charge_date"].replace(day=1) for row in rows)


def test_many_rows_are_several_statements_none_too_long():
    """Trino refuses a text of more than a million characters; quotes are written twice."""
    rows = [(number, "'" * 3000) for number in range(300)]
    statements = list(insert_statements("t", {"a": "BIGINT", "b": "VARCHAR"}, rows))
    assert len(statements) > 1
    assert max(map(len, statements)) < MOST_CHARACTERS
    assert sum(one.count("[") - 1 for one in statements) == 300
