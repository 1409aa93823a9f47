"""Format the notifications of a scan as one Slack message: a payload for an incoming webhook or chat.postMessage.

Limits: 50 blocks per message (https://docs.slack.dev/reference/block-kit/blocks), and the limits in
focuswatch/notify/slack/block_kit_elements.py. Text from the bill becomes rich text, in which markup and mentions have
no effect.
"""

from focuswatch.cli.output.json_and_csv import json_text
from focuswatch.cli.output.minor_first_charges_line import minor_line
from focuswatch.detect.scan_result import ScanResult
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount
from focuswatch.notify.place_and_owner_names import account_of_finding
from focuswatch.notify.slack.action_steps import render_action
from focuswatch.notify.slack.block_kit_elements import (
    MESSAGE_CHARACTERS,
    Block,
    context,
    line_feed,
    rich,
    section,
    size,
    spaced,
    words,
)

MOST_FINDINGS = 20
NAME_CHARACTERS = 300
CONTEXT_CHARACTERS = 1500


def notification_payload(scanned: ScanResult) -> str:
    """Return the JSON of a message with all notifications of a scan, highest cost first."""
    count = len(scanned.notifications)
    heading = f"focuswatch: {count} notification{'' if count == 1 else 's'} as of {scanned.as_of}"
    findings = [notification.finding for notification in scanned.notifications]
    major = [finding for finding in findings if not finding.is_minor]
    minor = [finding for finding in findings if finding.is_minor]
    blocks: list[Block] = [{"type": "header", "text": {"type": "plain_text", "text": heading}}]
    shown = 0
    for finding in major[:MOST_FINDINGS]:
        longer = [*blocks, _block(finding), {"type": "divider"}]
        if size(longer) > MESSAGE_CHARACTERS:
            break
        blocks, shown = longer, shown + 1
    if len(major) > shown:
        blocks.append(context(f"and {len(major) - shown} more"))
    if minor:
        blocks.append(context(minor_line(minor, scanned.currency)[:CONTEXT_CHARACTERS]))
    blocks.append(context(f"{scanned.monthly_waste:,.0f} {scanned.currency}/month of waste"))
    return json_text({"text": heading, "blocks": blocks})


def _block(finding: Finding) -> Block:
    """Return a finding as one rich text block, in which names cannot add markup, mentions or lines."""
    status = spaced(f" ({finding.status}, {finding.severity})")
    cost = words(
        f"{full_amount(finding)} · {finding.team or 'no owner'}",
        most=200,
    )
    where = " · ".join(filter(None, (account_of_finding(finding), finding.region_id, finding.resource_id)))
    facts = [words(finding.title, style="bold", most=150), status, line_feed(), cost, line_feed()]
    facts += [words(where, most=NAME_CHARACTERS), line_feed(), words(finding.reason, most=900)]
    return rich(section(facts), *render_action(finding)["elements"])
