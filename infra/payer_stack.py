"""The payer stack: the export, budgets, cost anomalies, and a role that lists the organization's accounts."""

import json

from aws_cdk import (
    Duration,
    Environment,
    Stack,
    aws_bcmdataexports,
    aws_ce,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_iam,
    aws_kms,
    aws_sns,
)
from constructs import Construct

from focuswatch.bill.schema.glue_columns import EXPORT_COLUMNS
from focuswatch.bill.schema.table_columns import PRINCIPAL_EXPORT, RECOMMENDATIONS
from focuswatch.collect.collector_iam_actions import MANAGEMENT_ACTIONS
from focuswatch.operations.deployment_config import Deployment
from focuswatch.operations.resource_names import PAYER_REGION, RECOMMENDATIONS_EXPORT, RECOMMENDATIONS_PREFIX
from focuswatch.owners.owners_file_and_assignment import Owners
from infra.acknowledge_nag_findings import acknowledge
from infra.payer_budgets import PayerBudgets
from infra.queues import allow_topic, dead_letters
from infra.sns_topics import SPENDING_SERVICES, alarm_topic, allow_service, topic, topic_key

TABLE = "FOCUS_1_2_AWS"
RECOMMENDATIONS_TABLE = "COST_OPTIMIZATION_RECOMMENDATIONS"
PRINCIPAL_TABLE = "COST_AND_USAGE_REPORT"


class PayerStack(Stack):
    """The resources that must be in the payer account. Deploy after the pipeline stack, see infra/stacks.py.

    `pipeline_key` encrypts the topic. If it is None, the stack creates a key, because the key of the pipeline stack is
    in another account or Region.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        deployment: Deployment,
        owners: Owners,
        pipeline_key: aws_kms.IKey | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: FOCUS export, AWS budgets and cost anomaly alerts in the payer account",
            env=Environment(account=deployment.accounts.payer, region=PAYER_REGION),
        )
        _export(self, deployment)
        if deployment.export.recommendations:
            _recommendations_export(self, deployment)
        if deployment.principals.enabled:
            _principal_export(self, deployment)
        spending = _spending_topic(self, deployment, pipeline_key=pipeline_key)
        PayerBudgets(
            self,
            "Budgets",
            name=deployment.name,
            config=deployment.budgets,
            owners=owners,
            topic_arn=spending.topic_arn,
            billing_currency=deployment.billing_currency,
        ).node.add_dependency(spending.node.find_child("Policy"))
        _anomalies(self, deployment, topic=spending)
        if deployment.management_role:
            _organization_reader(self, deployment, name=deployment.management_role)


def _export(scope: Construct, deployment: Deployment) -> None:
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


def _recommendations_export(scope: Construct, deployment: Deployment) -> None:
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


def _principal_export(scope: Construct, deployment: Deployment) -> None:
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


def _spending_topic(
    scope: Construct, deployment: Deployment, *, pipeline_key: aws_kms.IKey | None
) -> aws_sns.Topic:
    """Return the topic for AWS Budgets and Cost Anomaly Detection, which do not accept a topic in another account.

    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
    https://docs.aws.amazon.com/cost-management/latest/userguide/ad-SNS.html
    """
    account = deployment.accounts.payer
    budgets, anomalies = SPENDING_SERVICES
    sources = {budgets: f"arn:aws:budgets::{account}:*", anomalies: None}
    name = deployment.topic("spending")
    topics = f"arn:aws:sns:{PAYER_REGION}:{account}:{deployment.name}-*"
    key = pipeline_key or topic_key(scope, services=[*sources, "cloudwatch.amazonaws.com"], topics=topics)
    spending = topic(scope, "Spending", name=name, key=key, emails=[])
    for service, arn in sources.items():
        conditions: dict[str, dict[str, object]] = {"StringEquals": {"aws:SourceAccount": account}}
        if arn:
            conditions["ArnLike"] = {"aws:SourceArn": arn}
        allow_service(spending, service=service, conditions=conditions)
    # If the queue is in another account, the first message in it requests confirmation, which `spending` sends:
    # https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
    aws_sns.CfnSubscription(
        scope,
        "SpendingQueue",
        topic_arn=spending.topic_arn,
        protocol="sqs",
        endpoint=deployment.queue_arn("spending"),
        raw_message_delivery=True,
        redrive_policy={"deadLetterTargetArn": _undelivered(scope, deployment, topic=spending, key=key)},
    )
    return spending


def _undelivered(scope: Construct, deployment: Deployment, *, topic: aws_sns.Topic, key: aws_kms.IKey) -> str:
    """Return the ARN of the dead-letter queue for messages that SNS cannot deliver to the pipeline's queue.

    It must be in the topic's account and Region: https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    If the pipeline is in the same account and Region, it is the dead-letter queue of `spending`; otherwise, it is a
    separate queue with its own alarm.
    """
    if deployment.is_one_account_and_region:
        return deployment.dead_letters_arn("spending")
    queue = dead_letters(scope, "Undelivered", name=deployment.dead_letters("spending-undelivered"))
    allow_topic(queue, topic_arn=topic.topic_arn)
    name = f"{deployment.name}-spending-undelivered"
    alarm = aws_cloudwatch.Alarm(
        scope,
        "UndeliveredAlarm",
        alarm_name=name,
        alarm_description="Alerts from AWS Budgets or Cost Anomaly Detection were not delivered to the "
        "pipeline account. See docs/operate.md.",
        metric=queue.metric_approximate_number_of_messages_visible(
            period=Duration.minutes(5), statistic="Maximum"
        ),
        threshold=1,
        evaluation_periods=1,
        treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    alarms = alarm_topic(scope, deployment, account=deployment.accounts.payer, region=PAYER_REGION, key=key)
    alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(alarms))
    return queue.queue_arn


def _anomalies(scope: Construct, deployment: Deployment, *, topic: aws_sns.Topic) -> None:
    """Subscribe to the monitor of AWS services with immediate alerts, which require an SNS topic.

    The monitor is the configured one, or a new one if the account has none. AWS would reject a second monitor.
    https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html
    """
    monitor_arn = deployment.anomalies.monitor_arn
    if not deployment.anomalies.account_has_monitor:
        monitor_arn = aws_ce.CfnAnomalyMonitor(
            scope,
            "Monitor",
            monitor_name=f"{deployment.name}-services",
            monitor_type="DIMENSIONAL",
            monitor_dimension="SERVICE",
        ).attr_monitor_arn
    if not monitor_arn:  # only in the shipped configuration, which `app.py` does not deploy
        return
    threshold = {
        "Dimensions": {
            "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
            "Values": [str(deployment.anomalies.least_impact_usd)],
        }
    }
    subscription = aws_ce.CfnAnomalySubscription(
        scope,
        "Subscription",
        subscription_name=f"{deployment.name}-anomalies",
        frequency="IMMEDIATE",
        monitor_arn_list=[monitor_arn],
        subscribers=[aws_ce.CfnAnomalySubscription.SubscriberProperty(type="SNS", address=topic.topic_arn)],
        threshold_expression=json.dumps(threshold),
    )
    subscription.node.add_dependency(topic.node.find_child("Policy"))


def _organization_reader(scope: Construct, deployment: Deployment, *, name: str) -> None:
    role = aws_iam.Role(
        scope,
        "OrganisationReader",
        role_name=name,
        description="Allows focuswatch to list the accounts of the organization",
        assumed_by=aws_iam.AccountPrincipal(deployment.accounts.pipeline).with_conditions(
            {
                "StringEquals": {"sts:ExternalId": deployment.collector.external_id},
                "ArnEquals": {"aws:PrincipalArn": deployment.collector_role_arn},
            }
        ),
    )
    role.add_to_policy(aws_iam.PolicyStatement(actions=list(MANAGEMENT_ACTIONS), resources=["*"]))
    acknowledge(
        role,
        reason="The role lists and describes all accounts of the organization. All its actions are read-only.",
        findings=["AwsSolutions-IAM5[Resource::*]"],
    )
