"""Record the responses of people in the ledger, with author, day and reason, and show them in the message.

Every step is idempotent, since a queue may deliver a response twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from focuswatch.errors import DeliveryError, Refused
from focuswatch.findings.exclusion_offer import ExclusionOffer, OfferScope
from focuswatch.ledger import Dismissals, Ledger, LedgerEntry, Suppression
from focuswatch.ledger.decide import acknowledge
from focuswatch.notify.slack.client import Slack
from focuswatch.notify.slack.deliver import SlackChannel, channel_name
from focuswatch.notify.slack.ephemeral_reply import reply_ephemerally
from focuswatch.notify.slack.finding_message import RecordedResponse
from focuswatch.notify.slack.interactions import Action, UserResponse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

SNOOZED = {"snooze_7": 7, "snooze_30": 30}
EXCLUDES: dict[Action, OfferScope] = {"exclude_account": "account", "exclude_team": "team"}
NOT_A_MEMBER = (
    "Only members of the team's channel can respond to this finding. Ask a member of <#{channel}> to respond."
)
MEMBERS_UNREADABLE = (
    "focuswatch cannot accept responses, because it cannot read the members of the team's channel. "
    "Invite the bot to the "
    "channel, or ask your focuswatch administrator to run focuswatch snooze or focuswatch exclude."
)
ROUTED_BY_TAG = (
    "This security finding was routed here only because of a resource tag. The owner of the account must "
    "respond to the finding. The next message goes to the account owner's channel."
)
NOT_OFFERED = (
    "The exclusion is no longer offered, because the owner of the finding or the recorded responses have changed. "
    "Ask your focuswatch administrator to run focuswatch exclude."
)
UNKNOWN = "This message is too old. focuswatch no longer stores the finding."


@dataclass(frozen=True)
class ResponseRecorder:
    """Records responses; `clock` returns seconds since 1970."""

    slack: Slack
    channel: SlackChannel
    ledger: Ledger
    table: "Table"
    clock: Callable[[], float]

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
            return reject(response, ROUTED_BY_TAG)
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        offer = self._offer(response, today=today) if response.action in EXCLUDES else None
        if response.action in EXCLUDES and offer is None:
            return reject(response, NOT_OFFERED)
        recorded = _recorded(response, today=today)
        if self._is_pending(response, today=today):
            self._update_ledger(response, recorded, today=today, offer=offer)
            self._mark_done(response)
        done = f"{response.fingerprint}: {recorded.action} by {_author(response)}"
        try:
            self.channel.show_response(response.fingerprint, recorded)
        except Refused as error:  # the response is valid without the message
            return f"{done}, not shown: {error}"
        return done

    def _belongs_to_other_channel(self, fingerprint: str, channel: str) -> bool:
        """Return whether it is a security finding whose owner, by account or OU, has another channel."""
        entry = self.ledger.entries().get(fingerprint)
        if entry is None or entry.finding.category != "security":
            return False
        if not entry.finding.suppressible_by_team:
            return True
        owner = channel_name(entry.finding, owners=self.channel.owners, catalog=self.channel.catalog)
        return self.channel.channels.id(owner) != channel

    def _offer(self, response: UserResponse, *, today: date) -> ExclusionOffer | None:
        """Return the exclusion that the message offered, if the rule still offers it."""
        state = self.ledger.snapshot()
        entry = state.entries.get(response.fingerprint)
        if entry is None:
            return None
        offer = Dismissals(state.entries, state.suppressions, as_of=today).offer(entry.finding)
        return offer if offer and offer.scope == EXCLUDES[response.action] else None

    def _update_ledger(
        self,
        response: UserResponse,
        recorded: RecordedResponse,
        *,
        today: date,
        offer: ExclusionOffer | None,
    ) -> None:
        if recorded.action == "acknowledged":
            self.ledger.update(
                lambda entries, _suppressions: acknowledge(
                    entries, response.fingerprint, author=_author(response), on=today
                ),
                evaluated=(),
            )
            return
        suppression = Suppression(
            scope="fingerprint", value=response.fingerprint, author=_author(response), since=today,
            until=recorded.until, reason=response.reason or f"{response.action} in Slack",
            source=response.id,
        )  # fmt: skip
        if offer:
            suppression = suppression.model_copy(update=self._exclusion(response, offer))
        if not any(other.source == response.id for other in self.ledger.suppressions()):
            self.ledger.add_suppression(suppression)

    def _exclusion(self, response: UserResponse, offer: ExclusionOffer) -> dict[str, str]:
        """Return the scope of an exclusion, and its reason."""
        entry: LedgerEntry = self.ledger.entries()[response.fingerprint]
        reason = f"excluded in Slack after {offer.dismissed} findings were dismissed"
        return {
            "scope": offer.scope,
            "value": offer.value,
            "detection": entry.finding.detection,
            "reason": reason,
        }

    def _is_pending(self, response: UserResponse, *, today: date) -> bool:
        """Store the response itself. Return whether its effects are still to be applied."""
        item = self.table.get_item(Key=_key(response), ConsistentRead=True).get("Item")
        if item is None:
            item = {**_key(response), "document": response.to_json(), "on": today.isoformat()}
            self.table.put_item(Item=item | {"done": False})
            return True
        return not item["done"]

    def _mark_done(self, response: UserResponse) -> None:
        self.table.update_item(
            Key=_key(response),
            UpdateExpression="SET #done = :yes",
            ExpressionAttributeNames={"#done": "done"},
            ExpressionAttributeValues={":yes": True},
        )


def reject(response: UserResponse, reason: str) -> str:
    """Reply to the person, who need not be in the channel. Return what was done, for the log."""
    return f"{response.fingerprint}: {response.user_id} was rejected: {reason}{_reply(response, reason)}"


def _reply(response: UserResponse, text: str) -> str:
    """Reply if there is a response URL. Return a note for the log; empty if it succeeded."""
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
    return RecordedResponse(
        "snoozed", response.user_id, today, until=today + timedelta(days=SNOOZED[response.action])
    )


def _author(response: UserResponse) -> str:
    return f"{response.user_name} ({response.user_id})" if response.user_name else response.user_id


def _key(response: UserResponse) -> dict[str, str]:
    # A key in existing tables.
    return {"kind": "answer", "id": f"{response.fingerprint} {response.id}"}
