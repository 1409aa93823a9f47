"""Render the subject and text of the email that SNS sends to subscribers of a detection's topic."""

import unicodedata
from collections.abc import Iterable

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.count_text import count_text
from focuswatch.findings.evidence_labels_and_values_that_fill_placeholders import (
    display_values,
    evidence_label,
)
from focuswatch.findings.exclusion_offer_text import offer_command, offer_reason
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount
from focuswatch.findings.related_finding_and_region_rollout_models import RelatedFinding
from focuswatch.findings.replace_control_characters import visible
from focuswatch.ledger.notification_and_pending_notification_models import Notification
from focuswatch.notify.place_and_owner_names import account_of_finding, region_id_of_finding
from focuswatch.notify.related_findings_and_region_rollout_text import (
    also_detected_text,
    rollout_extent,
    rollout_lines,
    rollout_text,
)

# SNS accepts fewer than 100 characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SUBJECT_LENGTH = 99


def render_email(notification: Notification) -> str:
    """Return the text of an email, which includes the other new findings of the same detection and incident."""
    finding = notification.finding
    account, region = account_of_finding(finding), region_id_of_finding(finding)
    proof = display_values({name: value for name, value in finding.evidence.items() if value is not None})
    evidence = "\n".join(f"  {evidence_label(name)}: {value}" for name, value in proof.items())
    return visible(
        f"{finding.title}\n\n{finding.reason}\n\nAccount: {account or 'none'}\nRegion: {region or 'none'}\n"
        f"Amount: {full_amount(finding)}\n\n{_incident(notification)}"
        f"What to do\n{finding.action}\n\n{_offer(finding)}{_root_cause(finding)}Evidence\n{evidence}\n\n"
        f"Finding {finding.fingerprint}, as of {finding.as_of}\n"
    )


def email_subject(notification: Notification) -> str:
    """Return the subject as one line of ASCII, because SNS accepts nothing else."""
    finding = notification.finding
    name = finding.sub_account_name or ""
    shown = _ascii(name)
    lost_letters = shown.count("?") > name.count("?")
    account = shown if shown and not lost_letters else finding.sub_account_id
    places = ", ".join(filter(None, (account, finding.region_id)))
    if finding.rollout:
        places = rollout_extent(finding.rollout)
    elif notification.others_count:
        places += f" and {notification.others_count:,} more"
    text = f"{finding.title}: {places}" if places else finding.title
    return _ascii(text)[:SUBJECT_LENGTH]


def _incident(notification: Notification) -> str:
    """Return the paragraphs of an email about related findings or the rollout; empty if there are none."""
    finding = notification.finding
    if finding.rollout:
        return _paragraph(f"Rollout: {rollout_text(finding.rollout)}", rollout_lines(finding.rollout))
    lines = [_related_finding_line(one) for one in notification.others]
    if more := notification.others_count - len(lines):
        lines.append(f"and {count_text(more, 'more finding')}")
    also = also_detected_text(finding)
    paragraphs = [
        _paragraph("Other new findings with the same cause:", lines) if lines else "",
        f"{also}\n\n" if also else "",
    ]
    return "".join(paragraphs)


def _related_finding_line(one: RelatedFinding) -> str:
    account = account_label(one.sub_account_name, one.sub_account_id)
    return ", ".join(filter(None, (account, one.region_id, one.service_name, one.resource_id)))


def _paragraph(heading: str, lines: Iterable[str]) -> str:
    return f"{heading}\n" + "".join(f"  {line}\n" for line in lines) + "\n"


def _offer(finding: Finding) -> str:
    """Return the paragraph that suggests an exclusion and its command; empty without a suggestion."""
    if finding.exclusion_offer is None:
        return ""
    reason = offer_reason(finding, finding.exclusion_offer)
    return f"Suggested exclusion\n{reason}\n{offer_command(finding, finding.exclusion_offer)}\n\n"


def _root_cause(finding: Finding) -> str:
    """Return the paragraph with the cost drivers and changes; empty for a finding without an explanation."""
    if finding.explanation is None:
        return ""
    lines = explanation_sentences(finding.explanation, currency=finding.currency)
    return "Root cause\n" + "\n".join(f"  {visible(line)}" for line in lines) + "\n\n"


def _ascii(text: str) -> str:
    """Return the text without accents and symbols such as emoji; `?` stands for any other character outside ASCII."""
    signs = (
        sign if sign.isascii() and sign.isprintable() else "?"
        for sign in unicodedata.normalize("NFKD", text)
        if unicodedata.category(sign)[0] not in "MS" or sign.isascii()
    )
    return " ".join("".join(signs).split())
