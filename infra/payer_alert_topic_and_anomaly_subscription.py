"""The topic for AWS Budgets and Cost Anomaly Detection, its delivery to the pipeline, and the anomaly subscription."""

import json

from aws_cdk import (
    Duration,
    aws_ce,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_kms,
    aws_sns,
)
from constructs import Construct

from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.resource_names import PAYER_REGION
from infra.queues_and_subscriptions import allow_topic, dead_letters
from infra.sns_topics import SPENDING_SERVICES, alarm_topic, allow_service, topic, topic_key


def add_spending_topic(
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


def add_anomaly_subscription(scope: Construct, deployment: Deployment, *, topic: aws_sns.Topic) -> None:
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
