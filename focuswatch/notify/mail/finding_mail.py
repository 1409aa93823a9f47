"""Render the email about one finding: its title, cost, reason, steps to take and a link. Sends and stores nothing."""

from datetime import date

from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import (
    cost_so_far_text,
    days_open,
    full_amount,
    main_amount,
)
from focuswatch.findings.is_aws_provider import is_aws
from focuswatch.findings.saving_text import saving_text
from focuswatch.ledger.notification_and_pending_notification_models import OVER, NotificationKind
from focuswatch.notify.cloud_console_and_athena_links import console_text, console_url
from focuswatch.notify.mail.email_sections_rendered_as_text_and_html import Mail, Section, subject_line
from focuswatch.notify.place_and_owner_names import (
    account_of_finding,
    owner_of_finding,
    region,
    region_id_of_finding,
)
from focuswatch.notify.related_findings_and_region_rollout_text import (
    incident_lines,
    joined_text,
    new_lead_text,
    rollout_extent,
)

MARKS: dict[NotificationKind, str] = {
    "new": "New",
    "changed": "Changed",
    "resolved": "Resolved",
    "reminder": "Still open",
    "saving_verified": "Savings on the bill",
}
COST_EXPLORER = "https://console.aws.amazon.com/costmanagement/home#/cost-explorer"


def finding_mail(
    finding: Finding, *, kind: NotificationKind, today: date, before: Finding | None = None
) -> Mail:
    """Return the email; `before` is the finding as it was last sent to this address (None: never sent)."""
    account = rollout_extent(finding.rollout) if finding.rollout else _account(finding)
    short = main_amount(finding).removesuffix(" in potential savings")
    heading = f"{MARKS[kind]}: {finding.title}"
    change = _change(finding, kind=kind, today=today, before=before)
    return Mail(
        subject=subject_line(" · ".join(filter(None, (heading, short, account)))),
        title=finding.title,
        amount=full_amount(finding),
        sections=tuple(_sections(finding, kind=kind, change=change)),
        link=_link(finding),
    )


def _sections(finding: Finding, *, kind: NotificationKind, change: str | None) -> list[Section]:
    sections = [Section(lines=(change,))] if change else []
    sections.append(Section(rows=_facts(finding)))
    if kind not in OVER:
        sections.append(Section("Why", lines=(finding.reason,)))
        if same_cause := incident_lines(finding):
            sections.append(Section("Same cause", lines=tuple(same_cause)))
        sections.append(Section("What to do", lines=_steps(finding.action)))
        if finding.explanation:
            causes = explanation_sentences(finding.explanation, currency=finding.currency)
            sections.append(Section("Root cause", lines=tuple(causes)))
    return [*sections, _footer(finding, kind=kind)]


def _change(finding: Finding, *, kind: NotificationKind, today: date, before: Finding | None) -> str | None:
    match kind:
        case "new":
            return None
        case "changed":
            if before and before.fingerprint != finding.fingerprint:
                return new_lead_text(finding, before=before)
            if joined := joined_text(finding, before=before):
                return joined
            if before is None:
                return f"The amount or severity has changed. Severity: {finding.incident_severity}."
            text = f"Previously {main_amount(before)}."
            if before.incident_severity != finding.incident_severity:
                text += f" Severity: {finding.incident_severity}, previously {before.incident_severity}."
            return text
        case "resolved":
            return "Resolved. " + (saving_text(finding) or "This finding is no longer detected on the bill.")
        case "saving_verified":
            return saving_text(finding)
    number, cost = days_open(finding, today=today), cost_so_far_text(finding, today=today)
    days = "1 day" if number == 1 else f"{number} days"
    return f"Still open after {days}" + (f"; {cost}." if cost else ".")


def _account(finding: Finding) -> str | None:
    return finding.sub_account_name or finding.sub_account_id


def _facts(finding: Finding) -> tuple[tuple[str, str], ...]:
    facts = (
        ("Account", account_of_finding(finding)),
        ("Region", region_id_of_finding(finding) if finding.rollout else region(finding.region_id)),
        ("Service", finding.service_name),
        ("Resource", finding.resource_id),
        ("Owner", owner_of_finding(finding)),
        ("Severity", finding.incident_severity),
        ("First seen", f"{finding.first_seen}"),
    )
    return tuple((name, value) for name, value in facts if value)


def _steps(action: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, action.splitlines())))


def first_step(finding: Finding) -> str | None:
    """Return the first step of the action without its number; None if the action is empty."""
    steps = _steps(finding.action)
    return steps[0].removeprefix("1. ") if steps else None


def _link(finding: Finding) -> tuple[str, str] | None:
    """Return label and URL of the resource's console page, or else of Cost Explorer.

    None for a resource of another provider that has no console page.
    """
    url = console_url(finding.resource_id)
    if url:
        return console_text(url).replace("Open in", "Open the resource in"), url
    return (
        None if finding.provider and not is_aws(finding.provider) else ("Open Cost Explorer", COST_EXPLORER)
    )


def _footer(finding: Finding, *, kind: NotificationKind) -> Section:
    lines = [
        f"This email covers only charges before {finding.as_of}. You are receiving this email because owners.toml, "
        "the configuration file of focuswatch, lists your address as a channel. Replies are not monitored."
    ]
    if kind not in OVER:
        lines.append(
            f'If this finding is expected, run: focuswatch exclude --fingerprint {finding.fingerprint} --reason "…"'
        )
    else:
        lines.append(f"Fingerprint of the finding: {finding.fingerprint}")
    return Section(lines=tuple(lines), small=True)
