"""Describe the incident of a finding (related findings or a rollout) in sentences and lists, for every channel.

Pure; channels escape the text.
"""

from collections.abc import Iterator

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.count_text import count_text
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount
from focuswatch.findings.related_finding_and_region_rollout_models import RelatedFinding, Rollout


def also_detected_text(finding: Finding) -> str | None:
    """Return sentences that name the related findings of the same cause; None without any, and for a rollout."""
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
    """Return the lines about the incident in a message about its lead; empty without related findings or a rollout."""
    if finding.rollout:
        return [f"Rollout: {rollout_text(finding.rollout)}", *rollout_lines(finding.rollout)]
    also = also_detected_text(finding)
    return [also] if also else []


def _titled(one: RelatedFinding, finding: Finding) -> str:
    """Return the title of a related finding, with the account, region or service that differs from the lead."""
    place = one.service_name if one.region_id in (None, finding.region_id) else one.region_id
    other_account = one.sub_account_id != finding.sub_account_id
    account = account_label(one.sub_account_name, one.sub_account_id) if other_account else None
    where = ", ".join(filter(None, (account, place)))
    return f"{one.title} ({where})" if where else one.title


def joined_text(finding: Finding, *, before: Finding | None) -> str | None:
    """Return a sentence about findings or accounts that joined the incident since `before`; None if none did."""
    if before is None:
        return None
    if finding.rollout:
        known = before.rollout.account_count if before.rollout else 1
        more = finding.rollout.account_count - known
        total = rollout_extent(finding.rollout)
        started = f"The usage has since started in {count_text(more, 'more account')}. Total: {total}."
        return started if more > 0 else None
    known_ones = {before.fingerprint, *(one.fingerprint for one in before.also_detected)}
    joined = [one for one in finding.also_detected if one.fingerprint not in known_ones]
    names = dict.fromkeys(_titled(one, finding) for one in joined)
    return f"Also detected as: {'; '.join(names)}." if names else None


def new_lead_text(finding: Finding, *, before: Finding) -> str:
    """Return the text that introduces the new lead of an incident whose message was about `before`."""
    is_open = before.fingerprint in {one.fingerprint for one in finding.also_detected}
    opening = (
        "Now identified as"
        if is_open
        else f"“{before.title}” is resolved or muted. A related finding is still open:"
    )
    return f"{opening} {finding.title}: {full_amount(finding)}. {finding.reason}"


def rollout_text(rollout: Rollout) -> str:
    """Return one sentence that states which services started and in how many regions and accounts."""
    services = " and ".join(rollout.services) if len(rollout.services) < 3 else ", ".join(rollout.services)
    return f"Usage of {services} started in {rollout_extent(rollout)} within a few days."


def rollout_extent(rollout: Rollout) -> str:
    """Return the number of regions and accounts: `17 regions across 30 accounts`."""
    return f"{count_text(rollout.region_count, 'region')} across {rollout.account_count:,} accounts"


def rollout_lines(rollout: Rollout) -> Iterator[str]:
    """Yield a line for each group of accounts with the same new regions; the last line counts accounts not listed."""
    for group in rollout.groups:
        yield f"{', '.join(group.regions)}: {', '.join(group.accounts)}"
    if more := rollout.account_count - sum(len(group.accounts) for group in rollout.groups):
        yield f"and {count_text(more, 'more account')}"
