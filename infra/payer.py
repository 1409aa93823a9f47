"""The payer's stack: the export, budgets, AWS's own anomalies, and leave to list the organisation's accounts."""

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
from focuswatch.collect.member_permissions import MANAGEMENT_ACTIONS
from focuswatch.operations.deployment_config import PAYER_REGION, Deployment
from focuswatch.owners.owners_file import Owners
from infra.budgets import PayerBudgets
from infra.explained import explain
from infra.messages import alarm_topic, dead_letters, let_publish, topic, topic_key
from infra.work import hear

TABLE = "FOCUS_1_2_AWS"


class PayerStack(Stack):
    """What only the account that is billed can have; it comes after the pipeline's stack, see infra/stacks.py."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment, owners: Owners) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: the FOCUS export, budgets and anomalies of the payer",
            env=Environment(account=deployment.accounts.payer, region=PAYER_REGION),
        )
        _export(self, deployment)
        spending = _spending_topic(self, deployment)
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
            _organisation_reader(self, deployment, name=deployment.management_role)


def _export(scope: Construct, deployment: Deployment) -> None:
    """The FOCUS export. Its columns are listed, since `SELECT *` is reported to be refused.

    https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html
    """
    export = aws_bcmdataexports.CfnExport
    output = export.S3OutputConfigurationsProperty(
        format="PARQUET", compression="PARQUET", output_type="CUSTOM", overwrite="OVERWRITE_REPORT"
    )
    destination = export.S3DestinationProperty(
        s3_bucket=deployment.bucket,
        s3_bucket_owner=None if deployment.is_one_account else deployment.accounts.pipeline,
        s3_prefix=deployment.export.prefix,
        s3_region=deployment.accounts.region,
        s3_output_configurations=output,
    )
    query = export.DataQueryProperty(
        query_statement=f"SELECT {', '.join(EXPORT_COLUMNS)} FROM {TABLE}",
        table_configurations={TABLE: {"TIME_GRANULARITY": deployment.export.grain}},
    )
    export(
        scope,
        "Export",
        export=export.ExportProperty(
            name=deployment.export.name,
            description="FOCUS 1.2 for focuswatch",
            data_query=query,
            destination_configurations=export.DestinationConfigurationsProperty(s3_destination=destination),
            refresh_cadence=export.RefreshCadenceProperty(frequency="SYNCHRONOUS"),
        ),
    )


def _spending_topic(scope: Construct, deployment: Deployment) -> aws_sns.Topic:
    """Where budgets and anomalies speak; they take no topic of another account.

    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
    https://docs.aws.amazon.com/cost-management/latest/userguide/ad-SNS.html
    """
    account = deployment.accounts.payer
    sources = {"budgets.amazonaws.com": f"arn:aws:budgets::{account}:*", "costalerts.amazonaws.com": None}
    name = deployment.topic("spending")
    topics = f"arn:aws:sns:{PAYER_REGION}:{account}:{deployment.name}-*"
    key = topic_key(scope, services=[*sources, "cloudwatch.amazonaws.com"], topics=topics)
    spending = topic(scope, "Spending", name=name, key=key, emails=[])
    for service, arn in sources.items():
        conditions: dict[str, dict[str, object]] = {"StringEquals": {"aws:SourceAccount": account}}
        if arn:
            conditions["ArnLike"] = {"aws:SourceArn": arn}
        let_publish(spending, service=service, conditions=conditions)
    # Where the queue is another account's, `spending` confirms the subscription with its first message:
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


def _undelivered(scope: Construct, deployment: Deployment, *, topic: aws_sns.Topic, key: aws_kms.Key) -> str:
    """The ARN of the queue that keeps what SNS cannot put into the pipeline's.

    It must be of the topic's account and Region: https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    Where that is the pipeline's, `spending`'s own dead letters, which it watches and redrives; else one with an alarm.
    """
    if deployment.is_one_account and deployment.accounts.region == PAYER_REGION:
        return deployment.dead_letters_arn("spending")
    queue = dead_letters(scope, "Undelivered", name=deployment.dead_letters("spending-undelivered"))
    hear(queue, topic_arn=topic.topic_arn)
    name = f"{deployment.name}-spending-undelivered"
    alarm = aws_cloudwatch.Alarm(
        scope,
        "UndeliveredAlarm",
        alarm_name=name,
        alarm_description="What AWS said of budgets or anomalies did not reach the pipeline; see docs/operate.md.",
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
    """A subscription to the monitor of AWS services, told at once; only a topic can be told at once.

    It is the account's own monitor where the config names one, else one that is made here: a second one is refused.
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
    if not monitor_arn:  # only while the config is the shipped example, of which `app.py` makes no stacks
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


def _organisation_reader(scope: Construct, deployment: Deployment, *, name: str) -> None:
    role = aws_iam.Role(
        scope,
        "OrganisationReader",
        role_name=name,
        description="Lets the focuswatch collector list the organisation's accounts",
        assumed_by=aws_iam.AccountPrincipal(deployment.accounts.pipeline).with_conditions(
            {
                "StringEquals": {"sts:ExternalId": deployment.collector.external_id},
                "ArnEquals": {"aws:PrincipalArn": deployment.collector_role_arn},
            }
        ),
    )
    role.add_to_policy(aws_iam.PolicyStatement(actions=list(MANAGEMENT_ACTIONS), resources=["*"]))
    explain(
        role,
        reason="It lists and describes accounts, whichever there are; these actions change nothing.",
        findings=["AwsSolutions-IAM5[Resource::*]"],
    )
