"""Validate the spend cap of a use case in owners.toml: `on_cap`, who may pause spending, and the roles to pause."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, Protocol

from focuswatch.owners.match_role_arns_and_extract_account_and_name import ROLE, SERVICE_ROLES

OnCap = Literal["notify", "ask", "pause"]
SLACK_USER = re.compile(r"[UW][A-Z0-9]{4,20}")  # https://docs.slack.dev/reference/objects/user-object
CONFIRMED = "production"


class CappedUseCase(Protocol):
    """The keys of `[use_cases.NAME]` that belong to its spend cap."""

    @property
    def intent(self) -> str: ...  # noqa: D102
    @property
    def cap(self) -> Decimal | None: ...  # noqa: D102
    @property
    def monthly_budget(self) -> Decimal | None: ...  # noqa: D102
    @property
    def on_cap(self) -> OnCap | None: ...  # noqa: D102
    @property
    def roles(self) -> list[str]: ...  # noqa: D102
    @property
    def approvers(self) -> list[str]: ...  # noqa: D102
    @property
    def confirm_pause(self) -> str | None: ...  # noqa: D102


def spend_cap_problems(where: str, use_case: CappedUseCase) -> Iterator[str]:
    """Yield the mistakes in a use case's spend cap, each as a sentence that starts with its place in the file."""
    yield from _unused_keys(where, use_case)
    if use_case.on_cap and use_case.cap is None and use_case.monthly_budget is None:
        yield f"{where}.on_cap: found neither `cap` nor `monthly_budget`. Add one of these keys to limit the spend."
    if use_case.on_cap in ("ask", "pause"):
        if not use_case.roles:
            yield f'{where}.roles: missing. List the ARNs of the roles that may be paused, or set on_cap = "notify".'
        if not use_case.approvers:
            yield f"{where}.approvers: missing. List the Slack user IDs of people who may pause and resume spending."
    if use_case.on_cap == "pause" and use_case.intent == "production" and use_case.confirm_pause != CONFIRMED:
        yield (
            f'{where}.on_cap: found "pause" for a production use case. With "pause", focuswatch can pause '
            'the spending of the use case without approval. Set on_cap = "ask", or allow pausing with '
            f'confirm_pause = "{CONFIRMED}".'
        )
    for role in use_case.roles:
        yield from _role_problems(where, role)
    for approver in use_case.approvers:
        if not SLACK_USER.fullmatch(approver):
            yield (
                f"{where}.approvers: found '{approver}', expected a Slack user ID such as U012AB3CD "
                "(in Slack: profile, More, Copy member ID)."
            )


def _unused_keys(where: str, use_case: CappedUseCase) -> Iterator[str]:
    given = {
        "roles": use_case.roles,
        "approvers": use_case.approvers,
        "confirm_pause": use_case.confirm_pause,
    }
    if use_case.on_cap not in ("ask", "pause"):
        for key in (key for key, value in given.items() if value):
            yield (
                f'{where}.{key}: this key applies only with on_cap = "ask" or "pause". Set `on_cap` to one of these '
                f"values, or remove `{key}`."
            )
    elif use_case.confirm_pause and not (use_case.on_cap == "pause" and use_case.intent == "production"):
        yield (
            f'{where}.confirm_pause: this key applies only to a production use case with on_cap = "pause". Remove '
            "`confirm_pause`."
        )


def _role_problems(where: str, role: str) -> Iterator[str]:
    match = ROLE.fullmatch(role)
    if match is None:
        yield f"{where}.roles: found '{role}', expected a role ARN such as arn:aws:iam::111122223333:role/NAME."
    elif match[2].startswith(SERVICE_ROLES):
        yield f"{where}.roles: found '{role}', a role that only AWS can change. Specify a role that you manage."
