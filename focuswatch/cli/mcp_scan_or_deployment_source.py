"""The data sources of `focuswatch mcp`: a local scan, or the DynamoDB ledger and Athena tables of a deployment."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli import open_ledger_and_find_entry
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.cli.open_bill_on_duckdb_or_trino import export_name
from focuswatch.cli.open_given_or_last_scanned_export import open_export
from focuswatch.errors import ConfigError
from focuswatch.ledger import Ledger
from focuswatch.mcp_server.source_protocol import Evaluation, SourceBill
from focuswatch.owners.owners_file import Owners

if TYPE_CHECKING:
    import boto3

    from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

NOT_COLLECTED = "CloudWatch has no metrics for these resources, or access to their accounts was denied."


@dataclass(frozen=True)
class ScanSource:
    """The ledger and the bill of a local scan; see focuswatch.mcp_server.source_protocol.Source."""

    bill_options: BillOptions
    catalog: Catalog
    lock: Lock = field(default_factory=Lock)  # a local bill cannot be opened twice at the same time
    is_deployed: bool = False

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger; see Source."""
        given = self.bill_options
        export = export_name(given.export, given.trino_location) if given.export else None
        with open_ledger_and_find_entry.open_ledger(given.ledger, export=export, state=given.state) as ledger:
            yield ledger

    @contextmanager
    def bill(self) -> Iterator[SourceBill]:
        """Open the bill; see Source."""
        with self.lock, open_export(self.bill_options) as opened:
            yield SourceBill(opened.bill, opened.owners, opened.name, opened.result_cache)

    def last_run(self) -> None:
        """Return None, because the open bill provides these counts; see Source."""


@dataclass(frozen=True)
class DeploymentSource:
    """The ledger and the Athena tables of a deployment; see focuswatch.mcp_server.source_protocol.Source."""

    deployment: "Deployment"
    owners: Owners
    session: "boto3.Session"
    catalog: Catalog
    is_deployed: bool = True

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger; see Source."""
        from focuswatch.ledger.dynamodb_ledger import DynamoLedger

        with self._readable(f"The ledger {self.deployment.ledger}"):
            yield DynamoLedger(self.session.resource("dynamodb").Table(self.deployment.ledger))

    @contextmanager
    def bill(self) -> Iterator[SourceBill]:
        """Open the bill; see Source."""
        from focuswatch.bill.athena_bill import open_athena_bill
        from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
        from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
        from focuswatch.engines.athena_engine import AthenaEngine

        deployment, run_id = self.deployment, f"mcp-{uuid.uuid4().hex[:8]}"
        engine = AthenaEngine(
            session=self.session,
            database=deployment.athena.database,
            workgroup=deployment.athena.workgroup,
            results=f"s3://{deployment.bucket}/athena-results/",
            run_id=run_id,
        )
        files = AthenaTableFiles(self.session.client("s3"), deployment.bucket, run_id)
        tables = AthenaTables(engine, self.session.client("glue"), files, self.catalog)
        with (
            self._readable(f"The database {deployment.athena.database}"),
            open_athena_bill(tables, owners=self.owners) as bill,
        ):
            yield SourceBill(bill, self.owners, f"the deployment {deployment.name}")

    def last_run(self) -> Evaluation:
        """Return what the last run of each detection evaluated, from the heartbeats; see Source."""
        from focuswatch.operations.function_run_heartbeats import heartbeats, last_detections

        with self._readable(f"The table {self.deployment.ledger}"):
            table = self.session.resource("dynamodb").Table(self.deployment.ledger)
            collected = heartbeats(table).get("collect")
            detections = last_detections(table, self.catalog)
        return Evaluation(
            tuple(detections),
            cause=NOT_COLLECTED,
            not_collected=collected.failed if collected else {},
        )

    @contextmanager
    def _readable(self, what: str) -> Iterator[None]:
        """Convert an AWS error in the block to a ConfigError that says what to do."""
        from focuswatch.collect.collection_refusals import AWS_ERRORS, reason_of

        try:
            yield
        except AWS_ERRORS as error:
            raise ConfigError(
                f"{what} cannot be read: {reason_of(error)}. Set AWS_PROFILE to a profile for account "
                f"{self.deployment.accounts.pipeline}, restart focuswatch mcp, and run `focuswatch doctor`."
            ) from error


def deployment_source(config: Path, *, owners: Path | None, catalog: Catalog) -> DeploymentSource:
    """Return the source for the deployment that the file `config` describes, with the caller's AWS credentials.

    If `owners` is None, the source uses the deployed owners.toml, which is in the same folder. Raises ConfigError.
    """
    from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

    deployment, beside = Deployment.load(config), config.with_name("owners.toml")
    try:
        import awswrangler  # noqa: F401  it runs the queries, and takes a second to import
        import boto3
    except ImportError as error:
        raise ConfigError(
            "focuswatch mcp --deployment requires the AWS libraries. "
            "Install the libraries with: pip install 'focuswatch[aws,mcp]'"
        ) from error
    file = owners or (beside if beside.exists() else None)
    session = boto3.Session(region_name=deployment.accounts.region)
    return DeploymentSource(deployment, Owners.load(file), session, catalog)
