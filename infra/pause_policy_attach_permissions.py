"""IAM statements that allow a role to attach and detach the pause policy."""

from collections.abc import Sequence

from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment


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


def pause_policy_arn(deployment: Deployment, *, account: str) -> str:
    """Return the ARN of the pause policy in an account."""
    return f"arn:aws:iam::{account}:policy/{deployment.paused_policy}"


def iam_document(*statements: dict[str, object]) -> dict[str, object]:
    """Return the policy document with these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
