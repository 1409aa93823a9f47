"""Checks of the Glue tables and of the Athena workgroup."""

from collections.abc import Iterator
from typing import Any

from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES, PARTITION_KEYS
from focuswatch.collect.aws_paging import paged
from focuswatch.operations.doctor.check_result_and_context import (
    Check,
    DoctorContext,
    failed,
    ok,
    restore_command,
)

GIB = 1024**3
MAX_SHOWN = 5


def check_tables(context: DoctorContext) -> Iterator[Check]:
    """Check that each table exists with its columns, their types and its partition key."""
    deployment = context.deployment
    client = context.client("glue")
    listed = paged(client.get_tables, "TableList", token="NextToken", DatabaseName=deployment.athena.database)
    tables = {table["Name"]: table for table in listed}
    problems = [problem for name in GLUE_TABLES for problem in _problems(name, tables.get(name))]
    if problems:
        more = f" and {len(problems) - MAX_SHOWN} more" if len(problems) > MAX_SHOWN else ""
        fix = (
            f"Run `{restore_command(f'{deployment.name}-pipeline')}`. The tables were deployed by an earlier version "
            "of focuswatch or changed manually."
        )
        yield failed("tables", "; ".join(problems[:MAX_SHOWN]) + more, fix=fix)
    else:
        yield ok("tables", f"{len(GLUE_TABLES)} tables in database {deployment.athena.database}")


def _problems(name: str, table: dict[str, Any] | None) -> Iterator[str]:
    if table is None:
        yield f"{name} is missing"
        return
    types = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    for column, type_ in GLUE_TABLES[name]:
        if column not in types:
            yield f"{name}.{column} is missing"
        elif types[column] != type_:
            yield f"{name}.{column} has type {types[column]}, expected {type_}"
    keys = [(key["Name"], key["Type"]) for key in table.get("PartitionKeys", ())]
    expected = [PARTITION_KEYS[name]] if name in PARTITION_KEYS else []
    if keys != expected:
        yield f"{name} has partition keys {keys or 'none'}, expected {expected or 'none'}"


def check_workgroup(context: DoctorContext) -> Iterator[Check]:
    """Check that the workgroup is enabled and has the configured scan limit."""
    deployment = context.deployment
    athena = deployment.athena
    workgroup = context.client("athena").get_work_group(WorkGroup=athena.workgroup)["WorkGroup"]
    limit = workgroup["Configuration"].get("BytesScannedCutoffPerQuery")
    if workgroup.get("State") == "DISABLED":
        fix = f"Run `aws athena update-work-group --work-group {athena.workgroup} --state ENABLED`."
        yield failed("workgroup", f"{athena.workgroup} is disabled", fix=fix)
    elif limit != athena.scan_limit_gib * GIB:
        configured = "none" if limit is None else f"{limit / GIB:g} GiB"
        found = f"scan limit per query: {configured}, expected {athena.scan_limit_gib} GiB"
        yield failed("workgroup", found, fix=f"Run `{restore_command(f'{deployment.name}-pipeline')}`.")
    else:
        yield ok("workgroup", f"{athena.workgroup}, scan limit per query: {athena.scan_limit_gib} GiB")
