"""Render the Slack digest: one message for findings that are too many for separate messages."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.count_text import count_text
from focuswatch.notify.digest_line import DigestLine
from focuswatch.notify.one_line_and_truncated_text import one_line
from focuswatch.notify.place_and_owner_names import account_named, place
from focuswatch.notify.slack.block_kit_elements import (
    Block,
    bullets,
    context,
    fit_message,
    header,
    rich,
    section,
    spaced,
    words,
)
from focuswatch.notify.slack.escape_and_shorten_slack_text import escaped_within

MOST_TITLES = 10


def render_digest(
    lines: Sequence[DigestLine], *, team: str | None, as_of: date, max_lines: int = 10
) -> dict[str, Any]:
    """Return the message: the total waste, the findings by title, and the `max_lines` lines with the highest cost."""
    by_cost = sorted(lines, key=lambda line: (-line.weight, line.fingerprint))
    waste = [line for line in lines if line.category == "waste"]
    owner = f"for {team}" if team else "without an owner"
    heading = f"{count_text(len(lines), 'finding')} {owner}" + (f": {_sum(waste)}" if waste else "")
    details = _highest_cost(by_cost[: max(max_lines, 0)], of=len(lines))
    blocks = [
        header(heading),
        _by_title(lines),
        details,
        context(
            f"This message covers only charges before {as_of}. The findings are combined in one message, because "
            "there are too many for separate messages."
        ),
    ]
    return {
        "text": escaped_within(one_line(heading), 500),
        "blocks": fit_message(blocks, droppable=[details]),
    }


def _sum(lines: Sequence[DigestLine]) -> str:
    """Return the sum of findings of one detection, or of waste, by currency; currencies are never added."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.currency] += line.monthly_cost
    total_text = " and ".join(f"{amount(total)} {currency}" for currency, total in sums.items())
    return f"{total_text}{lines[0].amount_suffix}"


def _by_title(lines: Sequence[DigestLine]) -> Block:
    groups: dict[str, list[DigestLine]] = defaultdict(list)
    for line in lines:
        groups[line.title].append(line)
    kinds = sorted(groups.items(), key=lambda group: -sum(line.weight for line in group[1]))
    items = [
        [
            words(title, style="bold", most=150),
            spaced(f" ({count_text(len(group), 'finding')}): {one_line(_sum(group))}"),
        ]
        for title, group in kinds[:MOST_TITLES]
    ]
    if (others := len(kinds) - MOST_TITLES) > 0:
        items.append([words(f"and {others} other {'type' if others == 1 else 'types'} of findings")])
    return rich(bullets(items))


def _highest_cost(lines: Sequence[DigestLine], *, of: int) -> Block | None:
    if not lines:
        return None
    items = [_line(line) for line in lines]
    if of > len(lines):
        items.append([words(f"and {of - len(lines):,} more")])
    return rich(section([words("Highest cost", style="bold")]), bullets(items))


def _line(line: DigestLine) -> list[Block]:
    """Return the amount, severity and place, and the resource or, without one, the title."""
    where = place(account_named(line.account, None), line.region)
    facts = words(
        f"{amount(line.monthly_cost)} {line.currency}{line.amount_suffix} · {line.severity} · {where}",
        most=200,
    )
    named = words(line.resource_id or line.title, style="code" if line.resource_id else None, most=200)
    return [facts, spaced(" · "), named]
