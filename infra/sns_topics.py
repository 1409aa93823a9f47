"""SNS topics, and the KMS key that encrypts them.

The key is a customer managed key: AWS Budgets, Cost Anomaly Detection and CloudWatch may publish to an encrypted topic
only if the key's policy allows them, and the policy of the AWS managed key cannot be changed.
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""

from collections.abc import Mapping

from aws_cdk import RemovalPolicy, aws_iam, aws_kms, aws_sns, aws_sns_subscriptions
from constructs import Construct

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

# The services that publish to the payer stack's topic.
SPENDING_SERVICES = ("budgets.amazonaws.com", "costalerts.amazonaws.com")


def topic_key(scope: Construct, *, services: list[str], topics: str) -> aws_kms.Key:
    """Return a key that `services` may use only for `topics`, an ARN with `*`.

    The condition uses the topic's ARN, which SNS always sends to KMS. It does not use aws:SourceAccount, because a
    service that does not send this key to KMS could never publish. The topic's policy checks the source account.
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
            resources=["*"],  # in a key policy, this means only the key itself
            conditions={"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": topics}},
        )
    )
    return key


def topic(scope: Construct, id: str, *, name: str, key: aws_kms.IKey, emails: list[str]) -> aws_sns.Topic:
    """Return an encrypted topic that accepts TLS connections only."""
    created = aws_sns.Topic(scope, id, topic_name=name, master_key=key, enforce_ssl=True)
    for email in emails:
        created.add_subscription(aws_sns_subscriptions.EmailSubscription(email))
    return created


def open_to_organization(topic: aws_sns.Topic, *, organization_id: str, https_endpoints: list[str]) -> None:
    """Allow accounts of the organization, and no others, to subscribe their own endpoints.

    A queue or function must belong to the caller's account, so that no member account can send findings out of the
    organization. URLs must start with a configured prefix. Email addresses can be subscribed only with permissions in
    the pipeline account.
    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
    """
    organization = {"aws:PrincipalOrgID": organization_id}
    own = "${aws:PrincipalAccount}"
    endpoints = {
        "Sqs": ("sqs", [f"arn:aws:sqs:*:{own}:*"]),
        "Lambda": ("lambda", [f"arn:aws:lambda:*:{own}:function:*"]),
        "Https": ("https", [f"{prefix}*" for prefix in https_endpoints]),
    }
    for name, (protocol, allowed) in endpoints.items():
        if allowed:
            _allow_organization(
                topic,
                sid=f"OrganisationSubscribesBy{name}",
                action="sns:Subscribe",
                conditions={
                    "StringEquals": {**organization, "sns:Protocol": protocol},
                    "StringLike": {"sns:Endpoint": allowed},
                },
            )
    _allow_organization(
        topic,
        sid="OrganisationReadsAttributes",
        action="sns:GetTopicAttributes",
        conditions={"StringEquals": organization},
    )


def _allow_organization(
    topic: aws_sns.Topic, *, sid: str, action: str, conditions: dict[str, dict[str, object]]
) -> None:
    topic.add_to_resource_policy(
        aws_iam.PolicyStatement(
            sid=sid,
            principals=[aws_iam.AnyPrincipal()],
            actions=[action],
            resources=[topic.topic_arn],
            conditions=conditions,
        )
    )


def allow_service(
    topic: aws_sns.Topic, *, service: str, conditions: Mapping[str, Mapping[str, object]]
) -> None:
    """Allow an AWS service to publish, under conditions that limit it to one account."""
    topic.add_to_resource_policy(
        aws_iam.PolicyStatement(
            principals=[aws_iam.ServicePrincipal(service)],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions=dict(conditions),
        )
    )


def alarm_topic(
    scope: Construct, deployment: Deployment, *, account: str, region: str, key: aws_kms.IKey
) -> aws_sns.Topic:
    """Return the topic for an account's CloudWatch alarms, with the configured email subscriptions."""
    created = topic(
        scope, "Alarms", name=deployment.topic("alarms"), key=key, emails=deployment.alarms.emails
    )
    alarms = f"arn:aws:cloudwatch:{region}:{account}:alarm:{deployment.name}-*"
    conditions = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": alarms}}
    allow_service(created, service="cloudwatch.amazonaws.com", conditions=conditions)
    return created


def detection_topics() -> list[str]:
    """Return the sorted names of the topics in the headers of the catalog's detections."""
    return sorted(set(Catalog.load().topics.values()))


def construct_id(topic_name: str) -> str:
    """Return the construct ID of a topic: `NewRegion` for `new-region`."""
    return "".join(part.capitalize() for part in topic_name.split("-"))


class PipelineTopics(Construct):
    """The pipeline's topics: one for all findings, one for each topic in the catalog, and one for focuswatch's alarms.

    If the payer stack is in the same account and Region, its topic uses the same key; each key costs 1 USD a month.
    https://aws.amazon.com/kms/pricing/
    """

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id)
        account, region = deployment.accounts.pipeline, deployment.accounts.region
        names = f"arn:aws:sns:{region}:{account}:{deployment.name}-*"
        senders = SPENDING_SERVICES if deployment.is_one_account_and_region else ()
        self.key = topic_key(self, services=["cloudwatch.amazonaws.com", *senders], topics=names)
        self.findings = topic(self, "Findings", name=deployment.topic("findings"), key=self.key, emails=[])
        self.by_name = {
            name: topic(self, construct_id(name), name=deployment.topic(name), key=self.key, emails=[])
            for name in detection_topics()
        }
        self.alarms = alarm_topic(self, deployment, account=account, region=region, key=self.key)
        for findings_topic in (self.findings, *self.by_name.values()):
            open_to_organization(
                findings_topic,
                organization_id=deployment.organization.id,
                https_endpoints=deployment.organization.https_endpoints,
            )
