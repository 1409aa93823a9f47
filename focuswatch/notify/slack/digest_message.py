"""The digest: one message for the findings beyond those that a team gets one by one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_header_fields import Category
from focuswatch.findings.account_owner_evidence_labels import amount
from focuswatch.findings.count_text import count_text
from focuswatch.findings.finding import Severity
from focuswatch.findings.finding_amount_text import amount_suffix
from focuswatch.notify.place_and_owner_names import account_named, place
from focuswatch.notify.slack.blocks import (
    Block,
    bullets,
    context,
    header,
    rich,
    section,
    spaced,
    within,
    words,
)
from focuswatch.notify.slack.mrkdwn import escaped_within, one_line

MOST_TITLES = 10


@dataclass(frozen=True)
class DigestLine:
    """A finding in a digest; `account` is a name, or its number without one."""

    fingerprint: str
    title: str
    monthly_cost: Decimal
    currency: str
    account: str | None
    region: str | None
    resource_id: str | None
    severity: Severity
    category: Category
    detection: str = ""
    stake: Decimal | None = None  # the amount to sort by (None: monthly_cost)

    @property
    def weight(self) -> Decimal:
        """Return the amount that the digest is sorted by."""
        return self.monthly_cost if self.stake is None else self.stake

    @property
    def amount_suffix(self) -> str:
        """Return the text after the amount, e.g. `/month in potential savings`."""
        return amount_suffix(self.detection, self.category)


def render_digest(
    lines: Sequence[DigestLine], *, team: str | None, as_of: date, shown: int = 10
) -> dict[str, Any]:
    """Return the message: the sum of `lines`, their number by title, and the `shown` with the highest cost."""
    by_cost = sorted(lines, key=lambda line: (-line.weight, line.fingerprint))
    waste = [line for line in lines if line.category == "waste"]
    owner = f"for {team}" if team else "without an owner"
    heading = f"{count_text(len(lines), 'finding')} {owner}" + (f": {_sum(waste)}" if waste else "")
    details = _highest_cost(by_cost[: max(shown, 0)], of=len(lines))
    blocks = [
        header(heading),
        _by_title(lines),
        details,
        context(
            f"This message includes charges before {as_of}. The findings are combined in one message, because "
            "there are too many for separate messages."
        ),
    ]
    return {
        "text": escaped_within(one_line(heading), 500),
        "blocks": within(blocks, spare=[details]),
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
    """Return amount, severity, place, and the resource, or the title without one."""
    where = place(account_named(line.account, None), line.region)
    facts = words(
        f"{amount(line.monthly_cost)} {line.currency}{line.amount_suffix} · {line.severity} · {where}",
        most=200,
    )
    named = words(line.resource_id or line.title, style="code" if line.resource_id else None, most=200)
    return [facts, spaced(" · "), named]
