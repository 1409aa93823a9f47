"""Grants in Lake Formation, for accounts where it and not IAM alone decides who reads a new database.

Data stays outside of it: the bucket is not registered there, so reading files takes the functions' IAM policies alone.
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html
"""

from aws_cdk import aws_lakeformation
from constructs import Construct

from focuswatch.operations.deployment_config import RUN_STATEMENTS, Deployment
from infra.functions import LambdaFunctions

READ = ("DESCRIBE", "SELECT")
CHANGE = ("ALTER", "INSERT")  # what registering a partition takes


class LakeFormationGrants(Construct):
    """The database and all its tables, for each function that runs statements."""

    def __init__(
        self, scope: Construct, id: str, *, deployment: Deployment, functions: LambdaFunctions
    ) -> None:
        super().__init__(scope, id)
        catalog, database = deployment.accounts.pipeline, deployment.athena.database
        permissions = aws_lakeformation.CfnPrincipalPermissions
        in_database = permissions.ResourceProperty(
            database=permissions.DatabaseResourceProperty(catalog_id=catalog, name=database)
        )
        in_tables = permissions.ResourceProperty(
            table=permissions.TableResourceProperty(
                catalog_id=catalog, database_name=database, table_wildcard={}
            )
        )
        for kind in (one for one in RUN_STATEMENTS if one in functions.functions):
            granted = {"Database": (in_database, ("DESCRIBE",)), "Tables": (in_tables, READ)}
            if kind == "refresh":
                granted["Tables"] = (in_tables, (*READ, *CHANGE))
            for name, (resource, actions) in granted.items():
                made = permissions(
                    self,
                    f"{kind}-{name}",
                    principal=permissions.DataLakePrincipalProperty(
                        data_lake_principal_identifier=f"arn:aws:iam::{catalog}:role/{deployment.function(kind)}"
                    ),
                    resource=resource,
                    permissions=list(actions),
                    permissions_with_grant_option=[],
                )
                made.node.add_dependency(functions)
