"""One text of SQL means the same on DuckDB and on a real Trino 435, the line that Athena engine 3 follows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from focuswatch.authoring.detection_cases import FOLDER, CaseFile, differences, read_cases
from focuswatch.bill.schema import table_columns
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.engines.duckdb_engine import connect
from tests.conformance.bills import bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import EntryResult, OnTrino, on_duckdb, run_entry, shapes_of
from tests.conformance.extent import only_in_full
from tests.conformance.reduce import KEPT, read_kept
from tests.conformance.run_both import BatchEntry, Both, case_bills, random_batches
from tests.fakes.local_trino import LocalTrino

CATALOG = Catalog.load()
THREADS = 3


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """One DuckDB for all bills: each replaces every table."""
    connection = connect()
    yield connection
    connection.close()


@only_in_full  # `make test` runs a case of each detection on the same Trino in test_athena_statements_on_trino
@pytest.mark.parametrize("id", CATALOG.detections)
def test_cases_have_the_same_result_on_trino(
    id: str, local_trino: LocalTrino, connection: duckdb.DuckDBPyConnection
) -> None:
    file, detection = read_cases(FOLDER / f"{id}.toml"), CATALOG.detections[id]
    bills = [bill_of(case, file=file, connection=connection) for case in file.cases]
    shapes = shapes_of(CATALOG, connection=connection, bill=bills[0])
    there = OnTrino(local_trino, CATALOG, id, bills, shapes)
    there.load(for_entries=[detection])
    with ThreadPoolExecutor(THREADS) as pool:
        mismatches = list(
            pool.map(
                lambda number: run_entry(
                    detection, bills[number], engine=there.engine(number), catalog=CATALOG
                ),
                range(len(bills)),
            )
        )
    problems = _against_duckdb(detection, file, there, mismatches, connection)
    there.drop()
    assert problems == []


def _against_duckdb(
    detection: Detection,
    file: CaseFile,
    there: OnTrino,
    found: list[EntryResult],
    connection: duckdb.DuckDBPyConnection,
) -> list[str]:
    problems = []
    for number, (case, bill, on_trino) in enumerate(zip(file.cases, there.bills, found, strict=True)):
        assert on_trino.outcome is not None
        mismatches = differences(case, on_trino.outcome)
        here = on_duckdb(bill, catalog=CATALOG, connection=connection)
        on_duck = run_entry(detection, bill, engine=here, catalog=CATALOG)
        for ours, theirs in zip(on_duck.answers, on_trino.answers, strict=False):
            mismatches += [difference(ours, theirs, sql=detection.sql)]
        mismatches += [
            difference(here.query(f"SELECT * FROM {name}", label=name), there.rows(name, number))
            for name in table_columns.MADE
            if name in there.made and number % 5 == 0
        ]
        problems += [f"{case.name}: {one}" for one in mismatches if one]
    return problems


BILLS, SEED = 3, 1  # `python -m tests.conformance` asks thousands


def test_random_bills_have_the_same_result_on_trino(
    local_trino: LocalTrino, connection: duckdb.DuckDBPyConnection
) -> None:
    both = Both(local_trino, connection, CATALOG)
    cases = case_bills(CATALOG, connection=connection)
    different = [
        f"{one.bill.name} {one.id}: {one.said}"
        for batch in random_batches(cases, catalog=CATALOG, bills=BILLS, seed=SEED)
        for one in both.differences(batch)
    ]
    assert different == []


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_earlier_differences_stay_fixed(
    path: Path, local_trino: LocalTrino, connection: duckdb.DuckDBPyConnection
) -> None:
    entry, bill = read_kept(path)
    assert Both(local_trino, connection, CATALOG).differences([BatchEntry(bill, [entry])]) == []
