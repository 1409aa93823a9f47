"""Send notifications by mail, through focuswatch.notify.deliver_to_addresses.

SES accepts no idempotency key, and a sent mail cannot be looked up. The claim of the finding keeps a message that the
queue delivers twice from being mailed twice. If the outcome of an attempt is unknown, the mail is sent again: twice is
better than never.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from focuswatch.notify.deliver_to_addresses import SentNotification
from focuswatch.notify.mail.client import Ses
from focuswatch.notify.mail.finding_mail import finding_mail
from focuswatch.notify.queued_notification_and_turn import QueuedNotification


@dataclass(frozen=True)
class MailSender:
    """Sends one mail for each notification; `clock` gives seconds since 1970."""

    ses: Ses
    clock: Callable[[], float]

    def send(
        self,
        delivery: QueuedNotification,
        *,
        address: str,
        previous: SentNotification | None,
        unsure: bool,  # noqa: ARG002  a sent mail cannot be looked up
    ) -> str:
        """Mail a notification to an address. Raises TryLater, Unsure or Refused."""
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        before = previous.finding if previous else None
        mail = finding_mail(delivery.finding, kind=delivery.kind, today=today, before=before)
        self.ses.send(address, mail, id=delivery.news_id)
        return f"mailed to {address}"
