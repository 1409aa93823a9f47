"""The pipeline's stack: it wires the constructs, and does nothing else."""

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from focuswatch.catalog.catalog import Catalog
from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file import Owners
from infra.bucket import DataBucket
from infra.chain import Chain
from infra.functions import LambdaFunctions
from infra.lake_formation import LakeFormationGrants
from infra.ledger import LedgerTable
from infra.messages import Messages, construct_id
from infra.queries import SavedQueries
from infra.warehouse import GlueDatabase
from infra.watch import Monitoring
from infra.work import hear, subscribe


class PipelineStack(Stack):
    """Bucket, tables, Lambdas, topics, ledger, alarms: all that runs, in one account and region."""

    def __init__(
        self, scope: Construct, id: str, *, deployment: Deployment, catalog: Catalog, owners: Owners
    ) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: reads the bill every day and tells who can mend it",
            env=Environment(account=deployment.accounts.pipeline, region=deployment.accounts.region),
        )
        DataBucket(self, "Data", deployment=deployment)
        warehouse = GlueDatabase(self, "Warehouse", deployment=deployment)
        queries = SavedQueries(self, "Queries", deployment=deployment, catalog=catalog, owners=owners)
        queries.node.add_dependency(warehouse)
        messages = Messages(self, "Messages", deployment=deployment)
        functions = LambdaFunctions(self, "Functions", deployment=deployment, messages=messages)
        for kind in ("slack", "jira"):
            if kind in functions.queues:
                subscribe(functions.queues[kind], messages.findings, undelivered=functions.dead_letters[kind])
        for queue in (functions.queues["spending"], functions.dead_letters["spending"]):
            hear(queue, topic_arn=deployment.spending_topic_arn)
        if deployment.athena.lake_formation:
            grants = LakeFormationGrants(self, "LakeFormation", deployment=deployment, functions=functions)
            grants.node.add_dependency(warehouse)
        Chain(self, "Chain", deployment=deployment, functions=functions)
        Monitoring(self, "Watch", deployment=deployment, functions=functions, topic=messages.alarms)
        # Last, since a first deployment that fails could not take the protected table away again.
        LedgerTable(self, "Ledger", deployment=deployment).node.add_dependency(functions)
        for name, value in {
            "Bucket": deployment.bucket,
            "FindingsTopic": messages.findings.topic_arn,
            **{f"{construct_id(name)}Topic": topic.topic_arn for name, topic in messages.by_name.items()},
            **functions.addresses,
        }.items():
            CfnOutput(self, name, value=value)
