"""Format the suggestion to exclude a detection as text and as a command, for messages, issues and mail."""

import shlex

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.exclusion_offer_record import ExclusionOffer
from focuswatch.findings.finding import Finding


def offer_reason(finding: Finding, offer: ExclusionOffer) -> str:
    """Return why the exclusion is offered: `3 findings of this detection in account … were dismissed …`."""
    expected = "not waste" if finding.category == "waste" else "expected"
    return (
        f"{offer.dismissed} findings of this detection in {offer_scope(finding, offer)} were snoozed or marked as "
        f"{expected}. If the detection does not apply to this {offer.scope}, exclude the detection for the "
        f"{offer.scope}."
    )


def offer_scope(finding: Finding, offer: ExclusionOffer) -> str:
    """Return `account payments (111122223333)` or `team search`."""
    if offer.scope == "team":
        return f"team {offer.value}"
    return f"account {account_label(finding.sub_account_name, offer.value)}"


def offer_command(finding: Finding, offer: ExclusionOffer) -> str:
    """Return the command that creates the exclusion. The value can come from a bill, so it is quoted for the shell."""
    value = shlex.quote(offer.value)
    return f'focuswatch exclude --detection {finding.detection} --{offer.scope} {value} --reason "…"'
