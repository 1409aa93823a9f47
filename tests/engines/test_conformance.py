"""The same SQL returns the same rows on DuckDB and on a real Trino 435, the version that Athena engine 3 follows."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pytest

from focuswatch.authoring.detection_cases import CASES_FOLDER, read_cases
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import NOT_STORED
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Row
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from tests.conformance.bills import Bill, bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import OnTrino, on_duckdb, run_entry, shapes_of
from tests.conformance.extent import only_in_full
from tests.conformance.reduce import KEPT, read_kept
from tests.conformance.run_both import BatchEntry, Both, case_bills, random_batches
from tests.fakes.local_trino import LocalTrino

CATALOG = Catalog.load()
EVERY = 5  # of each fifth case, tables that a deployment does not store are compared too


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open one DuckDB for all bills; each bill replaces every table."""
    connection = connect()
    yield connection
    connection.close()


@only_in_full
@pytest.mark.parametrize("id", CATALOG.detections)
def test_tables_and_findings_of_cases_are_the_same_on_trino(
    id: str, local_trino: LocalTrino, connection: duckdb.DuckDBPyConnection
) -> None:
    """Stored tables are compared for each case, the other tables and the detection for every fifth case.

    test_athena_statements_on_trino runs the detection with the other tables in one statement, for each case.
    """
    file, detection = read_cases(CASES_FOLDER / f"{id}.toml"), CATALOG.detections[id]
    bills = [bill_of(case, file=file, connection=connection) for case in file.cases]
    there = OnTrino(local_trino, CATALOG, id, bills, shapes_of(CATALOG, connection=connection, bill=bills[0]))
    there.load(for_entries=[detection], every=EVERY)
    on_trino = {name: there.rows_by_bill(name) for name in there.created}
    different = [
        f"{bill.name}: {name}: {one}"
        for number, bill in enumerate(bills)
        for name, rows in _on_duckdb(bill, there.created, connection).items()
        if name not in NOT_STORED or number % EVERY == 0
        if (one := difference(rows, on_trino[name].get(number, [])))
    ]
    for number in range(0, len(bills), EVERY):
        here = on_duckdb(bills[number], catalog=CATALOG, connection=connection)
        duckdb_results, trino_results = (
            run_entry(detection, bills[number], engine=engine, catalog=CATALOG).results
            for engine in (here, there.engine(number))
        )
        different += [
            f"{bills[number].name}: {one}"
            for duckdb_rows, trino_rows in zip(duckdb_results, trino_results, strict=True)
            if (one := difference(duckdb_rows, trino_rows, sql=detection.sql))
        ]
    there.drop()
    assert different == []


def _on_duckdb(
    bill: Bill, tables: Iterable[str], connection: duckdb.DuckDBPyConnection
) -> dict[str, list[Row]]:
    here = on_duckdb(bill, catalog=CATALOG, connection=connection)
    return {name: here.query(f"SELECT * FROM {name}", label=name) for name in tables}


BILLS, SEED = 3, 1  # `python -m tests.conformance` compares thousands


def test_random_bills_have_the_same_result_on_trino(
    local_trino: LocalTrino, connection: duckdb.DuckDBPyConnection
) -> None:
    both = Both(local_trino, connection, CATALOG)
    cases = case_bills(CATALOG, connection=connection)
    different = [
        f"{one.bill.name} {one.id}: {one.text}"
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
