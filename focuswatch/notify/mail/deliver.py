"""Deliver notifications by mail: each once, unless SES accepted a mail and its response was lost.

SES accepts no idempotency key, and a sent mail cannot be looked up. A run claims the finding before it sends, so that a
message that the queue delivers twice is mailed once. If the outcome of an attempt is unknown, the mail is sent again:
twice is better than never.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from focuswatch.errors import DeliveryError, Refused, TryLater
from focuswatch.findings.finding import Finding
from focuswatch.notify.claims import RETRY_SECONDS, Claims
from focuswatch.notify.mail.client import MailSender
from focuswatch.notify.mail.daily_limit import DailyLimit
from focuswatch.notify.mail.finding_mail import finding_mail
from focuswatch.notify.mail.mail_digests import MailDigests
from focuswatch.notify.queue_message import QueuedNotification


class MailState(BaseModel):
    """The number of the last notification of a finding that was mailed to an address, and the finding as it was."""

    model_config = ConfigDict(frozen=True)
    last_number: int
    finding: Finding


@dataclass
class MailChannel:
    """Delivers the notifications of one batch; `addresses` returns those of a finding."""

    sender: MailSender
    claims: Claims[MailState]
    digests: MailDigests
    limit: DailyLimit
    addresses: Callable[[Finding], Iterable[str]]
    clock: Callable[[], float]

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Mail the notification to each address that does not have it. Return what was done; None if nothing.

        Raises TryLater, Unsure or Refused. An address that fails does not keep the mail from the others.
        """
        done: list[str] = []
        failures: list[DeliveryError] = []
        for address in self.addresses(delivery.finding):
            try:
                done += filter(None, (self._deliver_to(address, delivery),))
            except DeliveryError as error:
                failures.append(error)
        if failures:  # a retry leaves out the addresses that have it, so that only refusals remain in the end
            raise min(failures, key=lambda error: isinstance(error, Refused))
        return f"{delivery.news_id}: {delivery.kind}, {', '.join(done)}" if done else None

    def flush(self) -> dict[str, Exception]:
        """Send the digests of the batch. Return the errors by notification id."""
        return self.digests.flush(self.sender)

    def _deliver_to(self, address: str, delivery: QueuedNotification) -> str | None:
        with self.claims.held(f"{delivery.finding.fingerprint} {address}") as claim:
            stored = claim.state
            turn = delivery.turn(stored.last_number if stored else None)
            if turn == "wait":
                raise TryLater(
                    f"{delivery.news_id} arrived before the previous notification of the same finding",
                    seconds=RETRY_SECONDS,
                )
            if turn == "done":
                self.digests.mark_changed(address, delivery)  # its line may still wait
                return None
            state = MailState(last_number=delivery.number, finding=delivery.finding)
            id = f"{delivery.news_id} {address}"
            if delivery.in_digest or not self.limit.allows(address, id=id):
                self.digests.add(address, delivery)
                self.claims.settle(claim, state)
                return f"in the digest for {address}"
            today = datetime.fromtimestamp(self.clock(), UTC).date()
            before = stored.finding if stored else None
            mail = finding_mail(delivery.finding, kind=delivery.kind, today=today, before=before)
            self.sender.send(address, mail, id=delivery.news_id)
            self.claims.settle(claim, state)
            return f"mailed to {address}"
