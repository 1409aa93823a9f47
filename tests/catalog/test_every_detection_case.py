"""Every case of every detection holds on DuckDB: input rows and expected findings."""

from collections.abc import Iterator

import duckdb
import pytest

from focuswatch.authoring.detection_cases import (
    CASES_FOLDER,
    Case,
    CaseFile,
    differences,
    outcome_of,
    read_cases,
)
from focuswatch.authoring.no_rows_without_ai_charges import problems_without_charges
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.engines.duckdb_connection_macros_and_tables import connect

CATALOG = Catalog.load()
FILES = {id: read_cases(CASES_FOLDER / f"{id}.toml") for id in CATALOG.detections}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield one connection for all cases: each case replaces every table."""
    connection = connect()
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("detection", "file", "case"),
    [
        pytest.param(CATALOG.detections[id], file, case, id=f"{id}: {case.name}")
        for id, file in FILES.items()
        for case in file.cases
    ],
)
def test_case_holds(
    detection: Detection, file: CaseFile, case: Case, connection: duckdb.DuckDBPyConnection
) -> None:
    """The detection reports the findings that the case expects, and no others.

    Without charges of its `ai_families`, it reports none: a scan does not run it on such a bill. `focuswatch check`
    compares the other kinds of cases too.
    """
    outcome = outcome_of(case, file=file, detection=detection, catalog=CATALOG, on=connection)
    assert differences(case, outcome) == []
    if case.kind == "fires":
        arguments = {"file": file, "detection": detection, "catalog": CATALOG, "on": connection}
        assert not list(problems_without_charges(case, **arguments))


def test_every_case_file_has_its_detection() -> None:
    """A case file whose detection was renamed or deleted would never run."""
    assert {path.stem for path in CASES_FOLDER.glob("*.toml")} == set(CATALOG.detections)
