"""What people answered, into the ledger: who, when, why; and back into the message, so that everybody sees it.

Every step does nothing the second time, since a queue may bring an answer twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from focuswatch.errors import DeliveryError, Refused
from focuswatch.ledger import Ledger, Suppression
from focuswatch.ledger.decide import acknowledge
from focuswatch.notify.slack.client import Slack
from focuswatch.notify.slack.deliver import SlackChannel, channel_name
from focuswatch.notify.slack.ephemeral_reply import reply_ephemerally
from focuswatch.notify.slack.finding_message import RecordedResponse
from focuswatch.notify.slack.interactions import UserResponse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

SNOOZED = {"snooze_7": 7, "snooze_30": 30}
NOT_YOURS = "Only members of the team's channel may answer for this finding; ask in <#{channel}>."
UNSEEN = (
    "focuswatch cannot see who is in the team's channel, so it takes no answers here. Invite it there, or let whoever "
    "runs it do it for you: focuswatch snooze, focuswatch exclude."
)
NOT_BY_TAG = (
    "This is a security finding, and only a resource's own tag put it here. The owner of its account answers for it: "
    "the next message goes to their channel."
)
KEPT = "Kept: {what}. This message stays as it was, since focuswatch can no longer change it."
UNKNOWN = "This message is too old: focuswatch no longer knows the finding it tells of."


@dataclass(frozen=True)
class ResponseRecorder:
    """Writes answers down; `clock` gives seconds since 1970."""

    slack: Slack
    channel: SlackChannel
    ledger: Ledger
    table: "Table"
    clock: Callable[[], float]

    def record(self, press: UserResponse) -> str:
        """What was done, in words for a log. Raises TryLater, Unsure, Refused; the same again does no harm."""
        known = self.channel.claims.state_of(press.fingerprint)
        if known is None:
            return reject(press, UNKNOWN)
        try:
            channel = self.channel.channels.id(known.channel)  # of a webhook only its name is known
            is_member = self.slack.is_member(channel, press.user_id)
        except Refused as error:
            return f"{reject(press, UNSEEN)} ({error})"
        if not is_member:
            return reject(press, NOT_YOURS.format(channel=channel))
        if self._is_elsewhere(press.fingerprint, channel):
            return reject(press, NOT_BY_TAG)
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        answered = _answered(press, today=today)
        if self._is_first(press, today=today):
            self._into_ledger(press, answered, today=today)
            self._done(press)
        done = f"{press.fingerprint}: {answered.action} by {_author(press)}"
        try:
            self.channel.show_response(press.fingerprint, answered)
        except Refused as error:  # it counts all the same
            told = _whispered(press, KEPT.format(what=_in_words(answered)))
            return f"{done}, not shown: {error}{told}"
        return done

    def _is_elsewhere(self, fingerprint: str, channel: str) -> bool:
        """Whether it is a security finding whose owner, by account or OU, is not whoever reads this channel."""
        entry = self.ledger.entries().get(fingerprint)
        if entry is None or entry.finding.category != "security":
            return False
        if not entry.finding.suppressible_by_team:
            return True
        owner = channel_name(entry.finding, owners=self.channel.owners, catalog=self.channel.catalog)
        return self.channel.channels.id(owner) != channel

    def _into_ledger(self, press: UserResponse, answered: RecordedResponse, *, today: date) -> None:
        if answered.action == "acknowledged":
            self.ledger.update(
                lambda entries, _silences: acknowledge(
                    entries, press.fingerprint, author=_author(press), on=today
                ),
                evaluated=(),
            )
            return
        silence = Suppression(
            scope="fingerprint", value=press.fingerprint, author=_author(press), since=today, until=answered.until,
            reason=press.reason or f"{press.action} in Slack", source=press.id,
        )  # fmt: skip
        if not any(one.source == press.id for one in self.ledger.suppressions()):
            self.ledger.add_suppression(silence)

    def _is_first(self, press: UserResponse, *, today: date) -> bool:
        """Keep the answer itself, for good; whether what follows from it is still to be done."""
        known = self.table.get_item(Key=_key(press), ConsistentRead=True).get("Item")
        if known is None:
            kept = {**_key(press), "document": press.to_json(), "on": today.isoformat()}
            self.table.put_item(Item={**kept, "done": False})
        return known is None or not known["done"]

    def _done(self, press: UserResponse) -> None:
        self.table.update_item(
            Key=_key(press),
            UpdateExpression="SET #done = :yes",
            ExpressionAttributeNames={"#done": "done"},
            ExpressionAttributeValues={":yes": True},
        )


def reject(press: UserResponse, why: str) -> str:
    """Say so to whoever pressed, who need not be in the channel; what was done, in words for a log."""
    return f"{press.fingerprint}: {press.user_id} was turned away: {why}{_whispered(press, why)}"


def _whispered(press: UserResponse, text: str) -> str:
    """For the log: nothing where it was said."""
    try:
        if press.response_url:
            reply_ephemerally(press.response_url, text)
    except DeliveryError as error:
        return f"; and could not be told: {error}"
    return ""


def _in_words(answered: RecordedResponse) -> str:
    return f"{answered.action} until {answered.until}" if answered.until else answered.action


def _answered(press: UserResponse, *, today: date) -> RecordedResponse:
    match press.action:
        case "acknowledge":
            return RecordedResponse("acknowledged", press.user_id, today)
        case "not_waste":
            return RecordedResponse("not waste", press.user_id, today, reason=press.reason)
    return RecordedResponse(
        "snoozed", press.user_id, today, until=today + timedelta(days=SNOOZED[press.action])
    )


def _author(press: UserResponse) -> str:
    return f"{press.user_name} ({press.user_id})" if press.user_name else press.user_id


def _key(press: UserResponse) -> dict[str, str]:
    return {"kind": "answer", "id": f"{press.fingerprint} {press.id}"}
