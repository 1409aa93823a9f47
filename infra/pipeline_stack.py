"""The pipeline stack: connects the constructs of the pipeline, and adds no resources of its own."""

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from focuswatch.operations.lambda_function_groups_and_modules import CHANNELS
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.cloudwatch_alarms_and_dashboard import Monitoring
from infra.data_bucket import DataBucket
from infra.event_rules import EventRules
from infra.functions import LambdaFunctions
from infra.glue_tables_and_athena_workgroup import GlueDatabase
from infra.lake_formation import LakeFormationGrants
from infra.ledger_table import LedgerTable
from infra.queues_and_subscriptions import allow_topic, subscribe
from infra.sns_topics import PipelineTopics, construct_id


class PipelineStack(Stack):
    """Bucket, tables, Lambda functions, topics, ledger and alarms, in one account and Region."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: analyzes the AWS bill daily and notifies the owners of findings",
            env=Environment(account=deployment.accounts.pipeline, region=deployment.accounts.region),
        )
        DataBucket(self, "Data", deployment=deployment)
        database = GlueDatabase(self, "Warehouse", deployment=deployment)
        topics = PipelineTopics(self, "Messages", deployment=deployment)
        self.topic_key = topics.key
        functions = LambdaFunctions(self, "Functions", deployment=deployment, topics=topics)
        for channel in CHANNELS:
            if deployment.uses(channel):
                queue, undelivered = functions.queues[channel.name], functions.dead_letters[channel.name]
                subscribe(queue, topics.findings, undelivered=undelivered, categories=channel.categories)
        for queue in (functions.queues["spending"], functions.dead_letters["spending"]):
            allow_topic(queue, topic_arn=deployment.spending_topic_arn)
        if deployment.athena.lake_formation:
            grants = LakeFormationGrants(self, "LakeFormation", deployment=deployment, functions=functions)
            grants.node.add_dependency(database)
        EventRules(self, "Chain", deployment=deployment, functions=functions)
        Monitoring(self, "Watch", deployment=deployment, functions=functions, topic=topics.alarms)
        # The table is created last: if the first deployment fails, the rollback cannot delete a table with deletion
        # protection.
        LedgerTable(self, "Ledger", deployment=deployment).node.add_dependency(functions)
        for name, value in {
            "Bucket": deployment.bucket,
            "FindingsTopic": topics.findings.topic_arn,
            **{f"{construct_id(name)}Topic": topic.topic_arn for name, topic in topics.by_name.items()},
            **functions.addresses,
        }.items():
            CfnOutput(self, name, value=value)
