"""The payer stack: the export, budgets, cost anomalies, and a role that lists the organization's accounts."""

from aws_cdk import (
    Environment,
    Stack,
    aws_iam,
    aws_kms,
)
from constructs import Construct

from focuswatch.collect.collector_iam_actions import MANAGEMENT_ACTIONS
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.resource_names import PAYER_REGION
from focuswatch.owners.owners_file import Owners
from infra.acknowledge_nag_findings import acknowledge
from infra.payer_alert_topic_and_anomaly_subscription import add_anomaly_subscription, add_spending_topic
from infra.payer_budgets import PayerBudgets
from infra.payer_focus_recommendation_and_caller_exports import (
    add_focus_export,
    add_principal_export,
    add_recommendations_export,
)


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
        add_focus_export(self, deployment)
        if deployment.export.recommendations:
            add_recommendations_export(self, deployment)
        if deployment.principals.enabled:
            add_principal_export(self, deployment)
        spending = add_spending_topic(self, deployment, pipeline_key=pipeline_key)
        PayerBudgets(
            self,
            "Budgets",
            name=deployment.name,
            config=deployment.budgets,
            owners=owners,
            topic_arn=spending.topic_arn,
            billing_currency=deployment.billing_currency,
        ).node.add_dependency(spending.node.find_child("Policy"))
        add_anomaly_subscription(self, deployment, topic=spending)
        if deployment.management_role:
            _organization_reader(self, deployment, name=deployment.management_role)


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
        reason="The role allows focuswatch to list and describe all accounts of the organization. "
        "All its actions are read-only.",
        findings=["AwsSolutions-IAM5[Resource::*]"],
    )
