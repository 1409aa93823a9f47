"""The pause stack of one account: the deny policy, and a role that may only attach and detach it on capped roles.

Deploy this stack with your own credentials in each account that has a role with a spend cap.
"""

import re
from collections.abc import Sequence

from aws_cdk import BootstraplessSynthesizer, Environment, Stack, aws_budgets, aws_iam
from constructs import Construct

from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.declared_use_cases import UseCase
from focuswatch.owners.owners_file_and_assignment import Owners
from focuswatch.owners.role_arns import account_of_role, name_of_role
from infra.payer_budgets import CENT, Expression, ai_services, before_credits, converted, of_tags

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
            policy_document=_document(
                {"Sid": "SpendingPaused", "Effect": "Deny", "Action": list(DENIED), "Resource": "*"}
            ),
        )
        role = _pause_role(self, deployment, account=account, roles=roles)
        role.node.add_dependency(policy)
        if deployment.controls.budget_actions != "none":
            _budget_actions(self, deployment, owners=owners, account=account, policy=policy)


def capped_roles(owners: Owners) -> list[str]:
    """Return the roles of all spend caps, without duplicates, in order."""
    return sorted({role for use_case in owners.use_cases.values() for role in use_case.roles})


def switch_statements(*, policy_arn: str, roles: Sequence[str]) -> list[dict[str, object]]:
    """Return the statements that allow attaching and detaching one policy on `roles`, and nothing else.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_iam_limit-managed.html
    """
    return [
        {
            "Sid": "PauseNamedRoles",
            "Effect": "Allow",
            "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            "Resource": list(roles),
            "Condition": {"ArnEquals": {"iam:PolicyARN": policy_arn}},
        },
        {
            "Sid": "SeeWhetherTheyArePaused",
            "Effect": "Allow",
            "Action": "iam:ListAttachedRolePolicies",
            "Resource": list(roles),
        },
    ]


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
    statements = switch_statements(policy_arn=_policy_arn(deployment, account=account), roles=roles)
    return aws_iam.CfnRole(
        scope,
        "Pause",
        role_name=deployment.pause_role,
        description="focuswatch: attaches the pause policy to roles with a spend cap, and "
        "detaches the policy",
        assume_role_policy_document=_document(trusted),
        policies=[
            aws_iam.CfnRole.PolicyProperty(policy_name="pause", policy_document=_document(*statements))
        ],
    )


def _budget_actions(
    scope: Construct,
    deployment: Deployment,
    *,
    owners: Owners,
    account: str,
    policy: aws_iam.CfnManagedPolicy,
) -> None:
    """Add a monthly budget for each use case, with an action that attaches the policy at 100 %.

    The data of AWS Budgets is 8 to 12 hours old. The action works without focuswatch, and AWS notifies by email only.
    https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-controls.html
    """
    for number, (name, use_case) in enumerate(owners.use_cases.items()):
        roles = [role for role in use_case.roles if account_of_role(role) == account]
        limit = use_case.monthly_budget or use_case.cap
        if not roles or limit is None:
            continue
        executor = _executor(scope, f"Executor{number}", deployment, account=account, roles=roles)
        amount = converted(
            limit,
            source=deployment.billing_currency,
            target=deployment.budgets.currency,
            rates=owners.exchange_rates,
        )
        # Neither `:` nor `\\` is allowed: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html
        budget_name = f"{deployment.name}-cap-{number}-{re.sub(r'[^0-9A-Za-z_-]+', '-', name)}"[:100]
        budget = aws_budgets.CfnBudget(
            scope,
            f"Budget{number}",
            budget=aws_budgets.CfnBudget.BudgetDataProperty(
                budget_name=budget_name,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=aws_budgets.CfnBudget.SpendProperty(
                    amount=float(max(round(amount, 2), CENT)), unit=deployment.budgets.currency
                ),
                filter_expression=before_credits(_charges_of(use_case, deployment)),
                metrics=["UnblendedCost"],
            ),
        )
        action = aws_budgets.CfnBudgetsAction(
            scope,
            f"Action{number}",
            action_threshold=aws_budgets.CfnBudgetsAction.ActionThresholdProperty(
                type="PERCENTAGE", value=100
            ),
            action_type="APPLY_IAM_POLICY",
            approval_model=deployment.controls.budget_actions,
            budget_name=budget_name,
            definition=aws_budgets.CfnBudgetsAction.DefinitionProperty(
                iam_action_definition=aws_budgets.CfnBudgetsAction.IamActionDefinitionProperty(
                    policy_arn=policy.ref, roles=[name_of_role(role) for role in roles]
                )
            ),
            execution_role_arn=executor.attr_arn,
            notification_type="ACTUAL",
            subscribers=[
                aws_budgets.CfnBudgetsAction.SubscriberProperty(address=email, type="EMAIL")
                for email in deployment.budgets.emails
            ],
        )
        action.node.add_dependency(budget)


def _charges_of(use_case: UseCase, deployment: Deployment) -> Expression:
    """Return the filter for the tags of a use case, or for the account's AI charges if it has no tags."""
    return (
        of_tags(use_case.rows.tags) if any(use_case.rows.tags.values()) else ai_services(deployment.budgets)
    )


def _executor(
    scope: Construct, id: str, deployment: Deployment, *, account: str, roles: Sequence[str]
) -> aws_iam.CfnRole:
    """Return the role that AWS Budgets assumes: https://docs.aws.amazon.com/cost-management/latest/userguide/billing-permissions-ref.html."""
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "budgets.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    switch, _ = switch_statements(policy_arn=_policy_arn(deployment, account=account), roles=roles)
    return aws_iam.CfnRole(
        scope,
        id,
        description="Allows AWS Budgets to attach the pause policy to the roles of a use case",
        assume_role_policy_document=_document(trusted),
        policies=[aws_iam.CfnRole.PolicyProperty(policy_name="pause", policy_document=_document(switch))],
    )


def _policy_arn(deployment: Deployment, *, account: str) -> str:
    return f"arn:aws:iam::{account}:policy/{deployment.paused_policy}"


def _document(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
