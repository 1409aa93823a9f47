"""Topics that say something, the key they are encrypted with, and queues that keep what could not be done.

The key is ours and not AWS's own for SNS: budgets, anomalies and alarms may publish to a topic under a key only where
its policy lets them, and AWS's own key has a policy nobody can change.
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, aws_iam, aws_kms, aws_sns, aws_sns_subscriptions, aws_sqs
from constructs import Construct

from focuswatch.catalog.catalog import Catalog
from focuswatch.operations.deployment_config import Deployment
from infra.explained import explain

DEAD_LETTER_DAYS = 14  # the most SQS keeps: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html


def topic_key(scope: Construct, *, services: list[str], topics: str) -> aws_kms.Key:
    """A key that `services` may use for `topics` (an ARN with `*`) alone.

    By the topic's name, which SNS always tells the key, and not by aws:SourceAccount: not every service sends that
    along to the key, and one that does not would be silent for ever. On whose behalf is for the topic's policy to ask.
    """
    key = aws_kms.Key(
        scope,
        "Key",
        description="focuswatch: topics",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    key.add_to_resource_policy(
        aws_iam.PolicyStatement(
            principals=[aws_iam.ServicePrincipal(service) for service in services],
            actions=["kms:GenerateDataKey", "kms:Decrypt"],
            resources=["*"],  # in a key's policy: this key
            conditions={"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": topics}},
        )
    )
    return key


def topic(scope: Construct, id: str, *, name: str, key: aws_kms.Key, emails: list[str]) -> aws_sns.Topic:
    """An encrypted topic that takes TLS alone."""
    made = aws_sns.Topic(scope, id, topic_name=name, master_key=key, enforce_ssl=True)
    for email in emails:
        made.add_subscription(aws_sns_subscriptions.EmailSubscription(email))
    return made


def open_to_organisation(topic: aws_sns.Topic, *, organisation_id: str, https_endpoints: list[str]) -> None:
    """Let accounts of the organisation subscribe what is theirs, and nobody else.

    A queue or function must be the caller's own account's, so that no member can send findings out of the
    organisation; addresses are those that the config names. E-mail remains to whoever may deploy, by their own policy.
    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
    """
    ours = {"aws:PrincipalOrgID": organisation_id}
    own = "${aws:PrincipalAccount}"
    endpoints = {
        "Sqs": ("sqs", [f"arn:aws:sqs:*:{own}:*"]),
        "Lambda": ("lambda", [f"arn:aws:lambda:*:{own}:function:*"]),
        "Https": ("https", [f"{one}*" for one in https_endpoints]),
    }
    for name, (protocol, allowed) in endpoints.items():
        if allowed:
            _let_in(
                topic,
                sid=f"OrganisationSubscribesBy{name}",
                action="sns:Subscribe",
                conditions={
                    "StringEquals": {**ours, "sns:Protocol": protocol},
                    "StringLike": {"sns:Endpoint": allowed},
                },
            )
    _let_in(
        topic,
        sid="OrganisationReadsAttributes",
        action="sns:GetTopicAttributes",
        conditions={"StringEquals": ours},
    )


def _let_in(topic: aws_sns.Topic, *, sid: str, action: str, conditions: dict[str, dict[str, object]]) -> None:
    topic.add_to_resource_policy(
        aws_iam.PolicyStatement(
            sid=sid,
            principals=[aws_iam.AnyPrincipal()],
            actions=[action],
            resources=[topic.topic_arn],
            conditions=conditions,
        )
    )


def let_publish(
    topic: aws_sns.Topic, *, service: str, conditions: Mapping[str, Mapping[str, object]]
) -> None:
    """Let an AWS service publish, under conditions that tie it to our own account."""
    topic.add_to_resource_policy(
        aws_iam.PolicyStatement(
            principals=[aws_iam.ServicePrincipal(service)],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions=dict(conditions),
        )
    )


def dead_letters(scope: Construct, id: str, *, name: str) -> aws_sqs.Queue:
    """A queue that keeps what failed for good; SQS's own encryption needs no key that EventBridge must be let use."""
    queue = aws_sqs.Queue(
        scope,
        id,
        queue_name=name,
        encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(DEAD_LETTER_DAYS),
    )
    explain(
        queue,
        reason="It is the dead-letter queue; an alarm tells of what is in it.",
        findings=["AwsSolutions-SQS3"],
    )
    return queue


def alarm_topic(
    scope: Construct, deployment: Deployment, *, account: str, region: str, key: aws_kms.Key
) -> aws_sns.Topic:
    """Where an account's alarms of focuswatch itself speak, to the addresses that the config names."""
    made = topic(scope, "Alarms", name=deployment.topic("alarms"), key=key, emails=deployment.alarms.emails)
    alarms = f"arn:aws:cloudwatch:{region}:{account}:alarm:{deployment.name}-*"
    conditions = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": alarms}}
    let_publish(made, service="cloudwatch.amazonaws.com", conditions=conditions)
    return made


def detection_topics() -> list[str]:
    """Return the names of the topics in the headers of the catalog's detections, in order."""
    return sorted(set(Catalog.load().topics.values()))


def construct_id(topic_name: str) -> str:
    """Return `NewRegion` for `new-region`."""
    return "".join(part.capitalize() for part in topic_name.split("-"))


class Messages(Construct):
    """The topics of the pipeline: all findings, those that detections name, and alarms about focuswatch itself."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id)
        account, region = deployment.accounts.pipeline, deployment.accounts.region
        names = f"arn:aws:sns:{region}:{account}:{deployment.name}-*"
        self.key = topic_key(self, services=["cloudwatch.amazonaws.com"], topics=names)
        self.findings = topic(self, "Findings", name=deployment.topic("findings"), key=self.key, emails=[])
        self.by_name = {
            name: topic(self, construct_id(name), name=deployment.topic(name), key=self.key, emails=[])
            for name in detection_topics()
        }
        self.alarms = alarm_topic(self, deployment, account=account, region=region, key=self.key)
        for one in (self.findings, *self.by_name.values()):
            open_to_organisation(
                one,
                organisation_id=deployment.organisation.id,
                https_endpoints=deployment.organisation.https_endpoints,
            )
