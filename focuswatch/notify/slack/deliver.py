"""Deliver notifications to Slack: one message per incident, updated as it changes, with replies in its thread.

A message is about the lead of its incident and names the other findings. Its state is stored under the id of the
incident, which for a finding by itself is its fingerprint.

Slack posts a repeated request twice. So the metadata of each message names its notification, and if the outcome of the
last attempt is unknown, the channel is read before anything is posted.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater
from focuswatch.findings.finding import Finding
from focuswatch.ledger.decide_ledger_changes import CHANGED_FACTOR
from focuswatch.ledger.notification import NotificationKind
from focuswatch.notify.delivery_claims_and_state import RETRY_SECONDS, Claim, ClaimLost, Claims
from focuswatch.notify.incident_text import joined_text
from focuswatch.notify.queued_notification_and_turn import QueuedNotification, notification_number
from focuswatch.notify.slack.client import FoundMessage, MessageGone, Payload, Poster
from focuswatch.notify.slack.digest_queue import Digests
from focuswatch.notify.slack.finding_message import (
    Links,
    RecordedResponse,
    SpendingControl,
    render_message,
)
from focuswatch.notify.slack.thread_reply_text import render_thread_reply
from focuswatch.owners.finding_addresses import addresses_of_kind
from focuswatch.owners.owners_file_and_assignment import Owners

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LOOK_BACK_DAYS = 60  # to search for messages without stored state; reminders update each every two weeks
DAY_SECONDS = 86_400


class SlackState(BaseModel):
    """The stored state of an incident's message: `ts` is None if it is in a digest only; `finding` as last shown.

    `last_number` is the number of the last notification of `finding` that was delivered, `earlier` those of findings
    that led the incident before.
    """

    model_config = ConfigDict(frozen=True)
    channel: str
    ts: str | None = None
    last_number: int = Field(validation_alias=AliasChoices("told", "last_number"), serialization_alias="told")
    open: bool = True
    finding: Finding | None = None
    response: RecordedResponse | None = Field(
        default=None, validation_alias=AliasChoices("answered", "response"), serialization_alias="answered"
    )
    earlier: dict[str, int] = {}

    def number_of(self, fingerprint: str) -> int | None:
        """Return the number of the last notification of a finding that was delivered."""
        if self.finding is None or self.finding.fingerprint == fingerprint:
            return self.last_number
        return self.earlier.get(fingerprint)

    def other_than(self, fingerprint: str) -> Finding | None:
        """Return the finding that the message is about if that is another one."""
        return self.finding if self.finding and self.finding.fingerprint != fingerprint else None


class Channels:
    """Ids of channels by their names in owners.toml; each is looked up once and then stored."""

    def __init__(self, table: "Table", slack: Poster) -> None:
        self._table, self._slack = table, slack

    def id(self, name: str) -> str:
        """Return the id of a channel; a name without `#` is an id already."""
        if not name.startswith("#") or not self._slack.has_channel_ids:
            return name
        key = {"kind": "slack channel", "id": name}
        item = self._table.get_item(Key=key).get("Item")
        if item and "channel" in item:
            return str(item["channel"])
        id = self._slack.channel_id(name)
        self._table.put_item(Item={**key, "channel": id})
        return id

    def forget(self, name: str) -> None:
        """Look the id up again next time: the channel may be archived, and another one may have its name."""
        self._table.put_item(Item={"kind": "slack channel", "id": name})


@dataclass
class SlackChannel:
    """Delivers notifications of one batch; it caches the history of channels.

    `links` returns the links of a message, `clock` seconds since 1970.
    """

    slack: Poster
    claims: Claims[SlackState]
    channels: Channels
    digests: Digests
    owners: Owners
    catalog: Catalog
    links: Callable[[Finding], Links]
    clock: Callable[[], float]
    threads: bool = True  # False: every change is a new message
    spending: Callable[[Finding], SpendingControl | None] = lambda _finding: None
    _history: dict[str, dict[str, FoundMessage]] = field(default_factory=dict)

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Post or update the message. Return what was done, for the log; None if it was delivered before.

        Raises TryLater (nothing was posted), Unsure (something may have been) or Refused. Repeating it is safe.
        """
        if delivery.in_incident:
            return f"{delivery.news_id}: {delivery.kind}, part of the incident {delivery.finding.incident_id}"
        with self.claims.held(delivery.finding.incident_id) as claim:
            return self._deliver(claim, delivery)

    def show_response(self, incident: str, response: RecordedResponse) -> None:
        """Show a response in the message of its incident. Raises as `deliver` does."""
        with self.claims.held(incident) as claim:
            state = claim.state
            if state is None or state.ts is None or state.finding is None or state.response == response:
                return
            payload = self._message(
                state.finding,
                kind="reminder",
                news_id=f"{state.finding.fingerprint}-{state.last_number}",
                response=response,
            )
            with suppress(MessageGone):  # the response is valid without the message
                self.slack.update(state.channel, state.ts, payload)
            self.claims.settle(claim, state.model_copy(update={"response": response}))

    def redraw(self, fingerprint: str) -> None:
        """Show what `spending` says now in the message of a finding. Raises as `deliver` does."""
        with self.claims.held(fingerprint) as claim:
            state = claim.state
            if state is None or state.ts is None or state.finding is None:
                return
            payload = self._message(
                state.finding,
                kind="reminder" if state.open else "resolved",
                news_id=f"{fingerprint}-{state.last_number}",
                response=state.response,
            )
            with suppress(MessageGone):  # the pause is valid without the message
                self.slack.update(state.channel, state.ts, payload)

    def flush(self) -> dict[str, Exception]:
        """Send every changed digest. Return the errors by notification id."""
        return self.digests.flush(self.slack)

    def _deliver(self, claim: Claim[SlackState], delivery: QueuedNotification) -> str | None:
        name = channel_name(delivery.finding, owners=self.owners, catalog=self.catalog)
        if name is None:
            if claim.state is None or claim.state.ts is None or not claim.state.open:
                self._skip(claim, delivery)
                return None
            return self._deliver_to(claim.state.channel, claim, delivery)  # the open message stays up to date
        try:
            return self._deliver_to(self.channels.id(name), claim, delivery)
        except Refused:
            self.channels.forget(name)
            raise

    def _skip(self, claim: Claim[SlackState], delivery: QueuedNotification) -> None:
        """Store the number of a notification that goes to other channels only, so that the next one need not wait."""
        if claim.state is None or claim.state.last_number < delivery.number:
            self.claims.settle(claim, SlackState(channel="", last_number=delivery.number))

    def _deliver_to(self, channel: str, claim: Claim[SlackState], delivery: QueuedNotification) -> str | None:
        stored = claim.state
        if stored is None and (
            stored := self._find(channel, delivery.finding.incident_id, fresh=claim.unsure)
        ):
            self.claims.keep(claim, stored)
        fingerprint = delivery.finding.fingerprint
        other = stored.other_than(fingerprint) if stored else None
        turn = delivery.turn(
            stored.number_of(fingerprint) if stored else None,
            other_as_of=other.as_of if other else None,
        )
        if turn == "wait":
            raise TryLater(
                f"{delivery.news_id} arrived before the previous notification of the same finding",
                seconds=RETRY_SECONDS,
            )
        if turn == "done" and stored:
            if delivery.in_digest:  # its line is stored, but the digest may not show it yet
                self.digests.mark_changed(channel, delivery)
            return None
        if delivery.kind == "saving_verified" and (stored is None or stored.ts is None):
            channel = stored.channel if stored else channel
            self.claims.settle(claim, self._state(delivery, channel=channel, ts=None, before=stored))
            return f"{delivery.news_id}: {delivery.kind}, not posted: there is no message to reply to"
        if delivery.in_digest and (stored is None or stored.ts is None):
            self.digests.add(channel, delivery)
            self.claims.settle(claim, self._state(delivery, channel=channel, ts=None, before=stored))
            return f"{delivery.news_id}: {delivery.kind}, in the digest for {channel}"
        stays = stored is not None and (stored.channel == channel or delivery.kind == "saving_verified")
        current = stored if stored and stored.ts and stays else None
        if current and not self.threads and self._only_joined(delivery, before=current.finding):
            self.claims.settle(claim, self._state(delivery, channel=channel, ts=current.ts, before=current))
            return (
                f"{delivery.news_id}: {delivery.kind}, not posted: another finding joined the incident, but the "
                "severity and the amount of the incident did not change significantly"
            )
        reopened = delivery.kind == "new" and current is not None and not current.open
        if current is None or current.ts is None or reopened or not self.threads:
            return self._post(claim, delivery, channel=channel)
        return self._follow_up(claim, delivery, stored=current, ts=current.ts)

    def _only_joined(self, delivery: QueuedNotification, *, before: Finding | None) -> bool:
        """Return whether the incident only got another finding, which is not worth another message."""
        finding = delivery.finding
        return (
            delivery.kind == "changed"
            and before is not None
            and joined_text(finding, before=before) is not None
            and finding.incident_severity == before.incident_severity
            and finding.stake < before.stake * CHANGED_FACTOR
        )

    def _post(self, claim: Claim[SlackState], delivery: QueuedNotification, *, channel: str) -> str:
        """Post a new message: for a finding that is new, reopened, or new in this channel."""
        ts = self._posted(channel, delivery) if claim.unsure else None
        posted = ts is None
        ts = ts or self.slack.post(
            channel, self._message(delivery.finding, kind=delivery.kind, news_id=delivery.news_id)
        )
        state = self._state(delivery, channel=channel, ts=ts, before=None)
        self._settle(claim, state, created=ts if posted else None)
        return f"{delivery.news_id}: {delivery.kind}, posted in {channel}"

    def _follow_up(
        self, claim: Claim[SlackState], delivery: QueuedNotification, *, stored: SlackState, ts: str
    ) -> str:
        """Update the message and reply in its thread with what changed. A message that is gone is posted again."""
        is_same = stored.other_than(delivery.finding.fingerprint) is None
        payload = self._message(
            delivery.finding,
            kind=delivery.kind,
            news_id=delivery.news_id,
            response=stored.response if is_same else None,
        )
        try:
            self.slack.update(stored.channel, ts, payload)
        except MessageGone:
            return self._post(claim, delivery, channel=stored.channel)
        reply = (
            None
            if self._has_reply(claim, delivery, stored=stored, ts=ts)
            else self._reply(delivery, stored=stored, ts=ts)
        )
        state = self._state(delivery, channel=stored.channel, ts=ts, before=stored)
        self._settle(claim, state, created=reply)
        return f"{delivery.news_id}: {delivery.kind}, in the thread of message {ts} in {stored.channel}"

    def _has_reply(
        self, claim: Claim[SlackState], delivery: QueuedNotification, *, stored: SlackState, ts: str
    ) -> bool:
        """Return whether the thread has the reply.

        A new notification with an open message repeats a lost entry, unless the finding takes the lead.
        """
        if delivery.kind == "new" and stored.other_than(delivery.finding.fingerprint) is None:
            return True
        replies = self.slack.replies(stored.channel, ts) if claim.unsure else ()
        return any(reply.payload.get("news_id") == delivery.news_id and reply.ts != ts for reply in replies)

    def _reply(self, delivery: QueuedNotification, *, stored: SlackState, ts: str) -> str:
        note = render_thread_reply(
            delivery.finding,
            kind=delivery.kind,
            today=self._today(),
            before=stored.finding,
            news_id=delivery.news_id,
        )
        loud = delivery.kind in ("new", "changed", "reminder")
        return self.slack.post(stored.channel, note, thread=ts, loud=loud)

    def _settle(self, claim: Claim[SlackState], state: SlackState, *, created: str | None) -> None:
        """Store the state; delete the new message if another run took over the claim meanwhile and posts it too."""
        try:
            self.claims.settle(claim, state)
        except ClaimLost:
            if created:
                self.slack.delete(state.channel, created)
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
        payload = render_message(
            finding,
            kind=kind,
            today=self._today(),
            links=self.links(finding),
            news_id=news_id,
            response=response,
            spending=self.spending(finding),
            blind_spots=detection.header.blind_spots if detection else (),
        )
        payload["metadata"]["event_payload"]["status"] = finding.status
        return payload

    def _state(
        self, delivery: QueuedNotification, *, channel: str, ts: str | None, before: SlackState | None
    ) -> SlackState:
        fingerprint = delivery.finding.fingerprint
        other = before.other_than(fingerprint) if before else None
        earlier = dict(before.earlier) if before else {}
        if before and other:
            earlier[other.fingerprint] = before.last_number
        return SlackState(
            channel=channel,
            ts=ts,
            last_number=delivery.number,
            open=delivery.kind not in ("resolved", "saving_verified"),
            finding=delivery.finding,
            response=before.response if before and not other else None,
            earlier={one: number for one, number in earlier.items() if one != fingerprint},
        )

    def _find(self, channel: str, incident: str, *, fresh: bool) -> SlackState | None:
        """Return the state of an incident as its channel shows it, if nothing is stored."""
        if fresh or channel not in self._history:
            since = self.clock() - LOOK_BACK_DAYS * DAY_SECONDS
            messages = [
                message
                for message in self.slack.own_messages(channel, since=since)
                if "fingerprint" in message.payload
            ]
            self._history[channel] = {
                message.payload.get("incident", message.payload["fingerprint"]): message
                for message in reversed(messages)
            }
        message = self._history[channel].get(incident)
        if message is None:
            return None
        number = notification_number(message.payload["news_id"])
        return SlackState(
            channel=channel,
            ts=message.ts,
            last_number=number,
            open=message.payload.get("status") != "resolved",
        )

    def _posted(self, channel: str, delivery: QueuedNotification) -> str | None:
        """Return the message of an attempt with an unknown outcome."""
        since = self.clock() - DAY_SECONDS
        messages = self.slack.own_messages(channel, since=since)
        return next(
            (message.ts for message in messages if message.payload.get("news_id") == delivery.news_id), None
        )

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()


def channel_name(finding: Finding, *, owners: Owners, catalog: Catalog) -> str | None:
    """Return the name of the Slack channel for a finding; None if it goes to other channels only."""
    return next(iter(addresses_of_kind("slack", finding, owners=owners, catalog=catalog)), None)
