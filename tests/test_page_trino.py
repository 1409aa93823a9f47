"""What the page asks of the tables is the same on DuckDB and on a real Trino."""

import pytest

from focuswatch.cases import FOLDER, read_cases
from focuswatch.catalog import Catalog
from focuswatch.engine.duckdb import connect
from tests.conformance.bills import bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import OnTrino, on_duckdb, shapes_of
from tests.local_trino import LocalTrino

CATALOG = Catalog.load()
ENDPOINT = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/summaries"
FINDINGS = [
    ("one", "111122223333", "us-east-1", "Amazon SageMaker", ENDPOINT),
    ("whole account", "111122223333", None, None, None),
    ("another's", "999900001111", None, None, None),
]
ASKED = {"layer_days": {}, "gpu_busy_days": {}, "finding_days": {"findings": FINDINGS}}


@pytest.fixture(scope="module")
def engines(local_trino: LocalTrino):
    """Both, over an endpoint with GPUs whose use somebody counted."""
    connection = connect()
    file = read_cases(FOLDER / "underused_gpu.toml")
    bill = bill_of(file.cases[0], file=file, connection=connection)
    shapes = shapes_of(CATALOG, connection=connection, bill=bill)
    there = OnTrino(local_trino, CATALOG, "page", [bill], shapes)
    there.load(for_entries=[CATALOG.lookups[name] for name in ASKED])
    yield on_duckdb(bill, catalog=CATALOG, connection=connection), there.engine(0), bill.question.as_of
    there.drop()
    connection.close()


@pytest.mark.parametrize("name", ASKED)
def test_what_is_drawn_is_the_same_on_trino(name, engines):
    """Row by row, and there are rows."""
    here, there, as_of = engines
    statement = CATALOG.lookups[name].render({"as_of": as_of, **ASKED[name]})
    ours = here.query(statement, label=name)
    assert ours
    assert difference(ours, there.query(statement, label=name), sql=CATALOG.lookups[name].sql) is None
