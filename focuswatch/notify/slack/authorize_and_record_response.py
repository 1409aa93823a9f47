"""Check that a Slack user may respond to a finding, record the response in the ledger, and show it in the message.

Every step is idempotent, because a queue may deliver a response twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from focuswatch.errors import DeliveryError, Refused
from focuswatch.findings.exclusion_offer_record import OfferScope
from focuswatch.findings.finding import Finding
from focuswatch.ledger import Dismissals, Ledger
from focuswatch.ledger.open_and_suppressible_incident_findings import open_in_incident
from focuswatch.notify.record_response_once import (
    Exclusion,
    PersonResponse,
    ResponseLedger,
    show_nowhere_else,
)
from focuswatch.notify.slack.client import SlackClient
from focuswatch.notify.slack.deliver import SlackChannel, channel_name
from focuswatch.notify.slack.ephemeral_reply import reply_ephemerally
from focuswatch.notify.slack.finding_message import RecordedResponse
from focuswatch.notify.slack.update_posted_message_after_response_or_spending_control import show_response
from focuswatch.notify.slack.verify_and_parse_slack_interactions import UserResponse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

EXCLUDES: dict[str, OfferScope] = {"exclude_account": "account", "exclude_team": "team"}
NOT_A_MEMBER = (
    "Only members of the team's channel can respond to this finding. Ask a member of <#{channel}> to respond."
)
MEMBERS_UNREADABLE = (
    "focuswatch cannot accept responses, because it cannot read the members of the team's channel. "
    "Invite the bot to the "
    "channel, or ask your focuswatch administrator to run focuswatch snooze or focuswatch exclude."
)
OF_OTHER_CHANNEL = (
    "Your response was not recorded, because this channel does not belong to the owner of the account. Only the "
    "account owner can respond to this security finding. The next message about the finding goes to the account "
    "owner's channel."
)
NOT_OFFERED = (
    "The exclusion is no longer offered, because the owner of the finding or the recorded responses have changed. "
    "Ask your focuswatch administrator to run focuswatch exclude."
)
UNKNOWN = "This message is too old: focuswatch no longer stores the finding."


@dataclass(frozen=True)
class ResponseRecorder:
    """Records responses; `clock` returns seconds since 1970."""

    slack: SlackClient
    channel: SlackChannel
    ledger: Ledger
    table: "Table"
    clock: Callable[[], float]
    show_elsewhere: Callable[[PersonResponse], None] = show_nowhere_else  # see ResponseLedger

    def record(self, response: UserResponse) -> str:
        """Record a response. Return what was done, for the log. Idempotent; raises TryLater, Unsure or Refused."""
        message = self.channel.claims.state_of(response.fingerprint)
        if message is None:
            return reject(response, UNKNOWN)
        try:
            is_member = self.slack.is_member(message.channel, response.user_id)
        except Refused as error:
            return f"{reject(response, MEMBERS_UNREADABLE)} ({error})"
        if not is_member:
            return reject(response, NOT_A_MEMBER.format(channel=message.channel))
        if self._belongs_to_other_channel(response.fingerprint, message.channel):
            return reject(response, OF_OTHER_CHANNEL)
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        offer = self._offer(response, today=today) if response.action in EXCLUDES else None
        if response.action in EXCLUDES and offer is None:
            return reject(response, NOT_OFFERED)
        recorded = _recorded(response, today=today)
        person_response = replace(_person_response(response), exclusion=offer)
        ResponseLedger(self.ledger, self.table, self.show_elsewhere).record(person_response, today=today)
        done = f"{response.fingerprint}: {recorded.action} by {_author(response)}"
        try:
            show_response(self.channel, response.fingerprint, recorded)
        except Refused as error:  # the response stays recorded without the message
            return f"{done}; the Slack message could not be updated: {error}"
        return done

    def _offer(self, response: UserResponse, *, today: date) -> Exclusion | None:
        """Return the exclusion that the message offered, if it is still offered for the lead of the incident."""
        state = self.ledger.snapshot()
        leads = open_in_incident(response.fingerprint, state.entries)
        entry = leads[0] if leads else state.entries.get(response.fingerprint)
        if entry is None:
            return None
        offer = Dismissals(state.entries, state.suppressions, as_of=today).offer(entry.finding)
        if offer is None or offer.scope != EXCLUDES[response.action]:
            return None
        reason = f"excluded in Slack after {offer.dismissed} findings were dismissed"
        return Exclusion(offer.scope, offer.value, detection=entry.finding.detection, reason=reason)

    def _belongs_to_other_channel(self, incident: str, channel: str) -> bool:
        """Return whether the incident has a security finding that people in this channel must not respond to.

        Its owner, by account or OU, has another channel, or it was routed here only because of a resource tag.
        """
        return any(
            self._is_of_other_channel(entry.finding, channel)
            for entry in open_in_incident(incident, self.ledger.entries())
            if entry.finding.category == "security"
        )

    def _is_of_other_channel(self, finding: Finding, channel: str) -> bool:
        if not finding.suppressible_by_team:
            return True
        if not finding.incident_lead and finding.incident:  # the message of the lead covers it
            return False
        owner = channel_name(finding, owners=self.channel.owners, catalog=self.channel.catalog)
        return owner is None or self.channel.channels.id(owner) != channel


def reject(response: UserResponse, reason: str) -> str:
    """Reply to the person, who may not be a member of the channel. Return what was done, for the log."""
    return (
        f"{response.fingerprint}: the response from {response.user_id} was rejected: "
        f"{reason}{_reply(response, reason)}"
    )


def _reply(response: UserResponse, text: str) -> str:
    """Reply if there is a response URL. Return the error for the log; empty if there was none."""
    try:
        if response.response_url:
            reply_ephemerally(response.response_url, text)
    except DeliveryError as error:
        return f"; the reply failed: {error}"
    return ""


def _recorded(response: UserResponse, *, today: date) -> RecordedResponse:
    match response.action:
        case "acknowledge":
            return RecordedResponse("acknowledged", response.user_id, today)
        case "not_waste":
            return RecordedResponse("not waste", response.user_id, today, reason=response.reason)
        case "exclude_account":
            return RecordedResponse("excluded for this account", response.user_id, today)
        case "exclude_team":
            return RecordedResponse("excluded for this team", response.user_id, today)
    return RecordedResponse("snoozed", response.user_id, today, until=_person_response(response).until(today))


def _author(response: UserResponse) -> str:
    return f"{response.user_name} ({response.user_id})" if response.user_name else response.user_id


def _person_response(response: UserResponse) -> PersonResponse:
    if response.action == "pause_spending" or response.action == "resume_spending":
        raise Refused(f"the function `controls` must handle the action {response.action}")
    return PersonResponse(
        id=response.id,
        fingerprint=response.fingerprint,
        action=response.action,
        author=_author(response),
        reason=response.reason or f"{response.action} in Slack",
        document=response.to_json(),
    )
