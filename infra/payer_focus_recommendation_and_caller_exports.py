"""The exports of the payer account: FOCUS, recommendations of Cost Optimization Hub, and callers of Amazon Bedrock."""

from aws_cdk import (
    aws_bcmdataexports,
)
from constructs import Construct

from focuswatch.bill.schema.columns_of_all_tables import PRINCIPAL_EXPORT, RECOMMENDATIONS
from focuswatch.bill.schema.glue_tables_and_partition_keys import EXPORT_COLUMNS
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.resource_names import RECOMMENDATIONS_EXPORT, RECOMMENDATIONS_PREFIX

TABLE = "FOCUS_1_2_AWS"
RECOMMENDATIONS_TABLE = "COST_OPTIMIZATION_RECOMMENDATIONS"
PRINCIPAL_TABLE = "COST_AND_USAGE_REPORT"


def add_focus_export(scope: Construct, deployment: Deployment) -> None:
    """Create the FOCUS export. The query lists the columns, because `SELECT *` is reported to be rejected.

    https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html
    """
    query = aws_bcmdataexports.CfnExport.DataQueryProperty(
        query_statement=f"SELECT {', '.join(EXPORT_COLUMNS)} FROM {TABLE}",
        table_configurations={TABLE: {"TIME_GRANULARITY": deployment.export.grain}},
    )
    _data_export(
        scope,
        "Export",
        deployment=deployment,
        name=deployment.export.name,
        prefix=deployment.export.prefix,
        description="FOCUS 1.2 for focuswatch",
        query=query,
    )


def add_recommendations_export(scope: Construct, deployment: Deployment) -> None:
    """Create the export of Cost Optimization Hub, with only the best of recommendations that exclude each other.

    The export requires a service-linked role in the payer account, which the console creates at the opt-in:
    https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cor.html
    """
    query = aws_bcmdataexports.CfnExport.DataQueryProperty(
        query_statement=f"SELECT {', '.join(RECOMMENDATIONS)} FROM {RECOMMENDATIONS_TABLE}",
        table_configurations={
            RECOMMENDATIONS_TABLE: {"INCLUDE_ALL_RECOMMENDATIONS": "FALSE", "FILTER": "{}"}
        },
    )
    _data_export(
        scope,
        "Recommendations",
        deployment=deployment,
        name=RECOMMENDATIONS_EXPORT,
        prefix=RECOMMENDATIONS_PREFIX,
        description="Recommendations from AWS Cost Optimization Hub, for focuswatch",
        query=query,
    )


def add_principal_export(scope: Construct, deployment: Deployment) -> None:
    """Create the export of the callers of Amazon Bedrock: the CUR 2.0 rows with a caller, and only the needed columns.

    AWS records a caller only for model calls, so these rows are AI usage. Without INCLUDE_IAM_PRINCIPAL_DATA, the
    column does not exist. Syntax: https://docs.aws.amazon.com/cur/latest/userguide/dataexports-data-query.html
    Columns and configurations are the same as in AWS's own stack (data-exports-aggregation.yaml, version 0.12):
    https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-data-collection
    """
    columns = ", ".join(PRINCIPAL_EXPORT)
    query = aws_bcmdataexports.CfnExport.DataQueryProperty(
        query_statement=f"SELECT {columns} FROM {PRINCIPAL_TABLE} WHERE line_item_iam_principal != ''",
        table_configurations={
            PRINCIPAL_TABLE: {
                "TIME_GRANULARITY": "DAILY",
                "INCLUDE_RESOURCES": "FALSE",
                "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
                "INCLUDE_SPLIT_COST_ALLOCATION_DATA": "FALSE",
                "INCLUDE_IAM_PRINCIPAL_DATA": "TRUE",
            }
        },
    )
    _data_export(
        scope,
        "PrincipalExport",
        deployment=deployment,
        name=deployment.principals.name,
        prefix=deployment.principals.prefix,
        description="CUR 2.0 for focuswatch, with the IAM principals that called Amazon Bedrock",
        query=query,
    )


def _data_export(
    scope: Construct,
    id: str,
    *,
    deployment: Deployment,
    name: str,
    prefix: str,
    description: str,
    query: aws_bcmdataexports.CfnExport.DataQueryProperty,
) -> None:
    """Create an export to the data bucket in Parquet format; each delivery overwrites the previous one."""
    export = aws_bcmdataexports.CfnExport
    output = export.S3OutputConfigurationsProperty(
        format="PARQUET", compression="PARQUET", output_type="CUSTOM", overwrite="OVERWRITE_REPORT"
    )
    destination = export.S3DestinationProperty(
        s3_bucket=deployment.bucket,
        s3_bucket_owner=None if deployment.is_one_account else deployment.accounts.pipeline,
        s3_prefix=prefix,
        s3_region=deployment.accounts.region,
        s3_output_configurations=output,
    )
    export(
        scope,
        id,
        export=export.ExportProperty(
            name=name,
            description=description,
            data_query=query,
            destination_configurations=export.DestinationConfigurationsProperty(s3_destination=destination),
            refresh_cadence=export.RefreshCadenceProperty(frequency="SYNCHRONOUS"),
        ),
    )
