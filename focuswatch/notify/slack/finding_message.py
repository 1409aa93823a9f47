"""Render the Slack message of a finding; replies in its thread are in thread_reply_text.py.

Pure: nothing is sent or stored here. Every message fits Slack's limits, whatever the bill contains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Literal

from focuswatch.findings.exclusion_offer_record import ExclusionOffer
from focuswatch.findings.exclusion_offer_text import offer_command, offer_reason, offer_scope
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import (
    days_open,
    days_open_text,
    full_amount,
)
from focuswatch.findings.saving_text import saving_text
from focuswatch.ledger.notification_and_pending_notification_models import OVER, NotificationKind
from focuswatch.notify.cloud_console_and_athena_links import console_text
from focuswatch.notify.one_line_and_truncated_text import one_line
from focuswatch.notify.place_and_owner_names import labeled_owner, place_of_finding
from focuswatch.notify.related_findings_and_region_rollout_text import (
    also_detected_text,
    rollout_lines,
    rollout_text,
)
from focuswatch.notify.response_actions_and_labels import not_waste_label, response_labels
from focuswatch.notify.slack.action_steps import render_action
from focuswatch.notify.slack.block_kit_elements import (
    URL_CHARACTERS,
    Block,
    bullets,
    button,
    code,
    confirmation,
    context,
    fit_message,
    header,
    line_feed,
    link,
    person,
    rich,
    section,
    spaced,
    words,
)
from focuswatch.notify.slack.escape_and_shorten_slack_text import escaped_within
from focuswatch.notify.slack.explanation_and_evidence_blocks import render_evidence, render_explanation
from focuswatch.notify.slack.message_metadata import message_metadata

MOST_BLIND_SPOTS = 3
MOST_GROUPS = 10  # groups of accounts with the same new regions in a rollout
MARKS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "⚪"}
DONE = "✅"
WARNING = "⚠️"


@dataclass(frozen=True)
class Links:
    """Links of a message; a link that is None is left out."""

    query: str | None = None
    jira: str | None = None
    jira_key: str | None = None
    console: str | None = None


@dataclass(frozen=True)
class RecordedResponse:
    """A response as the message of its finding shows it; `author` is the id of a Slack user."""

    action: Literal[
        "acknowledged", "snoozed", "not waste", "excluded for this account", "excluded for this team"
    ]
    author: str
    on: date
    until: date | None = None
    reason: str | None = None


@dataclass(frozen=True)
class SpendingControl:
    """A button that pauses or resumes spending, its confirmation question, and a status text (None: no text)."""

    action: Literal["pause_spending", "resume_spending"]
    question: str
    status: str | None = None


def render_message(
    finding: Finding,
    *,
    kind: NotificationKind,
    today: date,
    notification_id: str,
    blind_spots: Sequence[str] = (),
    links: Links = Links(),  # noqa: B008  frozen
    response: RecordedResponse | None = None,
    spending: SpendingControl | None = None,
) -> dict[str, Any]:
    """Return the current message: what happened, what to do, the evidence, and the response if there is one."""
    resolved = _is_resolved(finding, kind=kind)
    money = saving_text(finding) if resolved else full_amount(finding)
    evidence = None if resolved else render_evidence(finding)
    root_cause = None if resolved else render_explanation(finding)
    rollout = None if resolved else _rollout(finding)
    limitations = _limitations(blind_spots) if not resolved else None
    action, link_line = None if resolved else render_action(finding), _links(links)
    if resolved and spending and spending.action == "pause_spending":
        spending = None  # there is nothing left to pause
    has_buttons = not resolved and (response is None or response.action == "acknowledged")
    blocks = [
        header(_heading(finding, resolved=resolved)),
        _facts(finding, resolved=resolved, money=money),
        _response(response, finding=finding) if response else None,
        rollout,
        action,
        rich(section([words(spending.status)])) if spending and spending.status else None,
        _offer(finding, finding.exclusion_offer) if has_buttons and finding.exclusion_offer else None,
        _buttons(finding, acknowledged=response is not None) if has_buttons else None,
        _spending_button(finding, spending) if spending else None,
        root_cause,
        evidence,
        limitations,
        link_line,
        _footing(finding, today=today, resolved=resolved),
    ]
    return {
        "text": _fallback(finding, resolved=resolved, money=money),
        "blocks": fit_message(
            blocks, droppable=[limitations, evidence, root_cause, link_line, rollout, action]
        ),
        "metadata": message_metadata(finding, notification_id=notification_id),
    }


def _is_resolved(finding: Finding, *, kind: NotificationKind) -> bool:
    return kind in OVER or finding.status == "resolved"


def _mark_of_resolved(finding: Finding) -> str:
    saving = finding.verified_saving
    return (
        f"{WARNING} Resolved without savings" if saving and saving.daily_saving <= 0 else f"{DONE} Resolved"
    )


def _heading(finding: Finding, *, resolved: bool) -> str:
    return (
        f"{_mark_of_resolved(finding)}: {finding.title}"
        if resolved
        else f"{MARKS[finding.incident_severity]} {finding.title}"
    )


def _fallback(finding: Finding, *, resolved: bool, money: str | None) -> str:
    """Return the text for push notifications and screen readers."""
    parts = (
        _heading(finding, resolved=resolved),
        money,
        place_of_finding(finding),
        also_detected_text(finding),
    )
    return escaped_within(one_line(" · ".join(filter(None, parts))), 500)


def _facts(finding: Finding, *, resolved: bool, money: str | None) -> Block:
    """Return the amount, place, resource and reason."""
    lines = [
        [words(money, style="bold")] if money else [],
        [words(place_of_finding(finding), most=200)],
        [words(finding.resource_id, style="code", most=300)] if finding.resource_id else [],
        [words(f"Previously: {finding.reason}" if resolved else finding.reason, most=900)],
        [words(also, most=900)] if (also := also_detected_text(finding)) and not resolved else [],
    ]
    joined = [element for line in lines if line for element in (line_feed(), *line)]
    return rich(section(joined[1:]))


def _rollout(finding: Finding) -> Block | None:
    """Return the accounts of a rollout, grouped by their new regions."""
    if finding.rollout is None:
        return None
    lines = islice(rollout_lines(finding.rollout), MOST_GROUPS)
    text = words(rollout_text(finding.rollout), style="bold")
    return rich(section([text]), bullets([words(line, most=1500)] for line in lines))


def _response(response: RecordedResponse, *, finding: Finding) -> Block:
    muted = f"marked as {not_waste_label(finding).lower()}"
    action = muted if response.action == "not waste" else response.action
    until = f" until {response.until}" if response.until else ""
    line = [words(action.capitalize(), style="bold"), spaced(" by "), person(response.author)]
    line.append(spaced(f" on {response.on}{until}"))
    if response.reason:
        line += [spaced(": "), words(response.reason)]
    return rich(section(line))


def _buttons(finding: Finding, *, acknowledged: bool) -> Block:
    value = finding.incident_id
    elements = [
        button(action, label, value=value, primary=action == "acknowledge")
        for action, label in response_labels(finding).items()
        if not (acknowledged and action == "acknowledge")
    ]
    if finding.exclusion_offer:
        elements.append(_exclude_button(finding, finding.exclusion_offer))
    return {"type": "actions", "elements": elements}


def _spending_button(finding: Finding, spending: SpendingControl) -> Block:
    """Return the spending button in its own block, because it stays when the finding is muted or resolved."""
    text = "Pause spending" if spending.action == "pause_spending" else "Resume"
    confirmed = confirmation(text, spending.question, yes=text)
    element = button(spending.action, text, value=finding.fingerprint, confirm=confirmed)
    return {"type": "actions", "elements": [element]}


def _offer(finding: Finding, offer: ExclusionOffer) -> Block:
    """Return the reason for the suggested exclusion, and its command for people who cannot use the button."""
    return rich(
        section([words(offer_reason(finding, offer))]),
        code(offer_command(finding, offer)),
    )


def _exclude_button(finding: Finding, offer: ExclusionOffer) -> Block:
    """Return the button that creates the exclusion, after a confirmation."""
    scope = offer_scope(finding, offer)
    return button(
        f"exclude_{offer.scope}",
        f"Exclude for this {offer.scope}",
        value=finding.fingerprint,
        confirm=confirmation(
            f"Exclude for this {offer.scope}?",
            f"Until someone runs focuswatch unsuppress, no one will be notified of findings from the detection "
            f"{finding.detection} in {scope}.",
            yes="Exclude",
        ),
    )


def _limitations(blind_spots: Sequence[str]) -> Block | None:
    first, *others = [*blind_spots[:MOST_BLIND_SPOTS], ""]
    return context(f"Known limitations: {first}", *filter(None, others)) if first else None


def _links(links: Links) -> Block | None:
    named_urls = [
        (links.jira, f"Jira {links.jira_key}" if links.jira_key else "Jira"),
        (links.query, "Open the query in Athena"),
        (links.console, console_text(links.console)),
    ]
    elements = [
        element
        for url, text in named_urls
        if url and len(url) <= URL_CHARACTERS
        for element in (spaced(" · "), link(url, text))
    ]
    return rich(section(elements[1:])) if elements else None


def _footing(finding: Finding, *, today: date, resolved: bool) -> Block:
    owner = labeled_owner(finding)
    age = (
        f"open for {days_open_text(finding, today=today)}, since {finding.first_seen}"
        if days_open(finding, today=today)
        else f"first seen {finding.first_seen}"
    )
    state = f"first seen {finding.first_seen}, resolved {finding.as_of}" if resolved else age
    return context(
        f"{finding.incident_severity} · {state}",
        owner,
        f"detection: {finding.detection} · fingerprint: {finding.fingerprint}",
    )
