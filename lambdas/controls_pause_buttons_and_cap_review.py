"""Spend caps: process the buttons *Pause spending* and *Resume*, and review all pauses every hour and after scans."""

import os
from datetime import UTC, datetime
from typing import Any

from focuswatch.controls.announce_pause import PauseAnnouncer
from focuswatch.controls.apply_button_press import apply_button_press
from focuswatch.controls.attach_or_detach_deny_policy import RolePolicies, undo_command
from focuswatch.controls.carry_out_use_case_pauses import SpendingPauses
from focuswatch.controls.pause_at_cap_and_end_expired_pauses import SpendCaps
from focuswatch.errors import DeliveryError, Refused
from focuswatch.notify.retry_or_dead_letter_batch import Record
from focuswatch.notify.slack.authorize_and_record_response import reject
from focuswatch.notify.slack.verify_and_parse_slack_interactions import UserResponse
from lambdas.clients_and_resources_from_environment import PATIENT
from lambdas.function_decorator import Invocation, lambda_function, logger
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun
from lambdas.process_queue_batch_and_report_failed_messages import process_records, report_batch

UNRECORDED = (
    "The role {role} has the policy {policy}, but focuswatch has no record of a pause. focuswatch therefore does not "
    "change the role. To end the pause, run this command in the role's account: {command}"
)


@lambda_function("controls")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Process a batch of presses, or review all pauses. If a part of the review fails, the run fails at its end."""
    caps = spend_caps(invocation.run)
    if "Records" in invocation.event:
        return _presses(invocation, caps)
    return _review(invocation.run, caps)


def spend_caps(run: LambdaRun) -> SpendCaps:
    """Return the spend caps of the deployment."""
    policy = os.environ["FOCUSWATCH_PAUSED_POLICY"]
    mode = run.controls_mode
    assert mode is not None
    pauses = SpendingPauses(run.table, RolePolicies(_iam_clients(run), policy), run.clock, mode)
    slack = run.slack_channel(run.slack) if run.has_bot else None
    announcer = PauseAnnouncer(
        policy_name=policy,
        slack=slack,
        poster=run.poster() if slack else None,
        channel_of=lambda use_case: run.owners.slack_channel(_team(run, use_case)),
        jira=run.jira_channel().client if "FOCUSWATCH_JIRA_SECRET" in os.environ else None,
        issues=run.issues,
    )
    return SpendCaps(pauses, announcer, run.owners, run.ledger, int(os.environ["FOCUSWATCH_PAUSE_DAYS"]))


def _team(run: LambdaRun, use_case: str) -> str | None:
    found = run.owners.use_cases.get(use_case)
    return found.team if found else None


def _iam_clients(run: LambdaRun) -> Any:
    """Return a provider of IAM clients by account, which use the account's pause role and its few permissions."""
    from focuswatch.controls.iam_clients_with_pause_role import iam_clients

    return iam_clients(
        run.session.client("sts", config=PATIENT),
        role=os.environ["FOCUSWATCH_PAUSE_ROLE"],
        external_id=os.environ["FOCUSWATCH_EXTERNAL_ID"],
    )


def _presses(invocation: Invocation, caps: SpendCaps) -> dict[str, Any]:
    def press(message: Record) -> str:
        try:
            response = UserResponse.from_json(message["body"])
        except (ValueError, TypeError) as error:
            raise Refused(f"the message is not a response from the function `answer`: {error}") from error
        outcome = apply_button_press(response, caps=caps)
        if not outcome.changed and outcome.note:
            return reject(response, outcome.note)
        return f"{response.fingerprint}: {response.action} by {response.user_id}: {outcome.note}"

    return report_batch(invocation.run, process_records(invocation, press))


def _review(run: LambdaRun, caps: SpendCaps) -> dict[str, Any]:
    found = caps.review()
    policy = os.environ["FOCUSWATCH_PAUSED_POLICY"]
    reports = {
        role: UNRECORDED.format(role=role, policy=policy, command=undo_command(role, policy_name=policy))
        for role in found.unrecorded
    }
    for role, text in reports.items():
        logger.warning(text)
        try:
            _report(run, role, text)
        except DeliveryError as error:
            found.failed[role] = str(error)
    heartbeat = run.beat(ran=found.changed, failed=found.failed, warnings=list(reports.values()))
    if found.failed:
        raise RuntimeError(f"the review of spend caps is incomplete: {found.failed}")
    return heartbeat


def _report(run: LambdaRun, role: str, text: str) -> None:
    """Report a role with an unrecorded pause to the FinOps channel, once a day."""
    from focuswatch.notify.slack.block_kit_elements import rich, section, words

    if run.can_post_to_finops():
        payload = {"text": text, "blocks": [rich(section([words(text, most=1500)]))]}
        name = f"unrecorded pause {role} {datetime.now(UTC):%Y-%m-%d}"
        run.scheduled_messages.post(name, payload, team=None)
