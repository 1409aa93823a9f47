"""News of findings into Slack: one message a finding, brought up to date and answered in its thread as it changes.

Slack posts again whatever is sent again. So every message carries in its metadata what it tells, and where it is not
known how the last attempt ended, the channel is read before anything is posted.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from focuswatch.catalog.catalog import Catalog
from focuswatch.errors import Refused, TryLater
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import NotificationKind
from focuswatch.notify.claims import RETRY_SECONDS, Claim, ClaimLost, Claims
from focuswatch.notify.queue_message import QueuedNotification, notification_number
from focuswatch.notify.slack.client import FoundMessage, MessageGone, Payload, Poster
from focuswatch.notify.slack.digest_queue import Digests
from focuswatch.notify.slack.finding_message import Links, RecordedResponse, render_message
from focuswatch.notify.slack.thread_replies import render_thread_reply
from focuswatch.owners.owners_file import Owners

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LOOK_BACK_DAYS = 60  # for messages of which nothing is written down: reminders edit each every two weeks
DAY_SECONDS = 86_400


class SlackState(BaseModel):
    """What Slack shows of one finding: `ts` is None where a digest told it, `told` the number of its last news."""

    model_config = ConfigDict(frozen=True)
    channel: str
    ts: str | None = None
    told: int
    open: bool = True
    finding: Finding | None = None  # as it was last told
    answered: RecordedResponse | None = None


class Channels:
    """Ids of channels by the names that owners.toml gives; each is asked of Slack once and then kept."""

    def __init__(self, table: "Table", slack: Poster) -> None:
        self._table, self._slack = table, slack

    def id(self, name: str) -> str:
        """The id of a channel; what is no `#name` is taken for one."""
        if not name.startswith("#") or not self._slack.has_channel_ids:
            return name
        key = {"kind": "slack channel", "id": name}
        found = self._table.get_item(Key=key).get("Item")
        if found and "channel" in found:
            return str(found["channel"])
        id = self._slack.channel_id(name)
        self._table.put_item(Item={**key, "channel": id})
        return id

    def forget(self, name: str) -> None:
        """Ask for the id anew next time: the channel may be archived, and another one have its name by then."""
        self._table.put_item(Item={"kind": "slack channel", "id": name})


@dataclass
class SlackChannel:
    """Tells deliveries; made for one batch, since it remembers what it read of a channel's history.

    `links` gives what a message leads to; `clock` seconds since 1970.
    """

    slack: Poster
    claims: Claims[SlackState]
    channels: Channels
    digests: Digests
    owners: Owners
    catalog: Catalog
    links: Callable[[Finding], Links]
    clock: Callable[[], float]
    threads: bool = True  # False: every change is a message of its own
    _history: dict[str, dict[str, FoundMessage]] = field(default_factory=dict)

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """What was done, in words for a log; None: it had been told.

        Raises TryLater (nothing was made), Unsure (something may have been) or Refused; in each case the same again
        does no harm.
        """
        fingerprint = delivery.finding.fingerprint
        with self.claims.held(fingerprint) as claim:
            return self._tell(claim, delivery)

    def show_response(self, fingerprint: str, response: RecordedResponse) -> None:
        """Let a finding's message say what somebody did about it. Raises as `tell` does."""
        with self.claims.held(fingerprint) as claim:
            state = claim.state
            if state is None or state.ts is None or state.finding is None or state.answered == response:
                return
            told = self._message(
                state.finding, kind="reminder", news_id=f"{fingerprint}-{state.told}", response=response
            )
            with suppress(MessageGone):  # the response is valid without the message
                self.slack.update(state.channel, state.ts, told)
            self.claims.settle(claim, state.model_copy(update={"answered": response}))

    def flush(self) -> dict[str, Exception]:
        """Bring every digest that grew up to date; what failed, by the ids of its news."""
        return self.digests.flush(self.slack)

    def _tell(self, claim: Claim[SlackState], delivery: QueuedNotification) -> str | None:
        name = channel_name(delivery.finding, owners=self.owners, catalog=self.catalog)
        try:
            return self._tell_in(self.channels.id(name), claim, delivery)
        except Refused:
            self.channels.forget(name)
            raise

    def _tell_in(self, channel: str, claim: Claim[SlackState], delivery: QueuedNotification) -> str | None:
        known = claim.state
        if known is None and (
            known := self._found(channel, delivery.finding.fingerprint, fresh=claim.unsure)
        ):
            self.claims.keep(claim, known)
        turn = delivery.turn(known.told if known else None)
        if turn == "wait":
            raise TryLater(f"{delivery.news_id} comes before what it follows", seconds=RETRY_SECONDS)
        if turn == "done" and known:
            if delivery.in_digest:  # its line is there; the digest itself may not have got this far
                self.digests.mark_changed(channel, delivery)
            return None
        if delivery.in_digest and (known is None or known.ts is None):
            self.digests.add(channel, delivery)
            self.claims.settle(claim, self._state(delivery, channel=channel, ts=None, before=known))
            return f"{delivery.news_id}: {delivery.kind}, in the digest of {channel}"
        here = known if known and known.ts and known.channel == channel else None
        again = delivery.kind == "new" and here is not None and not here.open
        if here is None or here.ts is None or again or not self.threads:
            return self._post(claim, delivery, channel=channel)
        return self._follow_up(claim, delivery, known=here, ts=here.ts)

    def _post(self, claim: Claim[SlackState], delivery: QueuedNotification, *, channel: str) -> str:
        """A message of its own: for what is new, new again, or new in this channel."""
        ts = self._posted(channel, delivery) if claim.unsure else None
        posted = ts is None
        ts = ts or self.slack.post(
            channel, self._message(delivery.finding, kind=delivery.kind, news_id=delivery.news_id)
        )
        state = self._state(delivery, channel=channel, ts=ts, before=None)
        self._settle(claim, state, made=ts if posted else None)
        return f"{delivery.news_id}: {delivery.kind}, posted in {channel}"

    def _follow_up(
        self, claim: Claim[SlackState], delivery: QueuedNotification, *, known: SlackState, ts: str
    ) -> str:
        """The message says what is true now; what changed is a reply in its thread. One that is gone is posted anew."""
        told = self._message(
            delivery.finding, kind=delivery.kind, news_id=delivery.news_id, response=known.answered
        )
        try:
            self.slack.update(known.channel, ts, told)
        except MessageGone:
            return self._post(claim, delivery, channel=known.channel)
        reply = (
            None
            if self._answered(claim, delivery, known=known, ts=ts)
            else self._reply(delivery, known=known, ts=ts)
        )
        state = self._state(delivery, channel=known.channel, ts=ts, before=known)
        self._settle(claim, state, made=reply)
        return f"{delivery.news_id}: {delivery.kind}, in the thread of {known.channel} {ts}"

    def _answered(
        self, claim: Claim[SlackState], delivery: QueuedNotification, *, known: SlackState, ts: str
    ) -> bool:
        """Whether the thread has it: a new that finds its message open had been told before its entry was lost."""
        if delivery.kind == "new":
            return True
        seen = self.slack.replies(known.channel, ts) if claim.unsure else ()
        return any(one.payload.get("news_id") == delivery.news_id and one.ts != ts for one in seen)

    def _reply(self, delivery: QueuedNotification, *, known: SlackState, ts: str) -> str:
        note = render_thread_reply(
            delivery.finding, kind=delivery.kind, today=self._today(), before=known.finding,
            news_id=delivery.news_id,
        )  # fmt: skip
        loud = delivery.kind in ("changed", "reminder")
        return self.slack.post(known.channel, note, thread=ts, loud=loud)

    def _settle(self, claim: Claim[SlackState], state: SlackState, *, made: str | None) -> None:
        """Take back what was just made where another one, who took us for gone, tells it too."""
        try:
            self.claims.settle(claim, state)
        except ClaimLost:
            if made:
                self.slack.delete(state.channel, made)
            raise

    def _message(
        self,
        finding: Finding,
        *,
        kind: NotificationKind,
        news_id: str,
        response: RecordedResponse | None = None,
    ) -> Payload:
        detection = self.catalog.detections.get(finding.detection)
        told = render_message(
            finding, kind=kind, today=self._today(), links=self.links(finding), news_id=news_id, response=response,
            blind_spots=detection.header.blind_spots if detection else (),
        )  # fmt: skip
        told["metadata"]["event_payload"]["status"] = finding.status
        return told

    def _state(
        self, delivery: QueuedNotification, *, channel: str, ts: str | None, before: SlackState | None
    ) -> SlackState:
        return SlackState(
            channel=channel, ts=ts, told=delivery.number, open=delivery.kind != "resolved",
            finding=delivery.finding, answered=before.answered if before else None,
        )  # fmt: skip

    def _found(self, channel: str, fingerprint: str, *, fresh: bool) -> SlackState | None:
        """What a channel itself shows of a finding of which nothing is written down."""
        if fresh or channel not in self._history:
            since = self.clock() - LOOK_BACK_DAYS * DAY_SECONDS
            told = [
                one for one in self.slack.own_messages(channel, since=since) if "fingerprint" in one.payload
            ]
            self._history[channel] = {one.payload["fingerprint"]: one for one in reversed(told)}
        seen = self._history[channel].get(fingerprint)
        if seen is None:
            return None
        number = notification_number(seen.payload["news_id"])
        return SlackState(
            channel=channel, ts=seen.ts, told=number, open=seen.payload.get("status") != "resolved"
        )

    def _posted(self, channel: str, delivery: QueuedNotification) -> str | None:
        """The message of an attempt whose end nobody saw."""
        since = self.clock() - DAY_SECONDS
        told = self.slack.own_messages(channel, since=since)
        return next((one.ts for one in told if one.payload.get("news_id") == delivery.news_id), None)

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()


def notified_team(finding: Finding, *, owners: Owners, catalog: Catalog) -> str | None:
    """Who hears of a finding: its team, or None (FinOps) where nobody owns it or its detection is on trial."""
    detection = catalog.detections.get(finding.detection)
    on_trial = detection is not None and detection.header.status == "trial"
    return None if on_trial or finding.team not in owners.teams else finding.team


def channel_name(finding: Finding, *, owners: Owners, catalog: Catalog) -> str:
    """The channel of whoever hears of a finding."""
    team = notified_team(finding, owners=owners, catalog=catalog)
    return owners.teams[team].channel if team else owners.routing.fallback_channel
