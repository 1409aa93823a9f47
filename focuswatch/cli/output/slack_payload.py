"""News as one Slack message: a Block Kit payload that an incoming webhook or chat.postMessage takes.

Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks a message), and what
focuswatch/notify/slack/blocks.py says of all together.
What the bill says is data: rich text, which has neither markup nor mentions in its texts.
"""

from focuswatch.cli.output.machine_formats import written
from focuswatch.cli.output.minor_findings import minor_line
from focuswatch.detect.scan_result import ScanResult
from focuswatch.findings.amount_text import full_amount
from focuswatch.findings.finding import Finding, is_minor
from focuswatch.notify.slack.action_steps import render_action
from focuswatch.notify.slack.blocks import (
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
from focuswatch.notify.slack.place_names import account_of_finding

MOST_FINDINGS = 20
NAME_CHARACTERS = 300
CONTEXT_CHARACTERS = 1500


def news(scanned: ScanResult) -> str:
    """The JSON of a message that tells the news of a scan, costliest first."""
    heading = f"focuswatch: {len(scanned.notifications)} to tell as of {scanned.as_of}"
    told = [one.finding for one in scanned.notifications if not is_minor(one.finding)]
    minor = [one.finding for one in scanned.notifications if is_minor(one.finding)]
    blocks: list[Block] = [{"type": "header", "text": {"type": "plain_text", "text": heading}}]
    shown = 0
    for finding in told[:MOST_FINDINGS]:
        longer = [*blocks, _block(finding), {"type": "divider"}]
        if size(longer) > MESSAGE_CHARACTERS:
            break
        blocks, shown = longer, shown + 1
    if len(told) > shown:
        blocks.append(context(f"and {len(told) - shown} more"))
    if minor:
        blocks.append(context(minor_line(minor, scanned.currency)[:CONTEXT_CHARACTERS]))
    blocks.append(context(f"{scanned.monthly_waste:,.0f} {scanned.currency}/month of waste"))
    return written({"text": heading, "blocks": blocks})


def _block(finding: Finding) -> Block:
    """A finding as one block of rich text, in which a name is neither markup nor a mention nor a line of its own."""
    status = spaced(f" ({finding.status}, {finding.severity})")
    cost = words(
        f"{full_amount(finding)} · {finding.team or 'no owner'}",
        most=200,
    )
    where = " · ".join(filter(None, (account_of_finding(finding), finding.region_id, finding.resource_id)))
    facts = [words(finding.title, style="bold", most=150), status, line_feed(), cost, line_feed()]
    facts += [words(where, most=NAME_CHARACTERS), line_feed(), words(finding.reason, most=900)]
    return rich(section(facts), *render_action(finding)["elements"])
