"""Athena's door: what the Athena engine sends is asked unchanged of a real Trino 435, and answered as by DuckDB."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random

import boto3
import duckdb
import pytest

from focuswatch.cases import FOLDER, Case, differences, read_cases
from focuswatch.catalog import Catalog
from focuswatch.engine.athena import AthenaEngine
from focuswatch.engine.duckdb import connect
from focuswatch.warehouse.statements import NOT_STORED, saved_query, tables_as_of
from tests.conformance.asked import known_cases
from tests.conformance.bills import Bill, bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import Answered, answered, on_duckdb
from tests.conformance.random_bills import random_bill
from tests.local_athena_tables import give_tables
from tests.local_athena_trino import over_trino
from tests.local_aws import LocalAws, local_aws
from tests.local_trino import LocalTrino

BUCKET, WORKGROUP = "bills", "conformance"
CATALOG = Catalog.load()
ALL = os.environ.get("FOCUSWATCH_CONFORMANCE") == "all"  # else one case of each that fires
NUMBERS = count()
SEED = 7


@pytest.fixture(scope="module")
def aws(local_trino: LocalTrino, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An AWS whose Athena is that Trino."""
    with local_aws(tmp_path_factory.mktemp("aws")) as aws, aws.used(), over_trino(aws, local_trino):
        aws.client("s3").create_bucket(Bucket=BUCKET)
        results = {"OutputLocation": f"s3://{BUCKET}/results/"}
        aws.client("athena").create_work_group(
            Name=WORKGROUP,
            Configuration={"EnforceWorkGroupConfiguration": True, "ResultConfiguration": results},
        )
        yield aws


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """One DuckDB for all bills: each replaces every table."""
    connection = connect()
    yield connection
    connection.close()


def on_athena(bill: Bill, *, aws: LocalAws, connection: duckdb.DuckDBPyConnection) -> AthenaEngine:
    """The engine of a deployment over what DuckDB holds of a bill now."""
    database = f"bill_{next(NUMBERS)}"
    give_tables(aws, connection, bucket=BUCKET, database=database)
    return AthenaEngine(
        session=boto3.Session(), database=database, workgroup=WORKGROUP, results=f"s3://{BUCKET}/unloaded/",
        run_id=database, tables=tables_as_of(CATALOG, as_of=bill.question.as_of),
    )  # fmt: skip


def unlike(ours: Answered, theirs: Answered) -> list[str]:
    """Where Athena's rows are not DuckDB's; an UNLOAD promises no order."""
    if theirs.outcome and theirs.outcome.error:
        return [theirs.outcome.error]
    found = (difference(one, other) for one, other in zip(ours.answers, theirs.answers, strict=True))
    return [one for one in found if one]


@pytest.mark.parametrize("id", CATALOG.detections)
def test_a_case_is_the_same_at_athenas_door(
    id: str, aws: LocalAws, connection: duckdb.DuckDBPyConnection
) -> None:
    """It holds there, and each row of each statement is DuckDB's row: statements as a Lambda would send them."""
    file, detection = read_cases(FOLDER / f"{id}.toml"), CATALOG.detections[id]
    asked = []
    for case in file.cases if ALL else firing(file.cases):
        bill = bill_of(case, file=file, connection=connection)
        here = answered(
            detection, bill, engine=on_duckdb(bill, catalog=CATALOG, connection=connection), catalog=CATALOG
        )
        asked.append((case, bill, here, on_athena(bill, aws=aws, connection=connection)))
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda one: answered(detection, one[1], engine=one[3], catalog=CATALOG), asked)
        problems = [
            f"{case.name}: {said}"
            for (case, _, here, _), there in zip(asked, found, strict=True)
            for said in [*differences(case, there.outcome), *unlike(here, there)]
        ]
    assert problems == []


def firing(cases: list[Case]) -> list[Case]:
    """The first that finds something."""
    return [case for case in cases if case.findings][:1]


@pytest.fixture(scope="module")
def mixed(aws: LocalAws, connection: duckdb.DuckDBPyConnection) -> tuple[Bill, AthenaEngine]:
    """A bill mixed of cases and spoilt: nulls, quotes, emoji, empty maps."""
    known = known_cases(CATALOG, connection=connection)
    bill, _ = random_bill(Random(SEED), known, name=f"seed-{SEED}")
    on_duckdb(bill, catalog=CATALOG, connection=connection)
    return bill, on_athena(bill, aws=aws, connection=connection)


@pytest.mark.parametrize("name", NOT_STORED)
def test_a_table_that_is_not_stored_is_the_same_at_athenas_door(
    name: str, mixed: tuple[Bill, AthenaEngine], connection: duckdb.DuckDBPyConnection
) -> None:
    """It stands before whatever reads it, and means there what it means here."""
    bill, there = mixed
    here = on_duckdb(bill, catalog=CATALOG, connection=connection)
    columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
    statement = f"SELECT {', '.join(columns)} FROM {name}"
    assert difference(here.query(statement, label=name), there.query(statement, label=name)) is None


@pytest.mark.parametrize("id", CATALOG.reports)
def test_a_report_is_the_same_at_athenas_door(
    id: str, mixed: tuple[Bill, AthenaEngine], connection: duckdb.DuckDBPyConnection
) -> None:
    """Row by row."""
    bill, there = mixed
    report = CATALOG.reports[id]
    here = answered(
        report, bill, engine=on_duckdb(bill, catalog=CATALOG, connection=connection), catalog=CATALOG
    )
    assert unlike(here, answered(report, bill, engine=there, catalog=CATALOG)) == []


@pytest.mark.skipif(not ALL, reason="plans everything once more: make conformance")
@pytest.mark.parametrize("id", [*CATALOG.detections, *CATALOG.reports])
def test_a_saved_query_runs_as_it_stands(id: str, mixed: tuple[Bill, AthenaEngine]) -> None:
    """In the console there is nobody to fill in a date, and no engine that puts tables before it."""
    _, there = mixed
    entry = CATALOG.detections.get(id) or CATALOG.reports[id]
    statement = saved_query(entry, catalog=CATALOG, required_tags=["team"])
    there.tables, before = {}, there.tables
    try:
        there.query(statement, label=id)
    finally:
        there.tables = before
