"""Random small bills: cases of the detections, mixed and spoilt in the ways that real bills are. Pure.

A bill that no detection's meters occur in proves nothing, so they are made of cases and not of noise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any

from focuswatch.detect.run_detection import DetectionInput
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
KEYS = {"billing_period", "charges", "BillingCurrency", "ChargeCategory"}  # a refresh never leaves these null
SPOILT = 0.04  # of the values: more, and no detection fires any more

Row = tuple[Any, ...]


@dataclass(frozen=True)
class EarlierBill:
    """A case of a detection; of hundreds, a random bill reads three."""

    detection: str
    read: Callable[[], Bill]

    @cached_property
    def bill(self) -> Bill:
        return self.read()


def random_bill(random: Random, known: Sequence[EarlierBill], *, name: str) -> tuple[Bill, list[str]]:
    """A bill, and the detections whose cases it is made of."""
    chosen = random.choices(known, k=random.randint(1, 3))
    as_of = random.choice([*DAYS, chosen[0].bill.question.as_of])
    rows: dict[str, Rows] = {table: [] for table in INPUT_TABLES}
    for number, one in enumerate(chosen):
        shift = as_of - one.bill.question.as_of
        suffix = f"-{number}" if number and random.random() < 0.7 else ""
        for table, table_rows in one.bill.rows.items():
            rows[table] += [_moved(row, INPUT_TABLES[table], by=shift, suffix=suffix) for row in table_rows]
    spoilt = {table: _spoilt(random, table_rows, INPUT_TABLES[table]) for table, table_rows in rows.items()}
    spoilt["accounts"] = list(
        {row[0]: row for row in spoilt["accounts"]}.values()
    )  # refused when they are loaded
    first = chosen[0].bill.question
    question = DetectionInput(as_of, first.first_new_day + (as_of - first.as_of), first.required_tags)
    return Bill(name, spoilt, question), sorted({one.detection for one in chosen})


def _moved(row: Row, shape: Mapping[str, str], *, by: timedelta, suffix: str) -> Row:
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


def _spoilt(random: Random, rows: Rows, shape: Mapping[str, str]) -> Rows:
    kept = [row for row in rows if random.random() > SPOILT]
    kept += random.sample(kept, k=min(len(kept), random.randint(0, 3)))
    if kept and random.random() < 0.3:
        kept = _one_day(random, kept, shape)
    return [
        tuple(
            _value(random, value, type_) if name not in KEYS and random.random() < SPOILT / 2 else value
            for value, (name, type_) in zip(row, shape.items(), strict=True)
        )
        for row in kept
    ]


def _one_day(random: Random, rows: Rows, shape: Mapping[str, str]) -> Rows:
    """One account keeps a single day."""
    names = list(shape)
    if "SubAccountId" not in names:
        return rows
    account, day = names.index("SubAccountId"), names.index("charge_date")
    chosen = random.choice(rows)
    return [row for row in rows if row[account] != chosen[account] or row[day] == chosen[day]]


def _value(random: Random, value: Any, type_: str) -> Any:
    spoil: dict[str, Callable[[], Any]] = {
        "VARCHAR": lambda: random.choice([None, random.choice(NAMES), f"{value} {random.choice(NAMES)}"]),
        "DOUBLE": lambda: random.choice([None, random.choice(AMOUNTS)]),
        "MAP(VARCHAR, VARCHAR)": lambda: random.choice([None, *TAGS]),
    }
    return spoil[type_]() if type_ in spoil else value
