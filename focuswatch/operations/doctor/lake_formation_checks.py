"""Check that Lake Formation allows the functions to read the Glue tables."""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.collection_refusals import AWS_ERRORS, reason_of
from focuswatch.operations.doctor.check_result_and_context import Check, DoctorContext, failed, noted, ok
from focuswatch.operations.lambda_function_groups_and_modules import READ_TABLES

IAM_ONLY = "IAM_ALLOWED_PRINCIPALS"  # with a grant to this group, only IAM policies control access
READ_PERMISSIONS = {"SELECT", "ALL"}
TABLE = "daily_charges"


def check_lake_formation(context: DoctorContext) -> Iterator[Check]:
    """Check that IAM policies alone control access, or that each function that reads tables has a grant.

    https://docs.aws.amazon.com/lake-formation/latest/dg/change-settings.html
    """
    deployment = context.deployment
    try:
        readers = set(_readers(context.client("lakeformation"), database=deployment.athena.database))
    except AWS_ERRORS as error:  # few roles may list grants, and the functions need no such permission
        yield noted("lake formation", f"cannot list Lake Formation permissions: {reason_of(error)}")
        return
    if IAM_ONLY in readers:
        yield ok("lake formation", "access to the tables is controlled only by IAM policies")
        return
    expected = {
        f"arn:aws:iam::{deployment.accounts.pipeline}:role/{deployment.function(kind)}": kind
        for kind in READ_TABLES
        if kind in deployment.kinds
    }
    missing = [kind for arn, kind in expected.items() if arn not in readers]
    if missing:
        fix = (
            "Set lake_formation = true under [athena] in config/deployment.toml, and deploy "
            f"{deployment.name}-pipeline as a data lake administrator. See docs/deploy.md."
        )
        found = (
            f"Lake Formation controls access to the tables; functions without access: {', '.join(missing)}"
        )
        yield failed("lake formation", found, fix=fix)
    else:
        found = (
            "Lake Formation controls access to the tables; functions with access: "
            f"{', '.join(expected.values())}"
        )
        yield ok("lake formation", found)


def _readers(client: Any, *, database: str) -> Iterator[str]:
    """Yield the principals that may read all tables of the database, or `TABLE`, which every function reads."""
    grants = paged(
        client.list_permissions, "PrincipalResourcePermissions", token="NextToken", ResourceType="TABLE"
    )
    for grant in grants:
        table = grant["Resource"].get("Table", {})
        covers = table.get("Name") == TABLE or "TableWildcard" in table
        readable = READ_PERMISSIONS & set(grant.get("Permissions", ()))
        if table.get("DatabaseName") == database and covers and readable:
            yield grant["Principal"]["DataLakePrincipalIdentifier"]
