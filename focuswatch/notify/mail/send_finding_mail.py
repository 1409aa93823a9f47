"""Send one email for a notification: the Sender for email of focuswatch.notify.deliver_once_to_each_address.

SES accepts no idempotency key, and a sent email cannot be looked up. The claim on the incident prevents a second email
if the queue delivers a notification twice. If the outcome of an attempt is unknown, the email is sent again, because a
duplicate is better than a lost notification.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from focuswatch.notify.deliver_once_to_each_address import SentNotification
from focuswatch.notify.mail.client import Ses
from focuswatch.notify.mail.finding_mail import finding_mail
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification


@dataclass(frozen=True)
class MailSender:
    """Sends one email for each notification; `clock` returns seconds since 1970."""

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
        """Send a notification to an address. Return a log line. Raises TryLater, Unsure or Refused."""
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        before = previous.finding if previous else None
        mail = finding_mail(delivery.finding, kind=delivery.kind, today=today, before=before)
        self.ses.send(address, mail, id=delivery.notification_id)
        return f"mailed to {address}"
