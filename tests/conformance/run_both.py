"""Run bills on both engines and return the differences."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random

import duckdb

from focuswatch.authoring.detection_cases import FOLDER, read_cases
from focuswatch.bill import local_tables
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.errors import FocuswatchError
from tests.conformance.bills import Bill, bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import OnTrino, on_duckdb, run_entry, shapes_of
from tests.conformance.random_bills import EarlierBill, random_bill
from tests.fakes.local_trino import LocalTrino

THREADS = 3
BATCH = 12  # bills in one schema
NUMBERS = count()


@dataclass(frozen=True)
class BatchEntry:
    """A bill, and the IDs of the statements that run on it."""

    bill: Bill
    ids: Sequence[str]


@dataclass(frozen=True)
class Difference:
    """The difference between two engines in one statement over one bill."""

    bill: Bill
    id: str
    said: str


@dataclass(frozen=True)
class Both:
    """DuckDB and a Trino."""

    trino: LocalTrino
    connection: duckdb.DuckDBPyConnection
    catalog: Catalog

    def differences(self, asked: Sequence[BatchEntry]) -> list[Difference]:
        """Every difference between them, over bills that lie in one schema of the Trino."""
        shapes = shapes_of(self.catalog, connection=self.connection, bill=asked[0].bill)
        there = OnTrino(
            self.trino, self.catalog, f"asked_{next(NUMBERS)}", [one.bill for one in asked], shapes
        )
        there.load(for_entries=[self.entry(id) for one in asked for id in one.ids])
        pairs = [(number, id) for number, one in enumerate(asked) for id in one.ids]
        with ThreadPoolExecutor(THREADS) as pool:
            mismatches = list(pool.map(lambda pair: self._on_trino(there, *pair), pairs))
        on_trino = dict(zip(pairs, mismatches, strict=True))
        differences = [
            Difference(one.bill, id, mismatch)
            for number, one in enumerate(asked)
            for id, mismatch in self._compared(one, number=number, on_trino=on_trino, there=there)
        ]
        there.drop()
        return differences

    def entry(self, id: str) -> Detection | Report:
        """A detection or a report."""
        return self.catalog.detections.get(id) or self.catalog.reports[id]

    def _on_trino(self, there: OnTrino, number: int, id: str) -> "list[list[dict[str, object]]] | str":
        return self._answers(id, there.bills[number], engine=there.engine(number))

    def _answers(self, id, bill, *, engine):
        try:
            result = run_entry(self.entry(id), bill, engine=engine, catalog=self.catalog)
        except FocuswatchError as error:
            return str(error)
        # an engine's refusal; that two rows name one thing is ours, and the rows tell it
        error = result.outcome.error if result.outcome and not result.answers else None
        return error or result.answers

    def _compared(
        self, one: BatchEntry, *, number: int, on_trino, there: OnTrino
    ) -> Iterator[tuple[str, str]]:
        here = on_duckdb(one.bill, catalog=self.catalog, connection=self.connection)
        for name in (name for name in local_tables.MADE if name in there.made and number % 4 == 0):
            ours = here.query(f"SELECT * FROM {name}", label=name)
            if mismatch := difference(ours, there.rows(name, number)):
                yield one.ids[0], f"table {name}: {mismatch}"
        for id in one.ids:
            ours, theirs = self._answers(id, one.bill, engine=here), on_trino[number, id]
            if isinstance(ours, str) or isinstance(theirs, str):
                yield from [(id, f"DuckDB: {ours}; Trino: {theirs}"[:600])] if ours != theirs else []
                continue
            for mine, yours in zip(ours, theirs, strict=False):
                if mismatch := difference(mine, yours, sql=self.entry(id).sql):
                    yield id, mismatch


def case_bills(catalog: Catalog, *, connection: duckdb.DuckDBPyConnection) -> list[EarlierBill]:
    """Every case of every detection."""
    return [
        EarlierBill(id, partial(bill_of, case, file=file, connection=connection))
        for id in catalog.detections
        for file in [read_cases(FOLDER / f"{id}.toml")]
        for case in file.cases
    ]


def random_batches(
    known: Sequence[EarlierBill], *, catalog: Catalog, bills: int, seed: int
) -> Iterator[list[BatchEntry]]:
    """Random bills, each with the detections it is made for, one more, and a report."""
    random = Random(seed)
    for first in range(0, bills, BATCH):
        batch = []
        for number in range(first, min(first + BATCH, bills)):
            bill, ids = random_bill(random, known, name=f"seed-{seed}-bill-{number}")
            others = [random.choice(list(catalog.detections)), random.choice(list(catalog.reports))]
            batch.append(BatchEntry(bill, [*ids, *(id for id in others if id not in ids)]))
        yield batch
