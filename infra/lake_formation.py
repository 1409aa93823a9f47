"""Lake Formation grants, for accounts in which Lake Formation controls access to new databases.

The bucket is not registered in Lake Formation, so only the functions' IAM policies control access to its files.
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html
"""

from aws_cdk import aws_lakeformation
from constructs import Construct

from focuswatch.operations.lambda_function_groups_and_modules import READ_TABLES
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.functions import LambdaFunctions

READ = ("DESCRIBE", "SELECT")
CHANGE = ("ALTER", "INSERT")  # to register and remove a partition
CHANGE_PARTITIONS = ("refresh", "bills")


class LakeFormationGrants(Construct):
    """Grants on the database and all its tables, for each function that runs queries or changes partitions."""

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
        for kind in (kind for kind in READ_TABLES if kind in functions.functions):
            grants = {"Database": (in_database, ("DESCRIBE",)), "Tables": (in_tables, READ)}
            if kind in CHANGE_PARTITIONS:
                grants["Tables"] = (in_tables, (*READ, *CHANGE))
            for name, (resource, actions) in grants.items():
                grant = permissions(
                    self,
                    f"{kind}-{name}",
                    principal=permissions.DataLakePrincipalProperty(
                        data_lake_principal_identifier=f"arn:aws:iam::{catalog}:role/{deployment.function(kind)}"
                    ),
                    resource=resource,
                    permissions=list(actions),
                    permissions_with_grant_option=[],
                )
                grant.node.add_dependency(functions)
