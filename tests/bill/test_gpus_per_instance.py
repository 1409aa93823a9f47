"""The number of GPUs of each instance type: SageMaker's GPU utilization is a sum over all GPUs of an instance."""

import gzip
import json
from datetime import date
from pathlib import Path

import moto
import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect

# A response of EC2's DescribeInstanceTypes, which is part of moto.
INSTANCE_TYPES = Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"


def gpus_described():
    """Return the number of GPUs by instance type from DescribeInstanceTypes; a fraction of a GPU counts as one."""
    types = json.loads(gzip.decompress(INSTANCE_TYPES.read_bytes()))
    infos = {
        name: described["GpuInfo"]["Gpus"] for name, described in types.items() if "GpuInfo" in described
    }
    return {name: max(1, sum(gpu.get("Count", 0) for gpu in gpus)) for name, gpus in infos.items()}


@pytest.fixture(scope="module")
def gpus_counted():
    """Return the GPU hours of one instance hour by instance type, as gpu_days computes them."""
    names = {name: name for name in gpus_described()} | {"p9.768xlarge": "p9.768xlarge"}
    charge = {
        "ServiceName": "Amazon Elastic Compute Cloud",
        "charge_date": date(2026, 3, 20),
        "ConsumedQuantity": 1.0,
    }
    charges = [charge | {"SkuMeter": f"BoxUsage:{name}", "ResourceId": name} for name in names]
    connection = connect()
    case = Case(name="one of each", kind="quiet", charges=charges)
    create_input_tables(connection, case, file=CaseFile.model_construct(charge={}, activity_row={}))
    create_owner_and_computed_local_tables.create_views(
        connection, Catalog.load(), values={"as_of": date(2026, 3, 31)}
    )
    rows = connection.execute("SELECT resource_id, gpu_hours FROM gpu_days").fetchall()
    connection.close()
    return dict(rows)


def test_gpus_of_each_ec2_type_are_counted(gpus_counted):
    """The types are those of the G and P families that are not retired."""
    described = {name: gpus for name, gpus in gpus_described().items() if name in gpus_counted}
    assert len(described) > 60
    assert {name: gpus_counted[name] for name in described} == described


def test_unlisted_type_counts_as_one_gpu(gpus_counted):
    """Its utilization may then be overstated, but no busy GPU is reported as underutilized."""
    assert gpus_counted["p9.768xlarge"] == 1
