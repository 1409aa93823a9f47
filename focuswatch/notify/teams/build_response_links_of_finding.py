"""Build the signed links with which people respond to the finding of a Teams message."""

from collections.abc import Mapping

from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import main_amount
from focuswatch.notify.one_line_and_truncated_text import one_line, truncate
from focuswatch.notify.place_and_owner_names import account_of_finding
from focuswatch.notify.response_actions_and_labels import MessageAction, not_waste_label, response_labels
from focuswatch.notify.teams.signed_action_link import DAY_SECONDS, SignedAction

LINK_DAYS = 15  # until after the next reminder, which has new links
SUMMARY_CHARACTERS = 100


def response_links(
    finding: Finding, *, address: str, endpoint_url: str, secret: str, now: float
) -> Mapping[str, str]:
    """Return the URL of each response by its label; `address` is the channel whose readers may use them."""
    until = int(now) + LINK_DAYS * DAY_SECONDS
    return {
        label: _signed(finding, action, address=address, until=until).link(endpoint_url, secret=secret)
        for action, label in response_labels(finding).items()
    }


def _signed(finding: Finding, action: MessageAction, *, address: str, until: int) -> SignedAction:
    facts = ", ".join(filter(None, (account_of_finding(finding), main_amount(finding))))
    return SignedAction(
        action=action,
        finding=finding.fingerprint,
        address=address,
        about=truncate(one_line(f"{finding.title}: {facts}"), SUMMARY_CHARACTERS),
        until=until,
        muting=not_waste_label(finding),
    )
