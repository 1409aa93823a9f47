"""Deliver notifications to Slack: one message per incident, updated as it changes, with replies in its thread.

A message is about the lead of its incident and names the other findings. Its state is stored under the incident id,
which is the fingerprint for a finding without an incident.

Slack posts a repeated request twice. So the metadata of each message contains the notification id, and if the outcome
of the last attempt is unknown, the channel is read before anything is posted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_decision_model import CHANGED_FACTOR
from focuswatch.ledger.notification_and_pending_notification_models import OVER, NotificationKind
from focuswatch.notify.collect_and_post_slack_and_teams_digests import Digests
from focuswatch.notify.delivery_claims_and_state import RETRY_SECONDS, Claim, ClaimLost, Claims
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.related_findings_and_region_rollout_text import joined_text
from focuswatch.notify.slack.finding_message import (
    Links,
    RecordedResponse,
    SpendingControl,
    render_message,
)
from focuswatch.notify.slack.look_up_channel_ids import Channels
from focuswatch.notify.slack.message_metadata import FindingMessage, finding_messages
from focuswatch.notify.slack.message_poster_protocol import MessageGone, Payload, Poster
from focuswatch.notify.slack.message_state_model import SlackState
from focuswatch.notify.slack.thread_reply_text import render_thread_reply
from focuswatch.owners.finding_addresses import addresses_of_kind
from focuswatch.owners.owners_file import Owners

LOOK_BACK_DAYS = 60  # of channel history searched for a message without stored state
DAY_SECONDS = 86_400


@dataclass
class SlackChannel:
    """Delivers the notifications of one batch, and caches the history of channels for it.

    `links` returns the links of a message, `clock` returns seconds since 1970.
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
    _history: dict[str, dict[str, FindingMessage]] = field(default_factory=dict)

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Post or update the message. Return what was done, for the log; None if it was delivered before.

        Raises TryLater (nothing was posted), Unsure (something may have been) or Refused. Repeating it is safe.
        """
        if delivery.in_incident:
            return f"{delivery.notification_id}: {delivery.kind}, part of the incident {delivery.finding.incident_id}"
        with self.claims.held(delivery.finding.incident_id) as claim:
            return self._deliver(claim, delivery)

    def flush(self) -> dict[str, Exception]:
        """Send every changed digest. Return the errors by notification id."""
        return self.digests.flush(self.slack)

    def render(
        self,
        finding: Finding,
        *,
        kind: NotificationKind,
        notification_id: str,
        response: RecordedResponse | None = None,
    ) -> Payload:
        """Return the current message of a finding, with its links and spending control."""
        detection = self.catalog.detections.get(finding.detection)
        return render_message(
            finding,
            kind=kind,
            today=self._today(),
            links=self.links(finding),
            notification_id=notification_id,
            response=response,
            spending=self.spending(finding),
            blind_spots=detection.header.blind_spots if detection else (),
        )

    def _deliver(self, claim: Claim[SlackState], delivery: QueuedNotification) -> str | None:
        name = channel_name(delivery.finding, owners=self.owners, catalog=self.catalog)
        if name is None:
            if claim.state is None or not claim.state.open or not self._stays_up_to_date(claim.state):
                self._skip(claim, delivery)
                return None
            return self._deliver_to(claim.state.channel, claim, delivery)  # the open message stays up to date
        try:
            return self._deliver_to(self.channels.id(name), claim, delivery)
        except Refused:
            self.channels.forget(name)
            raise

    def _skip(self, claim: Claim[SlackState], delivery: QueuedNotification) -> None:
        """Store the number of a notification that is not sent to Slack, so that the next one does not wait for it."""
        if claim.state is None or claim.state.last_number < delivery.number:
            self.claims.settle(claim, SlackState(channel="", last_number=delivery.number))

    def _deliver_to(self, channel: str, claim: Claim[SlackState], delivery: QueuedNotification) -> str | None:
        stored = claim.state or self._restore(channel, claim, delivery.finding.incident_id)
        fingerprint = delivery.finding.fingerprint
        other = stored.other_than(fingerprint) if stored else None
        turn = delivery.when_to_deliver(
            stored.number_of(fingerprint) if stored else None,
            other_as_of=other.as_of if other else None,
        )
        if turn == "wait":
            raise TryLater(
                f"{delivery.notification_id} arrived before the previous notification of the same finding",
                seconds=RETRY_SECONDS,
            )
        if turn == "done" and stored:
            if delivery.in_digest:  # the digest may not show the stored line yet
                self.digests.mark_changed(channel, delivery)
            return None
        if stored is None or stored.ts is None:
            return self._deliver_first(channel, claim, delivery, stored=stored)
        return self._deliver_change(channel, claim, delivery, stored=stored)

    def _restore(self, channel: str, claim: Claim[SlackState], incident: str) -> SlackState | None:
        """Store the state again according to the message in the channel, if there is one; see `_find`."""
        found = self._find(channel, incident, fresh=claim.unsure)
        if found:
            self.claims.keep(claim, found)
        return found

    def _deliver_first(
        self,
        channel: str,
        claim: Claim[SlackState],
        delivery: QueuedNotification,
        *,
        stored: SlackState | None,
    ) -> str:
        """Deliver a notification of an incident that has no separate message yet."""
        if delivery.kind == "saving_verified":
            channel = stored.channel if stored else channel
            self.claims.settle(claim, self._state(delivery, channel=channel, ts=None, before=stored))
            return f"{delivery.notification_id}: {delivery.kind}, not posted: there is no message to reply to"
        if delivery.in_digest:
            self.digests.add(channel, delivery)
            self.claims.settle(claim, self._state(delivery, channel=channel, ts=None, before=stored))
            return f"{delivery.notification_id}: {delivery.kind}, in the digest for {channel}"
        return self._post(claim, delivery, channel=channel)

    def _deliver_change(
        self, channel: str, claim: Claim[SlackState], delivery: QueuedNotification, *, stored: SlackState
    ) -> str:
        """Deliver a notification of an incident that has a message, which may be in another channel."""
        is_here = stored.channel == channel or delivery.kind == "saving_verified"
        if is_here and not self.threads and self._only_joined(delivery, before=stored.finding):
            self.claims.settle(claim, self._state(delivery, channel=channel, ts=stored.ts, before=stored))
            return (
                f"{delivery.notification_id}: {delivery.kind}, not posted: another finding joined the incident, but "
                "the severity and the amount of the incident did not change significantly"
            )
        reopened = delivery.kind == "new" and not stored.open
        if not is_here or stored.editable_ts is None or reopened or not self.threads:
            return self._post(claim, delivery, channel=channel)
        return self._follow_up(claim, delivery, stored=stored, ts=stored.editable_ts)

    def _stays_up_to_date(self, state: SlackState) -> bool:
        """Return whether changes can be shown: in the bot's own message, or in new messages of a webhook."""
        return (state.editable_ts if self.threads else state.ts) is not None

    def _only_joined(self, delivery: QueuedNotification, *, before: Finding | None) -> bool:
        """Return whether the only change is that a finding joined the incident, which needs no new message."""
        finding = delivery.finding
        return (
            delivery.kind == "changed"
            and before is not None
            and joined_text(finding, before=before) is not None
            and finding.incident_severity == before.incident_severity
            and finding.stake < before.stake * CHANGED_FACTOR
        )

    def _post(self, claim: Claim[SlackState], delivery: QueuedNotification, *, channel: str) -> str:
        """Post a new message, for a finding that is new, reopened, or new in this channel."""
        ts = self._posted(channel, delivery) if claim.unsure else None
        posted = ts is None
        ts = ts or self.slack.post(
            channel,
            self.render(delivery.finding, kind=delivery.kind, notification_id=delivery.notification_id),
        )
        state = self._state(delivery, channel=channel, ts=ts, before=None)
        self._settle(claim, state, created=ts if posted else None)
        return f"{delivery.notification_id}: {delivery.kind}, posted in {channel}"

    def _follow_up(
        self, claim: Claim[SlackState], delivery: QueuedNotification, *, stored: SlackState, ts: str
    ) -> str:
        """Update the message and reply in its thread with what changed. A message that is gone is posted again."""
        is_same = stored.other_than(delivery.finding.fingerprint) is None
        payload = self.render(
            delivery.finding,
            kind=delivery.kind,
            notification_id=delivery.notification_id,
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
        return (
            f"{delivery.notification_id}: {delivery.kind}, in the thread of message {ts} in {stored.channel}"
        )

    def _has_reply(
        self, claim: Claim[SlackState], delivery: QueuedNotification, *, stored: SlackState, ts: str
    ) -> bool:
        """Return whether the thread already has the reply, or needs none.

        A notification of kind `new` needs no reply if the message is open and about the same finding: the ledger entry
        of the finding was lost and created again.
        """
        if delivery.kind == "new" and stored.other_than(delivery.finding.fingerprint) is None:
            return True
        replies = self.slack.replies(stored.channel, ts) if claim.unsure else ()
        return any(
            reply.payload.get("news_id") == delivery.notification_id and reply.ts != ts for reply in replies
        )

    def _reply(self, delivery: QueuedNotification, *, stored: SlackState, ts: str) -> str:
        note = render_thread_reply(
            delivery.finding,
            kind=delivery.kind,
            today=self._today(),
            before=stored.finding,
            notification_id=delivery.notification_id,
        )
        also_in_channel = delivery.kind in ("new", "changed", "reminder")
        return self.slack.post(stored.channel, note, thread=ts, also_in_channel=also_in_channel)

    def _settle(self, claim: Claim[SlackState], state: SlackState, *, created: str | None) -> None:
        """Store the state; if another run took over the claim and posts the message too, delete the new message."""
        try:
            self.claims.settle(claim, state)
        except ClaimLost:
            if created:
                self.slack.delete(state.channel, created)
            raise

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
            open=delivery.kind not in OVER,
            finding=delivery.finding,
            response=before.response if before and not other else None,
            earlier={one: number for one, number in earlier.items() if one != fingerprint},
        )

    def _find(self, channel: str, incident: str, *, fresh: bool) -> SlackState | None:
        """Return the state of an incident according to its message in the channel; None if there is no message."""
        if fresh or channel not in self._history:
            since = self.clock() - LOOK_BACK_DAYS * DAY_SECONDS
            messages = list(finding_messages(self.slack.own_messages(channel, since=since)))
            self._history[channel] = {message.incident: message for message in reversed(messages)}
        message = self._history[channel].get(incident)
        return SlackState.of_message(message, channel=channel) if message else None

    def _posted(self, channel: str, delivery: QueuedNotification) -> str | None:
        """Return the ts of the message that an earlier attempt posted; None if it posted none."""
        since = self.clock() - DAY_SECONDS
        messages = finding_messages(self.slack.own_messages(channel, since=since))
        return next(
            (message.ts for message in messages if message.notification_id == delivery.notification_id), None
        )

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()


def channel_name(finding: Finding, *, owners: Owners, catalog: Catalog) -> str | None:
    """Return the name of the Slack channel for a finding; None if it goes to other channels only."""
    return next(iter(addresses_of_kind("slack", finding, owners=owners, catalog=catalog)), None)
