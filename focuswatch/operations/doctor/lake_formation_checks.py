"""Does Lake Formation let the functions read their tables?"""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.access_refusals import AWS_ERRORS, reason_of
from focuswatch.collect.aws_paging import paged
from focuswatch.operations.deployment_config import RUN_STATEMENTS
from focuswatch.operations.doctor.doctor_check import Check, DoctorContext, failed, noted, ok

EVERYBODY = "IAM_ALLOWED_PRINCIPALS"  # a grant to it leaves the decision to IAM policies
READS = {"SELECT", "ALL"}
TABLE = "daily_charges"


def lake_formation(patient: DoctorContext) -> Iterator[Check]:
    """Either IAM alone decides, or each function that runs statements is granted its tables.

    https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html
    """
    deployment = patient.deployment
    try:
        readers = set(_readers(patient.client("lakeformation"), database=deployment.athena.database))
    except AWS_ERRORS as error:  # a grant may be seen by few, and others run no worse for it
        yield noted("lake formation", f"its grants cannot be seen: {reason_of(error)}")
        return
    if EVERYBODY in readers:
        yield ok("lake formation", "IAM alone decides who reads the tables")
        return
    expected = {
        f"arn:aws:iam::{deployment.accounts.pipeline}:role/{deployment.function(kind)}": kind
        for kind in RUN_STATEMENTS
        if kind in deployment.kinds
    }
    missing = [kind for arn, kind in expected.items() if arn not in readers]
    if missing:
        mend = (
            "Write lake_formation = true under [athena] in config/deployment.toml and deploy "
            f"{deployment.name}-pipeline as a data lake administrator; docs/deploy.md says more."
        )
        yield failed(
            "lake formation", f"it governs the tables, and grants {', '.join(missing)} none", mend=mend
        )
    else:
        yield ok(
            "lake formation", f"it governs the tables, and grants them to {', '.join(expected.values())}"
        )


def _readers(client: Any, *, database: str) -> Iterator[str]:
    """Who may read all tables of the database, or the one that every function reads."""
    listed = paged(
        client.list_permissions, "PrincipalResourcePermissions", token="NextToken", ResourceType="TABLE"
    )
    for one in listed:
        table = one["Resource"].get("Table", {})
        named = table.get("Name") == TABLE or "TableWildcard" in table
        if table.get("DatabaseName") == database and named and READS & set(one.get("Permissions", ())):
            yield one["Principal"]["DataLakePrincipalIdentifier"]
