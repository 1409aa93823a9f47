"""Render a digest: one email that combines the notifications for an address when there are too many."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.count_text import count_text
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import main_amount
from focuswatch.ledger.notification_and_pending_notification_models import OVER, NotificationKind
from focuswatch.notify.mail.email_sections_rendered_as_text_and_html import Mail, Section, subject_line
from focuswatch.notify.mail.finding_mail import MARKS, first_step

MOST_ROWS = 100
MOST_STEPS = 3


class MailDigestLine(BaseModel):
    """A notification in a digest, with the texts that the email shows. Digests sort their lines by `weight`."""

    model_config = ConfigDict(frozen=True)
    fingerprint: str
    mark: str
    title: str
    amount: str
    severity: str
    account: str | None
    region: str | None
    resource: str | None
    weight: Decimal
    currency: str
    monthly_savings: Decimal
    first_step: str | None = None  # None: the notification requires no action

    @classmethod
    def of(cls, finding: Finding, *, kind: NotificationKind) -> Self:
        """Return the line of a notification. Only the cost of open waste findings counts as potential savings."""
        counts = finding.category == "waste" and kind not in OVER
        return cls(
            fingerprint=finding.fingerprint,
            mark=MARKS[kind],
            title=finding.title,
            amount=main_amount(finding),
            severity=finding.incident_severity,
            account=account_label(finding.sub_account_name, finding.sub_account_id),
            region=finding.region_id,
            resource=finding.resource_id,
            weight=finding.stake,
            currency=finding.currency,
            monthly_savings=finding.monthly_cost if counts else Decimal(0),
            first_step=None if kind in OVER else first_step(finding),
        )


def digest_mail(lines: Sequence[MailDigestLine], *, as_of: date) -> Mail:
    """Return the digest of all `lines`, highest amount first; `as_of` is the first day that is not evaluated."""
    by_amount = sorted(lines, key=lambda line: (-line.weight, line.fingerprint))
    count = count_text(len(lines), "notification")
    savings = _savings(lines)
    shown = by_amount[:MOST_ROWS]
    sections = [Section(rows=_by_title(lines))]
    sections.append(
        Section(
            "Findings, highest amount first",
            columns=("", "Finding", "Amount", "Severity", "Account", "Region", "Resource"),
            rows=tuple(_row(line) for line in shown),
        )
    )
    if steps := _first_steps(by_amount):
        sections.insert(1, Section("What to do first", lines=steps))
    if len(by_amount) > len(shown):
        sections.append(Section(lines=(f"and {len(by_amount) - len(shown):,} more",)))
    footer = (
        f"This email covers only charges before {as_of}. The notifications are combined, because there are too many "
        "for separate emails. You are receiving this email because owners.toml, the configuration file of focuswatch, "
        "lists your address as a channel."
    )
    return Mail(
        subject=subject_line(" · ".join(filter(None, (f"focuswatch: {count}", savings)))),
        title=count,
        amount=f"{savings} in potential savings" if savings else "no potential savings",
        sections=(*sections, Section(lines=(footer,), small=True)),
    )


def _first_steps(lines: Sequence[MailDigestLine]) -> tuple[str, ...]:
    """Return the first steps of the findings with the highest amounts; `lines` are sorted by amount."""
    with_step = [line for line in lines if line.first_step][:MOST_STEPS]
    return tuple(
        f"{number}. {', '.join(filter(None, (line.title, line.account)))}: {line.first_step}"
        for number, line in enumerate(with_step, 1)
    )


def _savings(lines: Sequence[MailDigestLine]) -> str:
    """Return the potential monthly savings as text, one sum per currency; empty without savings."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.currency] += line.monthly_savings
    return " and ".join(f"{amount(total)} {currency}/month" for currency, total in sums.items() if total)


def _by_title(lines: Sequence[MailDigestLine]) -> tuple[tuple[str, ...], ...]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        counts[line.mark, line.title] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((f"{number:,}", f"{mark}: {title}") for (mark, title), number in ordered)


def _row(line: MailDigestLine) -> tuple[str, ...]:
    places = (line.account or "", line.region or "", line.resource or "")
    return (line.mark, line.title, line.amount, line.severity, *places)
