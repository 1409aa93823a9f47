"""Each detection and report as a saved query that runs unchanged in the Athena console."""

from aws_cdk import aws_athena
from constructs import Construct

from focuswatch.bill.refresh.athena_statements import saved_query
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.findings.exchange_rates import rate_of
from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file import Owners


class SavedQueries(Construct):
    """A named query for each detection and report, with the name and title of its file."""

    def __init__(
        self, scope: Construct, id: str, *, deployment: Deployment, catalog: Catalog, owners: Owners
    ) -> None:
        super().__init__(scope, id)
        entries: dict[str, Detection | Report] = {**catalog.detections, **catalog.reports}
        rate = rate_of(deployment.billing_currency, rates=owners.exchange_rates)
        for name, entry in sorted(entries.items()):
            aws_athena.CfnNamedQuery(
                self,
                name,
                name=name,
                description=entry.header.title,
                database=deployment.athena.database,
                work_group=deployment.athena.workgroup,
                query_string=saved_query(
                    entry,
                    catalog=catalog,
                    required_tags=owners.routing.required_tags,
                    per_usd=float(rate.per_usd),
                ),
            )
