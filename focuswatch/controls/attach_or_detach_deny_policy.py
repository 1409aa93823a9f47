"""Attach the deny policy to a role, detach the policy, and check whether it is attached."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from focuswatch.errors import Refused, TryLater
from focuswatch.owners.match_role_arns_and_extract_account_and_name import account_of_role, name_of_role

# Errors that a retry does not fix:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html#API_AttachRolePolicy_Errors
LASTING = {
    "NoSuchEntity",
    "InvalidInput",
    "LimitExceeded",
    "PolicyNotAttachable",
    "UnmodifiableEntity",
    "AccessDenied",
    "AccessDeniedException",
}
RETRY_SECONDS = 60.0


class PolicySwitch(Protocol):
    """Attaches and detaches the deny policy. Each method raises TryLater, or Refused if a retry does not help."""

    def attach(self, role: str) -> None: ...  # noqa: D102
    def detach(self, role: str) -> None: ...  # noqa: D102
    def is_attached(self, role: str) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class RolePolicies:
    """The managed policy `policy_name` in each account; `clients` returns the IAM client of an account."""

    clients: Callable[[str], Any]
    policy_name: str

    def attach(self, role: str) -> None:
        """Attach the policy; does nothing if the policy is already attached."""
        arn, name = self.policy_arn(role), name_of_role(role)
        self._called(
            f"pausing {role}", lambda iam: iam.attach_role_policy(RoleName=name, PolicyArn=arn), role
        )

    def detach(self, role: str) -> None:
        """Detach the policy; does nothing if the role does not have the policy or no longer exists."""
        arn, name = self.policy_arn(role), name_of_role(role)
        self._called(
            f"resuming {role}",
            lambda iam: iam.detach_role_policy(RoleName=name, PolicyArn=arn),
            role,
            expected="NoSuchEntity",
        )

    def is_attached(self, role: str) -> bool:
        """Return whether the role has the policy; False if the role no longer exists."""
        arn, name = self.policy_arn(role), name_of_role(role)

        def listed(iam: Any) -> bool:
            pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
            return any(one["PolicyArn"] == arn for page in pages for one in page["AttachedPolicies"])

        return bool(self._called(f"reading the policies of {role}", listed, role, expected="NoSuchEntity"))

    def policy_arn(self, role: str) -> str:
        """Return the ARN of the policy in the role's account."""
        return f"arn:aws:iam::{account_of_role(role)}:policy/{self.policy_name}"

    def _called(
        self, doing: str, call: Callable[[Any], Any], role: str, *, expected: str | None = None
    ) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call(self.clients(account_of_role(role)))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == expected:
                return None
            if code in LASTING:
                raise Refused(f"{doing}: {error}") from error
            raise TryLater(f"{doing}: {error}", seconds=RETRY_SECONDS) from error
        except BotoCoreError as error:
            raise TryLater(f"{doing}: {error}", seconds=RETRY_SECONDS) from error


def undo_command(role: str, *, policy_name: str) -> str:
    """Return the command to detach the policy manually; it needs credentials for the role's account."""
    arn = f"arn:aws:iam::{account_of_role(role)}:policy/{policy_name}"
    return f"aws iam detach-role-policy --role-name {name_of_role(role)} --policy-arn {arn}"
