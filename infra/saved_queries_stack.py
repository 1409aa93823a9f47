"""The stack of saved Athena queries: the SQL of each detection and report.

It is separate from the pipeline stack, because the size of a template is limited to 1 MB:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from aws_cdk import Environment, Stack, aws_athena
from constructs import Construct

from focuswatch.bill.detection_or_report_as_saved_query import saved_query
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import rate_of
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners


class SavedQueriesStack(Stack):
    """A named query for each detection and report, with its ID as the name and its title as the description."""

    def __init__(
        self, scope: Construct, id: str, *, deployment: Deployment, catalog: Catalog, owners: Owners
    ) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: saved Athena queries for detections and reports",
            env=Environment(account=deployment.accounts.pipeline, region=deployment.accounts.region),
        )
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
