"""The incident of a finding in sentences and lists, for mail, Slack and Jira. Pure; nothing is escaped here."""

from collections.abc import Iterable, Iterator

from focuswatch.findings.account_owner_evidence_labels import account_label
from focuswatch.findings.count_text import count_text
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_text import full_amount
from focuswatch.findings.incident_in_finding_json import RelatedFinding, Rollout
from focuswatch.ledger.notification import Notification


def also_detected_text(finding: Finding) -> str | None:
    """Return a sentence that names what else was detected with the same cause; None for a finding by itself."""
    if finding.rollout:
        return None
    named = [_titled(one, finding) for one in finding.also_detected]
    names = list(dict.fromkeys(named))
    more = finding.related_findings - len(finding.also_detected)
    if not names:
        return None
    listed = "; ".join(names) + (f", and {count_text(more, 'other finding')}" if more > 0 else "")
    overlap = "The amounts of these findings can overlap; totals in reports count each charge once."
    return f"Also detected as: {listed}. {overlap}"


def incident_lines(finding: Finding) -> list[str]:
    """Return what a message of the lead states about its incident; empty for a finding by itself."""
    if finding.rollout:
        return [f"Rollout: {rollout_text(finding.rollout)}", *rollout_lines(finding.rollout)]
    also = also_detected_text(finding)
    return [also] if also else []


def _titled(one: RelatedFinding, finding: Finding) -> str:
    """Return the title of a related finding, with where it differs from the lead."""
    place = one.service_name if one.region_id in (None, finding.region_id) else one.region_id
    other_account = one.sub_account_id != finding.sub_account_id
    account = account_label(one.sub_account_name, one.sub_account_id) if other_account else None
    where = ", ".join(filter(None, (account, place)))
    return f"{one.title} ({where})" if where else one.title


def joined_text(finding: Finding, *, before: Finding | None) -> str | None:
    """Return a sentence about what the incident has more than before; None if nothing joined."""
    if before is None:
        return None
    if finding.rollout:
        known = before.rollout.account_count if before.rollout else 1
        more = finding.rollout.account_count - known
        total = rollout_extent(finding.rollout)
        started = f"The usage also started in {count_text(more, 'more account')}, for a total of {total}."
        return started if more > 0 else None
    known_ones = {before.fingerprint, *(one.fingerprint for one in before.also_detected)}
    joined = [one for one in finding.also_detected if one.fingerprint not in known_ones]
    names = dict.fromkeys(_titled(one, finding) for one in joined)
    return f"Also detected as: {'; '.join(names)}." if names else None


def new_lead_text(finding: Finding, *, before: Finding) -> str:
    """Return what takes the place of the finding that the message was about."""
    is_open = before.fingerprint in {one.fingerprint for one in finding.also_detected}
    opening = (
        "Now identified as"
        if is_open
        else f"“{before.title}” is resolved or muted. A related finding is still open:"
    )
    return f"{opening} {finding.title}: {full_amount(finding)}. {finding.reason}"


def rollout_text(rollout: Rollout) -> str:
    """Return what started where, in one sentence."""
    services = " and ".join(rollout.services) if len(rollout.services) < 3 else ", ".join(rollout.services)
    return f"Usage of {services} started in {rollout_extent(rollout)} within a few days."


def rollout_extent(rollout: Rollout) -> str:
    """Return the numbers of accounts and regions."""
    return f"{count_text(rollout.region_count, 'region')} across {rollout.account_count:,} accounts"


def rollout_lines(rollout: Rollout) -> Iterator[str]:
    """Yield a line for the accounts with the same new regions; the last one states how many are not listed."""
    for group in rollout.groups:
        yield f"{', '.join(group.regions)}: {', '.join(group.accounts)}"
    if more := rollout.account_count - sum(len(group.accounts) for group in rollout.groups):
        yield f"and {count_text(more, 'more account')}"


def incident_text(notification: Notification) -> str:
    """Return the paragraph of a mail about the other findings of the incident; empty without others."""
    finding = notification.finding
    if finding.rollout:
        return _paragraph(f"Rollout: {rollout_text(finding.rollout)}", rollout_lines(finding.rollout))
    lines = [_place(one) for one in notification.others]
    if more := notification.others_count - len(lines):
        lines.append(f"and {count_text(more, 'more finding')}")
    also = also_detected_text(finding)
    paragraphs = [
        _paragraph("Other new findings with the same cause:", lines) if lines else "",
        f"{also}\n\n" if also else "",
    ]
    return "".join(paragraphs)


def _place(one: RelatedFinding) -> str:
    account = account_label(one.sub_account_name, one.sub_account_id)
    return ", ".join(filter(None, (account, one.region_id, one.service_name, one.resource_id)))


def _paragraph(heading: str, lines: Iterable[str]) -> str:
    return f"{heading}\n" + "".join(f"  {line}\n" for line in lines) + "\n"
