"""Create small random bills: cases of detections, mixed and corrupted as real bills can be.

A bill without meters that a detection reads would prove nothing, so bills consist of cases and not of random charges.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any

from focuswatch.detect.detection_placeholder_values import DetectionInput
from tests.conformance.bills import INPUT_TABLES, Bill, Rows

DAYS = [
    date(2024, 2, 29),
    date(2024, 3, 1),
    date(2025, 12, 31),
    date(2026, 1, 1),
    date(2027, 2, 28),
    date(2026, 4, 30),
]
NAMES = [
    "it's",
    '"quoted"',
    "two  spaces ",
    "🚀 ünï",
    "a\\b",
    "100%",
    "under_score",
    "$as_of",
    "-- no comment",
    "/* x */",
]
AMOUNTS = [0.0, -0.0, -1.5, 1e-12, -1e-12, 1e12, 0.1 + 0.2, 100.0, 49.999999999999]
TAGS: list[dict[str, str | None]] = [
    {},
    {"team": ""},
    {"team": "it's 🚀"},
    {"Team ": "x", "user:team": "y"},
    {"owner": None},
]
# A refresh never stores null in these columns.
NEVER_NULL = {"billing_period", "charges", "BillingCurrency", "ChargeCategory"}
# The share of rows and values that are corrupted. With a larger share, no detection finds anything.
CORRUPTED = 0.04

Row = tuple[Any, ...]


@dataclass(frozen=True)
class CaseBill:
    """The bill of a detection's case, read when needed: a random bill uses at most three of hundreds."""

    detection: str
    read: Callable[[], Bill]

    @cached_property
    def bill(self) -> Bill:
        return self.read()


def random_bill(random: Random, cases: Sequence[CaseBill], *, name: str) -> tuple[Bill, list[str]]:
    """Return a bill, and the detections whose cases it consists of."""
    chosen = random.choices(cases, k=random.randint(1, 3))
    as_of = random.choice([*DAYS, chosen[0].bill.question.as_of])
    rows: dict[str, Rows] = {table: [] for table in INPUT_TABLES}
    for number, one in enumerate(chosen):
        shift = as_of - one.bill.question.as_of
        suffix = f"-{number}" if number and random.random() < 0.7 else ""
        for table, table_rows in one.bill.rows.items():
            rows[table] += [_shifted(row, INPUT_TABLES[table], by=shift, suffix=suffix) for row in table_rows]
    corrupted = {
        table: _corrupted(random, table_rows, INPUT_TABLES[table]) for table, table_rows in rows.items()
    }
    # Loading refuses a file that lists an account twice.
    corrupted["accounts"] = list({row[0]: row for row in corrupted["accounts"]}.values())
    first = chosen[0].bill.question
    question = DetectionInput(as_of, first.first_new_day + (as_of - first.as_of), first.required_tags)
    return Bill(name, corrupted, question), sorted({one.detection for one in chosen})


def _shifted(row: Row, shape: Mapping[str, str], *, by: timedelta, suffix: str) -> Row:
    values = {
        name: value + by if isinstance(value, date | datetime) else value
        for name, value in zip(shape, row, strict=True)
    }
    if "charge_date" in values:
        values["billing_period"] = values["charge_date"].replace(day=1)
    for name in ("SubAccountId", "sub_account_id"):
        if suffix and values.get(name):
            values[name] += suffix
    return tuple(values.values())


def _corrupted(random: Random, rows: Rows, shape: Mapping[str, str]) -> Rows:
    kept = [row for row in rows if random.random() > CORRUPTED]
    kept += random.sample(kept, k=min(len(kept), random.randint(0, 3)))
    if kept and random.random() < 0.3:
        kept = _one_day(random, kept, shape)
    return [
        tuple(
            _corrupted_value(random, value, type_)
            if name not in NEVER_NULL and random.random() < CORRUPTED / 2
            else value
            for value, (name, type_) in zip(row, shape.items(), strict=True)
        )
        for row in kept
    ]


def _one_day(random: Random, rows: Rows, shape: Mapping[str, str]) -> Rows:
    """Return the rows without all but one day of a random account."""
    names = list(shape)
    if "SubAccountId" not in names:
        return rows
    account, day = names.index("SubAccountId"), names.index("charge_date")
    chosen = random.choice(rows)
    return [row for row in rows if row[account] != chosen[account] or row[day] == chosen[day]]


def _corrupted_value(random: Random, value: Any, type_: str) -> Any:
    corrupt: dict[str, Callable[[], Any]] = {
        "VARCHAR": lambda: random.choice([None, random.choice(NAMES), f"{value} {random.choice(NAMES)}"]),
        "DOUBLE": lambda: random.choice([None, random.choice(AMOUNTS)]),
        "MAP(VARCHAR, VARCHAR)": lambda: random.choice([None, *TAGS]),
    }
    return corrupt[type_]() if type_ in corrupt else value
