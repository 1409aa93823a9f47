"""Render findings, digests and one-sentence notes as Adaptive Cards for a webhook of Workflows. Pure.

Every message fits the size limits of Teams, whatever the bill contains.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import (
    days_open_text,
    full_amount,
    main_amount,
)
from focuswatch.findings.saving_text import saving_text
from focuswatch.ledger.notification_and_pending_notification_models import OVER, NotificationKind
from focuswatch.notify.digest_line import DigestLine
from focuswatch.notify.one_line_and_truncated_text import utf16_length
from focuswatch.notify.place_and_owner_names import (
    account_named,
    labeled_owner,
    place,
    place_of_finding,
)
from focuswatch.notify.related_findings_and_region_rollout_text import (
    incident_lines,
    joined_text,
    new_lead_text,
)
from focuswatch.notify.slack.action_steps import render_action
from focuswatch.notify.slack.explanation_and_evidence_blocks import render_evidence, render_explanation
from focuswatch.notify.slack.finding_message import DONE, MARKS
from focuswatch.notify.teams.convert_slack_rich_text import lines_of
from focuswatch.notify.teams.plain_text_card_elements import Element, line, run, words

# The oldest version that has all elements used here, so that every client shows them (mobile clients lag behind):
# https://learn.microsoft.com/en-us/microsoftteams/platform/task-modules-and-cards/cards/cards-reference#support-for-adaptive-cards
VERSION = "1.2"
# Below the limit of Teams, 28 KB in UTF-16: https://learn.microsoft.com/en-us/microsoftteams/limits-specifications-teams#chat
# https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
MESSAGE_CHARACTERS = 13_000
DIGEST_LINES = 10
NOT_RESPONDED = (
    "Only the owner of the account can respond to this finding. A resource tag routed the finding to this channel, and "
    "anyone who can tag resources can set such a tag."
)


def render_card(
    finding: Finding,
    *,
    kind: NotificationKind,
    today: date,
    before: Finding | None = None,
    links: Mapping[str, str | None],
) -> dict[str, Any]:
    """Return the message about a finding; `links` are URLs by button text, `before` is the finding as last sent."""
    resolved = kind in OVER
    details = [] if resolved else [render_explanation(finding), render_evidence(finding)]
    root_cause, evidence = ([lines_of(block) if block else [] for block in details] + [[], []])[:2]
    action = [] if resolved else lines_of(render_action(finding))
    note = (
        []
        if resolved or finding.suppressible_by_team
        else [line(words(NOT_RESPONDED, most=300, subtle=True), spaced=True)]
    )
    parts = [
        _facts(finding, kind=kind, today=today, before=before),
        action,
        root_cause,
        evidence,
        note,
        [_footing(finding, resolved=resolved)],
    ]
    buttons = {} if resolved else links
    for spare in (evidence, root_cause, action):
        if _size(_message(parts, links=buttons)) <= MESSAGE_CHARACTERS:
            break
        spare.clear()
    return _message(parts, links=buttons)


def render_digest_card(lines: Sequence[DigestLine], *, team: str | None, as_of: date) -> dict[str, Any]:
    """Return the digest: one message for findings that are too many for separate messages."""
    ordered = sorted(lines, key=lambda one: (-one.weight, one.fingerprint))
    body = [
        line(run(f"{len(lines)} findings for {team or 'FinOps'} as of {as_of}", bold=True, large=True)),
        *(line(*_digest_line(one)) for one in ordered[:DIGEST_LINES]),
    ]
    if len(lines) > DIGEST_LINES:
        body.append(
            line(
                run(
                    f"{len(lines) - DIGEST_LINES} more not shown. To list all findings, run: focuswatch findings",
                    subtle=True,
                )
            )
        )
    return _message([body], links={})


def render_note(text: str) -> dict[str, Any]:
    """Return a message of one sentence."""
    return _message([[line(words(text, most=1000))]], links={})


def _facts(finding: Finding, *, kind: NotificationKind, today: date, before: Finding | None) -> list[Element]:
    """Return the lines on what happened, how much it costs, where, and why."""
    money = saving_text(finding) if kind in OVER else full_amount(finding)
    reason = f"Previously: {finding.reason}" if kind in OVER else finding.reason
    lines = [
        line(words(_heading(finding, kind=kind), most=200, bold=True, large=True)),
        line(words(money, most=300, bold=True)) if money else None,
        line(words(_change(finding, kind=kind, today=today, before=before), most=400))
        if kind in ("changed", "reminder")
        else None,
        line(words(place_of_finding(finding), most=200)),
        line(words(finding.resource_id, most=300, code=True)) if finding.resource_id else None,
        line(words(reason, most=900), spaced=True),
        *([] if kind in OVER else [line(words(one, most=600)) for one in incident_lines(finding)]),
    ]
    return [one for one in lines if one]


def _heading(finding: Finding, *, kind: NotificationKind) -> str:
    prefixes = {
        "resolved": "Resolved: ",
        "saving_verified": "Savings on the bill: ",
        "changed": "Changed: ",
        "reminder": "Still open: ",
    }
    return f"{DONE if kind in OVER else MARKS[finding.incident_severity]} {prefixes.get(kind, '')}{finding.title}"


def _change(finding: Finding, *, kind: NotificationKind, today: date, before: Finding | None) -> str:
    if kind == "reminder":
        return f"Open for {days_open_text(finding, today=today)}."
    if before and before.fingerprint != finding.fingerprint:
        return new_lead_text(finding, before=before)
    if joined := joined_text(finding, before=before):
        return joined
    if before is None:
        return f"Severity: {finding.incident_severity}."
    text = f"Previously {main_amount(before)}."
    if before.incident_severity != finding.incident_severity:
        text += f" Severity: {finding.incident_severity}, previously {before.incident_severity}."
    return text


def _footing(finding: Finding, *, resolved: bool) -> Element:
    owner = labeled_owner(finding)
    end = f", resolved {finding.as_of}" if resolved else ""
    text = (
        f"{finding.incident_severity} · first seen {finding.first_seen}{end} · {owner} · "
        f"detection: {finding.detection} · fingerprint: {finding.fingerprint}"
    )
    return line(words(text, most=400, subtle=True), spaced=True)


def _digest_line(one: DigestLine) -> list[Element]:
    money = f"{amount(one.monthly_cost)} {one.currency}{one.amount_suffix}"
    where = place(account_named(one.account, None), one.region)
    return [
        run(f"{MARKS[one.severity]} "),
        words(one.title, most=100, bold=True),
        words(f": {money}, {where}", most=250),
    ]


def _message(parts: Sequence[Sequence[Element]], *, links: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the request body: https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook."""
    body = [element for part in parts for element in part]
    card: dict[str, Any] = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": VERSION,
        "msteams": {"width": "Full"},
        "fallbackText": body[0]["inlines"][0]["text"],
        "body": body,
    }
    actions = [{"type": "Action.OpenUrl", "title": text, "url": url} for text, url in links.items() if url]
    if actions:
        card["actions"] = actions
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _size(message: Mapping[str, Any]) -> int:
    return utf16_length(json.dumps(message, ensure_ascii=False))
