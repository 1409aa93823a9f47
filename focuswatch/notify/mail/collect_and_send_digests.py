"""Collect digest lines by address and day in the ledger table, and send them as one email.

An email cannot be edited, so a digest is sent after two minutes without a new line. Later lines form the next digest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from focuswatch.errors import TryLater
from focuswatch.ledger.dynamodb_pages import of_kind
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.mail.client import Ses
from focuswatch.notify.mail.digest_content import MailDigestLine, digest_mail
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

SECONDS_WITHOUT_CHANGE = 120.0
KEPT_SECONDS = 30 * 86_400


class MailDigestState(BaseModel):
    """The number of digests that were sent for an address and a day."""

    model_config = ConfigDict(frozen=True)
    sent: int = 0


@dataclass(frozen=True)
class MailDigestKey:
    """Identifies a digest: an address, and the `as_of` of its findings."""

    address: str
    as_of: date

    @property
    def id(self) -> str:
        """Return the id of the digest's claim in the ledger table."""
        return f"{self.as_of} {self.address}"

    @property
    def kind(self) -> str:
        """Return the kind (partition key) of the digest's lines in the ledger table."""
        return f"mail lines {self.id}"


@dataclass
class MailDigests:
    """The digests to which the notifications of a batch are added."""

    table: "Table"
    ses: Ses
    claims: Claims[MailDigestState]
    clock: Callable[[], float]
    _changed: dict[MailDigestKey, set[str]] = field(default_factory=dict)  # notification ids by digest

    def add(self, address: str, delivery: QueuedNotification) -> None:
        """Store the line of a notification. Safe to repeat until the digest is sent."""
        key = MailDigestKey(address, delivery.finding.as_of)
        line = MailDigestLine.of(delivery.finding, kind=delivery.kind)
        self.table.put_item(
            Item={
                "kind": key.kind,
                "id": delivery.notification_id,
                "document": line.model_dump_json(),
                "at": Decimal(int(self.clock())),
                "expires_at": int(self.clock() + KEPT_SECONDS),
            }
        )
        self.mark_changed(address, delivery)

    def mark_changed(self, address: str, delivery: QueuedNotification) -> None:
        """Have `flush` send the digest of a notification if its line is stored but was not sent yet."""
        key = MailDigestKey(address, delivery.finding.as_of)
        self._changed.setdefault(key, set()).add(delivery.notification_id)

    def flush(self) -> dict[str, Exception]:
        """Send every digest that was added to or marked. Return the errors by notification id."""
        failed: dict[str, Exception] = {}
        changed, self._changed = self._changed, {}
        for key in sorted(changed, key=lambda key: key.id):
            try:
                self._send(key)
            except Exception as error:  # whatever the error, send the other digests
                failed.update(dict.fromkeys(changed[key], error))
        return failed

    def _send(self, key: MailDigestKey) -> None:
        if not self._lines(key):
            return
        with self.claims.held(key.id) as claim:
            lines = self._lines(key)
            if not lines:
                return
            newest = max(float(item["at"]) for item in lines)
            if 0 <= self.clock() - newest < SECONDS_WITHOUT_CHANGE:
                raise TryLater(
                    f"the digest for {key.address} is still receiving findings",
                    seconds=SECONDS_WITHOUT_CHANGE,
                )
            state = claim.state or MailDigestState()
            found = [MailDigestLine.model_validate_json(str(item["document"])) for item in lines]
            self.ses.send(key.address, digest_mail(found, as_of=key.as_of), id=f"{key.id} {state.sent + 1}")
            for item in lines:
                self.table.delete_item(Key={"kind": item["kind"], "id": item["id"]})
            self.claims.settle(claim, MailDigestState(sent=state.sent + 1))

    def _lines(self, key: MailDigestKey) -> list[Any]:
        return list(of_kind(self.table, key.kind, ConsistentRead=True))
