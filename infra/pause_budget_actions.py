"""Budgets whose actions attach the pause policy without focuswatch."""

import re
from collections.abc import Sequence

from aws_cdk import aws_budgets, aws_iam
from constructs import Construct

from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.match_role_arns_and_extract_account_and_name import account_of_role, name_of_role
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.use_cases_section import UseCase
from infra.pause_policy_attach_permissions import iam_document, pause_policy_arn, switch_statements
from infra.payer_budgets import CENT, Expression, ai_services, before_credits, converted, of_tags


def add_budget_actions(
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
    switch, _ = switch_statements(policy_arn=pause_policy_arn(deployment, account=account), roles=roles)
    return aws_iam.CfnRole(
        scope,
        id,
        description="Allows AWS Budgets to attach the pause policy to the roles of a use case",
        assume_role_policy_document=iam_document(trusted),
        policies=[aws_iam.CfnRole.PolicyProperty(policy_name="pause", policy_document=iam_document(switch))],
    )
