"""News as one Slack message: a Block Kit payload that an incoming webhook or chat.postMessage takes.

Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks a message, 3,000 characters a section), and
what focuswatch/slack/blocks.py says of all together.
What the bill says is data: escaped, never markup, never a mention.
"""

import json

from focuswatch.findings import Finding
from focuswatch.scan import Scanned
from focuswatch.slack.blocks import MESSAGE_CHARACTERS, Block, size
from focuswatch.slack.money import stake
from focuswatch.slack.text import escaped, mrkdwn

MOST_FINDINGS = 20
NAME_CHARACTERS = 300


def news(scanned: Scanned) -> str:
    """The JSON of a message that tells the news of a scan, costliest first."""
    told = [one.finding for one in scanned.news]
    heading = f"focuswatch: {len(told)} to tell as of {scanned.as_of}"
    blocks: list[Block] = [{"type": "header", "text": {"type": "plain_text", "text": heading}}]
    shown = 0
    for finding in told[:MOST_FINDINGS]:
        longer = [*blocks, _section(finding), {"type": "divider"}]
        if size(longer) > MESSAGE_CHARACTERS:
            break
        blocks, shown = longer, shown + 1
    if len(told) > shown:
        blocks.append(_context(f"and {len(told) - shown} more"))
    blocks.append(_context(f"{scanned.monthly_waste:,.0f} {scanned.currency}/month of waste"))
    return json.dumps({"text": heading, "blocks": blocks}, indent=2, ensure_ascii=False)


def _section(finding: Finding) -> Block:
    place = (finding.sub_account_name or finding.sub_account_id, finding.region_id, finding.resource_id)
    named = " · ".join(escaped(part[:NAME_CHARACTERS]) for part in place if part)
    lines = (
        f"*{escaped(finding.title)}* ({finding.status}, {finding.severity})",
        f"{escaped(stake(finding))} · {escaped(finding.team or 'no owner')}",
        named,
        escaped(finding.reason),
        escaped(finding.action),
    )
    return {"type": "section", "text": mrkdwn("\n".join(lines))}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(escaped(text))]}
