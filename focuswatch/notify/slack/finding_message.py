"""Render the Slack message of a finding; replies in its thread are in thread_replies.py.

Pure: nothing is sent or stored here. Every message fits Slack's limits, whatever the bill contains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from focuswatch.findings.amount_text import days_open, full_amount, saving_text
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import NotificationKind
from focuswatch.notify.slack.action_steps import render_action
from focuswatch.notify.slack.blocks import (
    URL_CHARACTERS,
    Block,
    button,
    confirmation,
    context,
    header,
    line_feed,
    link,
    person,
    rich,
    section,
    spaced,
    within,
    words,
)
from focuswatch.notify.slack.evidence_blocks import render_evidence, render_explanation
from focuswatch.notify.slack.mrkdwn import escaped_within, one_line
from focuswatch.notify.slack.place_names import account_of_finding, place
from focuswatch.notify.slack.shared_text import days_open_text, metadata, not_waste_label

MOST_BLIND_SPOTS = 3
MARKS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "⚪"}
DONE = "✅"


@dataclass(frozen=True)
class Links:
    """Links of a message; None is left out."""

    query: str | None = None
    jira: str | None = None
    jira_key: str | None = None
    console: str | None = None


@dataclass(frozen=True)
class RecordedResponse:
    """A response to a finding, as its message shows it; `author` is the id of a Slack user."""

    action: Literal["acknowledged", "snoozed", "not waste"]
    author: str
    on: date
    until: date | None = None
    reason: str | None = None


@dataclass(frozen=True)
class SpendingControl:
    """What a message offers about the spending of its use case, and what it says about it (None: nothing)."""

    action: Literal["pause_spending", "resume_spending"]
    question: str
    status: str | None = None


def render_message(
    finding: Finding,
    *,
    kind: NotificationKind,
    today: date,
    news_id: str,
    blind_spots: Sequence[str] = (),
    links: Links = Links(),  # noqa: B008  frozen
    response: RecordedResponse | None = None,
    saved_daily: Decimal | None = None,
    spending: SpendingControl | None = None,
) -> dict[str, Any]:
    """Return the current message: what happened, what to do, the evidence, and the response if there is one."""
    resolved = _is_resolved(finding, kind=kind)
    money = _money(finding, resolved=resolved, saved_daily=saved_daily)
    evidence = None if resolved else render_evidence(finding)
    root_cause = None if resolved else render_explanation(finding)
    limitations = _limitations(blind_spots) if not resolved else None
    action, link_line = None if resolved else render_action(finding), _links(links)
    if resolved and spending and spending.action == "pause_spending":
        spending = None  # there is nothing left to pause
    has_buttons = not resolved and (response is None or response.action == "acknowledged")
    blocks = [
        header(_heading(finding, resolved=resolved)),
        _facts(finding, resolved=resolved, money=money),
        _response(response, finding=finding) if response else None,
        action,
        rich(section([words(spending.status)])) if spending and spending.status else None,
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
        "blocks": within(blocks, spare=[limitations, evidence, root_cause, link_line, action]),
        "metadata": metadata(finding, news_id=news_id),
    }


def webhook_payload(message: dict[str, Any]) -> dict[str, Any]:
    """Return the message for an incoming webhook, which supports neither metadata nor buttons."""
    return {
        "text": message["text"],
        "blocks": [block for block in message["blocks"] if block["type"] != "actions"],
    }


def _is_resolved(finding: Finding, *, kind: NotificationKind) -> bool:
    return kind == "resolved" or finding.status == "resolved"


def _heading(finding: Finding, *, resolved: bool) -> str:
    return f"{DONE} Resolved: {finding.title}" if resolved else f"{MARKS[finding.severity]} {finding.title}"


def _money(finding: Finding, *, resolved: bool, saved_daily: Decimal | None) -> str | None:
    return saving_text(finding, saved_daily=saved_daily) if resolved else full_amount(finding)


def _fallback(finding: Finding, *, resolved: bool, money: str | None) -> str:
    """Return the text for push notifications and screen readers."""
    parts = (
        _heading(finding, resolved=resolved),
        money,
        place(account_of_finding(finding), finding.region_id),
    )
    return escaped_within(one_line(" · ".join(filter(None, parts))), 500)


def _facts(finding: Finding, *, resolved: bool, money: str | None) -> Block:
    """Return amount, place and reason."""
    lines = [
        [words(money, style="bold")] if money else [],
        [words(place(account_of_finding(finding), finding.region_id), most=200)],
        [words(finding.resource_id, style="code", most=300)] if finding.resource_id else [],
        [words(f"Previously: {finding.reason}" if resolved else finding.reason, most=900)],
    ]
    joined = [element for line in lines if line for element in (line_feed(), *line)]
    return rich(section(joined[1:]))


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
    value = finding.fingerprint
    elements = [
        button("snooze_7", "Snooze 7 days", value=value),
        button("snooze_30", "Snooze 30 days", value=value),
        button("not_waste", not_waste_label(finding), value=value),
    ]
    if not acknowledged:
        elements.insert(0, button("acknowledge", "Acknowledge", value=value, primary=True))
    return {"type": "actions", "elements": elements}


def _spending_button(finding: Finding, spending: SpendingControl) -> Block:
    """Return the button apart from the others: it stays when the finding is muted or resolved."""
    text = "Pause spending" if spending.action == "pause_spending" else "Resume"
    asked = confirmation(text, spending.question, yes=text)
    element = button(spending.action, text, value=finding.fingerprint, confirm=asked)
    return {"type": "actions", "elements": [element]}


def _limitations(blind_spots: Sequence[str]) -> Block | None:
    first, *others = [*blind_spots[:MOST_BLIND_SPOTS], ""]
    return context(f"Known limitations: {first}", *filter(None, others)) if first else None


def _links(links: Links) -> Block | None:
    named_urls = [
        (links.jira, f"Jira {links.jira_key}" if links.jira_key else "Jira"),
        (links.query, "Open the query in Athena"),
        (links.console, "Open in the AWS console"),
    ]
    elements = [
        element
        for url, text in named_urls
        if url and len(url) <= URL_CHARACTERS
        for element in (spaced(" · "), link(url, text))
    ]
    return rich(section(elements[1:])) if elements else None


def _footing(finding: Finding, *, today: date, resolved: bool) -> Block:
    owner = f"owner: {finding.team} (by {finding.owned_by})" if finding.team else "no owner"
    age = (
        f"open {days_open_text(finding, today=today)}, since {finding.first_seen}"
        if days_open(finding, today=today)
        else f"first seen {finding.first_seen}"
    )
    state = f"first seen {finding.first_seen}, resolved {finding.as_of}" if resolved else age
    return context(f"{finding.severity} · {state}", owner, f"{finding.detection} {finding.fingerprint}")
