"""Reduce a bill to the smallest one that still shows a difference, and store it in a file."""

import json
from collections.abc import Callable
from dataclasses import astuple, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from focuswatch.detect.detection_placeholder_values import DetectionInput
from tests.conformance.bills import INPUT_TABLES, Bill

KEPT = Path(__file__).parent / "kept"
Place = tuple[str, int]


def smallest(bill: Bill, shows: Callable[[Bill], bool], *, most_tries: int = 200) -> Bill:
    """Return the bill without rows that can be removed while `shows` stays true.

    Half of the rows is tried first, then ever smaller groups, and finally single rows.
    """
    places: list[Place] = [
        (table, number) for table, rows in bill.rows.items() for number in range(len(rows))
    ]
    step = max(len(places) // 2, 1)
    tries = 0
    while tries < most_tries:
        first, shrunk = 0, False
        while first < len(places) and tries < most_tries:
            fewer = places[:first] + places[first + step :]
            tries += 1
            if shows(_only(bill, fewer)):
                places, shrunk = fewer, True
            else:
                first += step
        if step == 1 and not shrunk:
            break
        step = max(step // 2, 1)
    return _only(bill, places)


def _only(bill: Bill, places: list[Place]) -> Bill:
    rows = {
        table: [bill.rows[table][number] for name, number in places if name == table] for table in bill.rows
    }
    return replace(bill, rows=rows)


def keep(bill: Bill, *, entry: str, folder: Path = KEPT) -> Path:
    """Write a bill and the ID of the statement that differs, so that tests run it again."""
    document = {
        "entry": entry,
        "question": [*map(_text, astuple(bill.question)[:2]), list(bill.question.required_tags)],
        "rows": {table: [list(map(_text, row)) for row in rows] for table, rows in bill.rows.items() if rows},
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{entry}-{bill.name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_kept(path: Path) -> tuple[str, Bill]:
    """Return the ID of a statement, and the bill on which the engines returned different results."""
    document = json.loads(path.read_text(encoding="utf-8"))
    as_of, first_new_day, required_tags = document["question"]
    question = DetectionInput(
        date.fromisoformat(as_of), date.fromisoformat(first_new_day), tuple(required_tags)
    )
    rows = {
        table: [
            tuple(_read(value, type_) for value, type_ in zip(row, INPUT_TABLES[table].values(), strict=True))
            for row in table_rows
        ]
        for table, table_rows in document["rows"].items()
    }
    return document["entry"], Bill(path.stem, rows, question)


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _read(value: Any, type_: str) -> Any:
    if value is None:
        return None
    return {"DATE": date.fromisoformat, "TIMESTAMP": datetime.fromisoformat}.get(type_, lambda same: same)(
        value
    )
