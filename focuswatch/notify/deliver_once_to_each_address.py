"""Deliver notifications to all addresses of one kind of channel, to each address once and in order.

Each such channel has a `Sender`, which turns a notification into one request. A sender keeps no state: this module
stores which notification each address received, in the claim of the incident.

To add a channel, add a kind in focuswatch/owners/channel_address.py, a sender, a function in lambdas/, and an entry
in each of: CHANNELS of focuswatch/operations/lambda_function_groups_and_modules.py, SIZES of infra/functions.py and
Permissions.of of infra/lambda_function_permissions.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import DeliveryError, Refused, TryLater, Unsure
from focuswatch.findings.finding import Finding
from focuswatch.notify.delivery_claims_and_state import RETRY_SECONDS, Claim, Claims
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.owners.channel_address import ChannelKind
from focuswatch.owners.finding_addresses import addresses_of_kind
from focuswatch.owners.owners_file import Owners

# Fields that are left out of the stored finding. With several addresses, these texts would exceed 400 KB, the maximum
# size of a DynamoDB item:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
NOT_STORED: Mapping[str, Any] = {"reason": "", "action": "", "evidence": {}, "explanation": None}


class SentNotification(BaseModel):
    """The last notification that was sent to an address, with the finding as sent, except the texts in NOT_STORED."""

    model_config = ConfigDict(frozen=True)
    number: int
    finding: Finding
    in_digest: bool = False  # sent as a line of a digest, without its own message

    @property
    def is_open(self) -> bool:
        """Whether the address shows the finding as open."""
        return self.finding.status != "resolved"

    def is_at_least(self, delivery: QueuedNotification) -> bool:
        """Return whether this is `delivery`, or a later notification of the same finding."""
        return self.finding.fingerprint == delivery.finding.fingerprint and self.number >= delivery.number


class AddressState(BaseModel):
    """The stored state of an incident: the last completed notification, and the last one sent to each address.

    A notification is completed when all its addresses received it. `last_number` is the number of the last completed
    notification (None: none yet), and `fingerprint` is its finding (None: the incident has only one finding).
    `earlier` has the last numbers of the findings that led the incident before.
    """

    model_config = ConfigDict(frozen=True)
    last_number: int | None = None
    fingerprint: str | None = None
    as_of: date | None = None
    earlier: dict[str, int] = {}
    sent: dict[str, SentNotification] = {}

    def number_of(self, fingerprint: str) -> int | None:
        """Return the number of the last completed notification of a finding; None if there is none."""
        return self.last_number if self.fingerprint in (None, fingerprint) else self.earlier.get(fingerprint)

    def other_as_of(self, fingerprint: str) -> date | None:
        """Return `as_of` of the last notification if it was about another finding of the incident; otherwise None."""
        return None if self.fingerprint in (None, fingerprint) else self.as_of

    def with_done(self, delivery: QueuedNotification) -> "AddressState":
        """Return the state after a notification was sent to all its addresses."""
        finding, earlier = delivery.finding, dict(self.earlier)
        if self.fingerprint and self.last_number is not None:
            earlier[self.fingerprint] = self.last_number
        earlier.pop(finding.fingerprint, None)
        return self.model_copy(
            update={
                "last_number": delivery.number,
                "fingerprint": finding.fingerprint,
                "as_of": finding.as_of,
                "earlier": earlier,
            }
        )

    def with_sent(self, address: str, delivery: QueuedNotification, *, in_digest: bool) -> "AddressState":
        """Return the state after a notification was sent to an address."""
        finding = delivery.finding.model_copy(update=NOT_STORED)
        sent = SentNotification(number=delivery.number, finding=finding, in_digest=in_digest)
        return self.model_copy(update={"sent": {**self.sent, address: sent}})


class Sender(Protocol):
    """Sends notifications to the addresses of one kind of channel."""

    def send(
        self, delivery: QueuedNotification, *, address: str, previous: SentNotification | None, unsure: bool
    ) -> str:
        """Send a notification to an address. Return what was done, for the log.

        `previous` is the last notification that the address received (None: none, or only a line in a digest).
        `unsure` means that an earlier attempt may have arrived; a channel that deduplicates by id gets the same id
        again. Raises TryLater (nothing was sent), Unsure (it may have been sent) or Refused.
        """
        ...


class DigestLines(Protocol):
    """The digests that a batch adds lines to, by address."""

    def add(self, address: str, delivery: QueuedNotification) -> None:
        """Store the digest line of a notification. Idempotent."""
        ...

    def mark_changed(self, address: str, delivery: QueuedNotification) -> None:
        """Mark a digest to be sent again, because its message may not show a stored line yet."""
        ...

    def flush(self) -> Mapping[str, Exception]:
        """Send every changed digest. Return the errors by notification id."""
        ...


def _has_room(_address: str, _notification_id: str) -> bool:
    return True


@dataclass
class AddressChannel:
    """Delivers to the addresses of `kind` in owners.toml; see focuswatch.notify.deliver_queue_batch.Channel.

    Without `digests`, each notification is sent as a separate message, even if a team gets many at once. `has_room`
    returns whether an address may get another separate message; if not, the notification goes into a digest.
    An incident is sent once, as the notification of its lead. With `each_finding`, every finding is sent; this is for
    channels that programs read.
    """

    kind: ChannelKind
    sender: Sender
    claims: Claims[AddressState]
    owners: Owners
    catalog: Catalog
    digests: DigestLines | None = None
    has_room: Callable[[str, str], bool] = _has_room
    each_finding: bool = False

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Send to each address once. Return what was done, for the log; None if there is nothing to do.

        A failing address does not stop the others. Raises TryLater, Unsure or Refused; repeating it is safe.
        """
        finding = delivery.finding
        if delivery.in_incident and not self.each_finding:
            return f"{delivery.notification_id}: {delivery.kind}, part of the incident {finding.incident_id}"
        with self.claims.held(finding.fingerprint if self.each_finding else finding.incident_id) as claim:
            return self._deliver(claim, delivery)

    def flush(self) -> Mapping[str, Exception]:
        """Send the digests that the batch changed. Return the errors by notification id."""
        return self.digests.flush() if self.digests else {}

    def _deliver(self, claim: Claim[AddressState], delivery: QueuedNotification) -> str | None:
        state = claim.state or AddressState()
        fingerprint = delivery.finding.fingerprint
        turn = delivery.when_to_deliver(
            state.number_of(fingerprint), other_as_of=state.other_as_of(fingerprint)
        )
        if turn == "wait":
            raise TryLater(
                f"{delivery.notification_id} arrived before the previous notification of the same finding",
                seconds=RETRY_SECONDS,
            )
        if turn == "done":
            for address, sent in state.sent.items():
                self._repeat_digest(delivery, address=address, sent=sent)
            return None
        done, errors = list[str](), list[DeliveryError]()
        for address, is_routed in self._addresses(delivery, state):
            previous = state.sent.get(address)
            if previous and previous.is_at_least(delivery):
                self._repeat_digest(delivery, address=address, sent=previous)
                continue
            in_digest = self._goes_into_digest(delivery, previous, address=address)
            try:
                done.append(
                    self._send(claim, delivery, address=address, previous=previous, in_digest=in_digest)
                )
            except Refused as error:
                if is_routed:
                    errors.append(error)
                else:  # the secret may no longer contain the address either
                    done.append(f"not sent to {address}, which owners.toml no longer contains: {error}")
            except DeliveryError as error:
                errors.append(error)
            else:
                state = state.with_sent(address, delivery, in_digest=in_digest)
                self.claims.keep(claim, state)
        if errors:
            raise _worst(errors)
        self.claims.settle(claim, state.with_done(delivery))
        return f"{delivery.notification_id}: {delivery.kind}, {'; '.join(done)}" if done else None

    def _send(
        self,
        claim: Claim[AddressState],
        delivery: QueuedNotification,
        *,
        address: str,
        previous: SentNotification | None,
        in_digest: bool,
    ) -> str:
        if self.digests and in_digest:
            self.digests.add(address, delivery)
            return f"in the digest for {address}"
        shown = None if previous and previous.in_digest else previous
        return self.sender.send(delivery, address=address, previous=shown, unsure=claim.unsure)

    def _goes_into_digest(
        self, delivery: QueuedNotification, previous: SentNotification | None, *, address: str
    ) -> bool:
        """Return whether the notification becomes a line in a digest.

        It does if it was planned for a digest and the address has no separate message about the finding, or if the
        address has no room for another message.
        """
        if self.digests is None:
            return False
        if delivery.in_digest and (previous is None or previous.in_digest):
            return True
        return not self.has_room(address, delivery.notification_id)

    def _repeat_digest(self, delivery: QueuedNotification, *, address: str, sent: SentNotification) -> None:
        """Mark the digest that holds this notification: an earlier attempt may have failed after storing the line."""
        if self.digests and sent.in_digest and sent.number == delivery.number:
            self.digests.mark_changed(address, delivery)

    def _addresses(self, delivery: QueuedNotification, state: AddressState) -> Iterator[tuple[str, bool]]:
        """Yield each address, and whether owners.toml routes the finding there.

        An address that shows the finding as open is notified of its resolution even if owners.toml no longer lists it.
        """
        if delivery.kind == "saving_verified":  # only follows up on an earlier message
            yield from ((address, False) for address, sent in state.sent.items() if not sent.in_digest)
            return
        routed = addresses_of_kind(self.kind, delivery.finding, owners=self.owners, catalog=self.catalog)
        yield from ((address, True) for address in routed)
        if delivery.kind == "resolved":
            for address, sent in state.sent.items():
                if address not in routed and sent.is_open:
                    yield address, False


def _worst(errors: list[DeliveryError]) -> DeliveryError:
    """Return the error that decides about the retry: an unknown outcome, else a retryable error, else a refusal."""
    by_kind = [[error for error in errors if isinstance(error, kind)] for kind in (Unsure, TryLater, Refused)]
    return next(found[0] for found in by_kind if found)
