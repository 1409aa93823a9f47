"""How many GPUs an instance has: SageMaker's utilization is that of all of them together."""

import gzip
import json
from datetime import date
from pathlib import Path

import moto
import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, give
from focuswatch.bill import local_tables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_engine import connect

DESCRIBED = (
    Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"
)  # what EC2 said of its types


def gpus_described():
    """GPUs by instance type, as EC2's DescribeInstanceTypes has them; a part of one counts as one."""
    types = json.loads(gzip.decompress(DESCRIBED.read_bytes()))
    infos = {
        name: described["GpuInfo"]["Gpus"] for name, described in types.items() if "GpuInfo" in described
    }
    return {name: max(1, sum(gpu.get("Count", 0) for gpu in gpus)) for name, gpus in infos.items()}


@pytest.fixture(scope="module")
def gpus_counted():
    """GPUs by instance type, as gpu_days counts the hours of one instance hour."""
    names = {name: name for name in gpus_described()} | {"p9.768xlarge": "p9.768xlarge"}
    charge = {
        "ServiceName": "Amazon Elastic Compute Cloud",
        "charge_date": date(2026, 3, 20),
        "ConsumedQuantity": 1.0,
    }
    charges = [charge | {"SkuMeter": f"BoxUsage:{name}", "ResourceId": name} for name in names]
    connection = connect()
    case = Case(name="one of each", kind="quiet", charges=charges)
    give(connection, case, file=CaseFile.model_construct(charge={}, activity_row={}))
    local_tables.create_views(connection, Catalog.load(), values={"as_of": date(2026, 3, 31)})
    rows = connection.execute("SELECT resource_id, gpu_hours FROM gpu_days").fetchall()
    connection.close()
    return dict(rows)


def test_gpus_of_each_ec2_type_are_counted(gpus_counted):
    """Types of the G and P families; retired types are omitted."""
    described = {name: gpus for name, gpus in gpus_described().items() if name in gpus_counted}
    assert len(described) > 60
    assert {name: gpus_counted[name] for name in described} == described


def test_unlisted_type_counts_as_one_gpu(gpus_counted):
    """Its utilization is overstated, so that no idle GPU is reported wrongly."""
    assert gpus_counted["p9.768xlarge"] == 1
