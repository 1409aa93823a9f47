"""The pause stack of one account: the deny policy, and a role that may only attach and detach it on capped roles.

Deploy this stack with your own credentials in each account that has a role with a spend cap.
"""

from collections.abc import Sequence

from aws_cdk import BootstraplessSynthesizer, Environment, Stack, aws_iam
from constructs import Construct

from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.match_role_arns_and_extract_account_and_name import account_of_role
from focuswatch.owners.owners_file import Owners
from infra.pause_budget_actions import add_budget_actions
from infra.pause_policy_attach_permissions import iam_document, pause_policy_arn, switch_statements

# Bedrock: InvokeModel* also authorizes Converse and ConverseStream, and bedrock-mantle is the other endpoint.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
DENIED = (
    "bedrock:InvokeModel*",
    "bedrock:CreateModelInvocationJob",
    "bedrock:InvokeAgent",
    "bedrock:InvokeInlineAgent",
    "bedrock:InvokeFlow",
    "bedrock-mantle:CreateInference",
    "sagemaker:InvokeEndpoint*",
    "sagemaker:Create*",
)


class PauseStack(Stack):
    """The deny policy and the pause role of one account; AWS Budgets actions if they are configured."""

    def __init__(
        self, scope: Construct, id: str, *, deployment: Deployment, owners: Owners, account: str
    ) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: a policy that pauses AI spending, and a role that attaches the policy to "
            "roles with a spend cap",
            env=Environment(account=account, region=deployment.accounts.region),
            synthesizer=BootstraplessSynthesizer(),  # it has no assets, so the account needs no bootstrap
        )
        roles = [role for role in capped_roles(owners) if account_of_role(role) == account]
        policy = aws_iam.CfnManagedPolicy(
            self,
            "Paused",
            managed_policy_name=deployment.paused_policy,
            description="Attached by focuswatch while spending is paused; detach this policy to resume spending",
            policy_document=iam_document(
                {"Sid": "SpendingPaused", "Effect": "Deny", "Action": list(DENIED), "Resource": "*"}
            ),
        )
        role = _pause_role(self, deployment, account=account, roles=roles)
        role.node.add_dependency(policy)
        if deployment.controls.budget_actions != "none":
            add_budget_actions(self, deployment, owners=owners, account=account, policy=policy)


def capped_roles(owners: Owners) -> list[str]:
    """Return the roles of all spend caps, without duplicates, in order."""
    return sorted({role for use_case in owners.use_cases.values() for role in use_case.roles})


def _pause_role(
    scope: Construct, deployment: Deployment, *, account: str, roles: Sequence[str]
) -> aws_iam.CfnRole:
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{deployment.accounts.pipeline}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": deployment.collector.external_id},
            # The caller is in a condition, because a principal must exist when the role is created.
            "ArnEquals": {"aws:PrincipalArn": deployment.controls_role_arn},
        },
    }
    statements = switch_statements(policy_arn=pause_policy_arn(deployment, account=account), roles=roles)
    return aws_iam.CfnRole(
        scope,
        "Pause",
        role_name=deployment.pause_role,
        description="focuswatch: attaches the pause policy to roles with a spend cap, and "
        "detaches the policy",
        assume_role_policy_document=iam_document(trusted),
        policies=[
            aws_iam.CfnRole.PolicyProperty(policy_name="pause", policy_document=iam_document(*statements))
        ],
    )
