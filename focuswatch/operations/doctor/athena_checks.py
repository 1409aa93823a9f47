"""Can Athena read what arrives?"""

from collections.abc import Iterator
from typing import Any

from focuswatch.bill.schema.glue_columns import GLUE_TABLES, PARTITION_KEYS
from focuswatch.collect.aws_paging import paged
from focuswatch.operations.doctor.doctor_check import Check, DoctorContext, failed, ok

GIB = 1024**3
SHOWN = 5


def tables(patient: DoctorContext) -> Iterator[Check]:
    """Every table is there with its columns, their types and its partition key."""
    deployment = patient.deployment
    client = patient.client("glue")
    listed = paged(client.get_tables, "TableList", token="NextToken", DatabaseName=deployment.athena.database)
    found = {table["Name"]: table for table in listed}
    wrong = [problem for name in GLUE_TABLES for problem in _problems(name, found.get(name))]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        mend = f"Run npx cdk deploy {deployment.name}-pipeline; they are older than focuswatch, or changed by hand."
        yield failed("tables", "; ".join(wrong[:SHOWN]) + more, mend=mend)
    else:
        yield ok("tables", f"{len(GLUE_TABLES)} in {deployment.athena.database}")


def _problems(name: str, table: dict[str, Any] | None) -> Iterator[str]:
    if table is None:
        yield f"{name} is missing"
        return
    columns = {one["Name"]: one["Type"] for one in table["StorageDescriptor"]["Columns"]}
    for column, type_ in GLUE_TABLES[name]:
        if column not in columns:
            yield f"{name} lacks {column}"
        elif columns[column] != type_:
            yield f"{name}.{column} is {columns[column]}, expected {type_}"
    keys = [(one["Name"], one["Type"]) for one in table.get("PartitionKeys", ())]
    expected = [PARTITION_KEYS[name]] if name in PARTITION_KEYS else []
    if keys != expected:
        yield f"{name} is partitioned by {keys or 'nothing'}, expected {expected or 'nothing'}"


def workgroup(patient: DoctorContext) -> Iterator[Check]:
    """The workgroup is on, and its limit is the one that was configured."""
    deployment = patient.deployment
    athena, mend = deployment.athena, f"Run npx cdk deploy {deployment.name}-pipeline."
    found = patient.client("athena").get_work_group(WorkGroup=athena.workgroup)["WorkGroup"]
    limit = found["Configuration"].get("BytesScannedCutoffPerQuery")
    if found.get("State") == "DISABLED":
        enable = f"Run aws athena update-work-group --work-group {athena.workgroup} --state ENABLED."
        yield failed("workgroup", f"{athena.workgroup} is disabled", mend=enable)
    elif limit != athena.scan_limit_gib * GIB:
        scans = "as much as it likes" if limit is None else f"{limit / GIB:g} GiB"
        what = f"a statement may scan {scans}, expected {athena.scan_limit_gib} GiB"
        yield failed("workgroup", what, mend=mend)
    else:
        yield ok("workgroup", f"{athena.workgroup}, {athena.scan_limit_gib} GiB a statement")
