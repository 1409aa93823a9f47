"""The Glue database and its tables, and the Athena workgroup that queries them."""

from aws_cdk import aws_athena, aws_glue
from constructs import Construct

from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES, PARTITION_KEYS
from focuswatch.engines.athena_unload_sql_and_projection_properties import projection
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.resource_names import RECOMMENDATIONS_EXPORT, RECOMMENDATIONS_PREFIX
from infra.data_bucket import RESULTS

GIB = 1024**3
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
# Tables with partition projection. `refresh` registers the partitions of all other tables: for the export, the folder
# to which AWS delivered the billing period; for the other tables, a new folder each time.
PROJECTED = ("activity", "invocation_tokens", "token_hours")


class GlueDatabase(Construct):
    """The database, each table of focuswatch, and a workgroup with a scan limit."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id)
        self.database = aws_glue.CfnDatabase(
            self,
            "Database",
            catalog_id=deployment.accounts.pipeline,
            database_input=aws_glue.CfnDatabase.DatabaseInputProperty(
                name=deployment.athena.database,
                description="FOCUS export, and the tables that focuswatch computes from the export",
            ),
        )
        for name, columns in GLUE_TABLES.items():
            self._table(name, columns, deployment=deployment)
        self.workgroup = _workgroup(self, deployment)

    def _table(self, name: str, columns: list[tuple[str, str]], *, deployment: Deployment) -> None:
        key = PARTITION_KEYS.get(name)
        table = aws_glue.CfnTable(
            self,
            name,
            catalog_id=deployment.accounts.pipeline,
            database_name=deployment.athena.database,
            table_input=aws_glue.CfnTable.TableInputProperty(
                name=name,
                table_type="EXTERNAL_TABLE",
                parameters={"classification": "parquet", "EXTERNAL": "TRUE", **_projection(name, deployment)},
                partition_keys=[_column(*key)] if key else [],
                storage_descriptor=aws_glue.CfnTable.StorageDescriptorProperty(
                    location=f"{_location(name, deployment)}/",
                    columns=[_column(*column) for column in columns],
                    input_format=f"{_PARQUET}.MapredParquetInputFormat",
                    output_format=f"{_PARQUET}.MapredParquetOutputFormat",
                    serde_info=aws_glue.CfnTable.SerdeInfoProperty(
                        serialization_library=f"{_PARQUET}.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        )
        table.node.add_dependency(self.database)


def _workgroup(scope: Construct, deployment: Deployment) -> aws_athena.CfnWorkGroup:
    """Return the workgroup, whose result location, encryption and scan limit override those of clients."""
    config = aws_athena.CfnWorkGroup
    return aws_athena.CfnWorkGroup(
        scope,
        "Workgroup",
        name=deployment.athena.workgroup,
        description="focuswatch: Athena queries for detections, reports and refreshes",
        recursive_delete_option=True,
        work_group_configuration=config.WorkGroupConfigurationProperty(
            bytes_scanned_cutoff_per_query=deployment.athena.scan_limit_gib * GIB,
            enforce_work_group_configuration=True,
            publish_cloud_watch_metrics_enabled=True,
            engine_version=config.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
            result_configuration=config.ResultConfigurationProperty(
                output_location=f"s3://{deployment.bucket}/{RESULTS}",
                expected_bucket_owner=deployment.accounts.pipeline,
                encryption_configuration=config.EncryptionConfigurationProperty(encryption_option="SSE_S3"),
            ),
        ),
    )


def _location(name: str, deployment: Deployment) -> str:
    """Return the folder of a table's files; for an export only data/, because metadata/ contains manifests."""
    if name == "focus_export":
        return f"s3://{deployment.bucket}/{deployment.export_path}/data"
    if name == "recommendations":  # has no partitions: Athena reads the folders of all deliveries
        return f"s3://{deployment.bucket}/{RECOMMENDATIONS_PREFIX}/{RECOMMENDATIONS_EXPORT}/data"
    if name == "principal_export":
        return f"s3://{deployment.bucket}/{deployment.principals_path}/data"
    return f"s3://{deployment.bucket}/tables/{name}"


def _projection(name: str, deployment: Deployment) -> dict[str, str]:
    if name not in PROJECTED:
        return {}
    key, _ = PARTITION_KEYS[name]
    first = f"{deployment.export.first_month}-01"
    return projection(key, unit="DAYS", first=first, folder=f"{_location(name, deployment)}/{key}=")


def _column(name: str, type_: str) -> aws_glue.CfnTable.ColumnProperty:
    return aws_glue.CfnTable.ColumnProperty(name=name, type=type_)
