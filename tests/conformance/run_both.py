"""Run bills on both engines and return the differences."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random

import duckdb

from focuswatch.authoring.detection_cases import CASES_FOLDER, read_cases
from focuswatch.bill.schema.columns_of_all_tables import COMPUTED_TABLES
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.errors import FocuswatchError
from tests.conformance.bills import Bill, bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import OnTrino, on_duckdb, run_entry, shapes_of
from tests.conformance.random_bills import CaseBill, random_bill
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
    """A difference between the engines in one statement over one bill."""

    bill: Bill
    id: str
    text: str


@dataclass(frozen=True)
class Both:
    """DuckDB and a Trino, on which the same entries run."""

    trino: LocalTrino
    connection: duckdb.DuckDBPyConnection
    catalog: Catalog

    def differences(self, batch: Sequence[BatchEntry]) -> list[Difference]:
        """Return every difference between the engines; the bills of the batch share one schema of the Trino."""
        shapes = shapes_of(self.catalog, connection=self.connection, bill=batch[0].bill)
        there = OnTrino(
            self.trino, self.catalog, f"compared_{next(NUMBERS)}", [one.bill for one in batch], shapes
        )
        there.load(for_entries=[self.entry(id) for one in batch for id in one.ids])
        pairs = [(number, id) for number, one in enumerate(batch) for id in one.ids]
        with ThreadPoolExecutor(THREADS) as pool:
            results = list(pool.map(lambda pair: self._on_trino(there, *pair), pairs))
        on_trino = dict(zip(pairs, results, strict=True))
        differences = [
            Difference(one.bill, id, mismatch)
            for number, one in enumerate(batch)
            for id, mismatch in self._compared(one, number=number, on_trino=on_trino, there=there)
        ]
        there.drop()
        return differences

    def entry(self, id: str) -> Detection | Report:
        """Return the detection or report with this ID."""
        return self.catalog.detections.get(id) or self.catalog.reports[id]

    def _on_trino(self, there: OnTrino, number: int, id: str) -> "list[list[dict[str, object]]] | str":
        return self._results(id, there.bills[number], engine=there.engine(number))

    def _results(self, id, bill, *, engine):
        try:
            result = run_entry(self.entry(id), bill, engine=engine, catalog=self.catalog)
        except FocuswatchError as error:
            return str(error)
        # Without results, the error is that of the engine. focuswatch itself refuses two rows about the same resource,
        # but then the rows are compared.
        error = result.outcome.error if result.outcome and not result.results else None
        return error or result.results

    def _compared(
        self, one: BatchEntry, *, number: int, on_trino, there: OnTrino
    ) -> Iterator[tuple[str, str]]:
        here = on_duckdb(one.bill, catalog=self.catalog, connection=self.connection)
        for name in (name for name in COMPUTED_TABLES if name in there.created and number % 4 == 0):
            rows = here.query(f"SELECT * FROM {name}", label=name)
            if mismatch := difference(rows, there.rows(name, number)):
                yield one.ids[0], f"table {name}: {mismatch}"
        for id in one.ids:
            duckdb_results, trino_results = self._results(id, one.bill, engine=here), on_trino[number, id]
            if isinstance(duckdb_results, str) or isinstance(trino_results, str):
                if duckdb_results != trino_results:
                    yield id, f"DuckDB: {duckdb_results}; Trino: {trino_results}"[:600]
                continue
            for duckdb_rows, trino_rows in zip(duckdb_results, trino_results, strict=False):
                if mismatch := difference(duckdb_rows, trino_rows, sql=self.entry(id).sql):
                    yield id, mismatch


def case_bills(catalog: Catalog, *, connection: duckdb.DuckDBPyConnection) -> list[CaseBill]:
    """Return every case of every detection."""
    return [
        CaseBill(id, partial(bill_of, case, file=file, connection=connection))
        for id in catalog.detections
        for file in [read_cases(CASES_FOLDER / f"{id}.toml")]
        for case in file.cases
    ]


def random_batches(
    cases: Sequence[CaseBill], *, catalog: Catalog, bills: int, seed: int
) -> Iterator[list[BatchEntry]]:
    """Yield batches of random bills, each with the detections of its cases, another detection and a report."""
    random = Random(seed)
    for first in range(0, bills, BATCH):
        batch = []
        for number in range(first, min(first + BATCH, bills)):
            bill, ids = random_bill(random, cases, name=f"seed-{seed}-bill-{number}")
            others = [random.choice(list(catalog.detections)), random.choice(list(catalog.reports))]
            batch.append(BatchEntry(bill, [*ids, *(id for id in others if id not in ids)]))
        yield batch
