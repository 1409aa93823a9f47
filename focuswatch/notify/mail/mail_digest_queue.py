"""Digests by mail: the lines that wait for one mail to an address, in the ledger table.

A mail cannot be edited, so a digest is sent after two minutes without a new line. Later lines are in the next digest.
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
from focuswatch.notify.mail.digest_content import MailedLine, digest_mail
from focuswatch.notify.queued_notification_and_turn import QueuedNotification

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

QUIET_SECONDS = 120.0
KEPT_SECONDS = 30 * 86_400


class MailDigestState(BaseModel):
    """How many digests were sent for an address and a day."""

    model_config = ConfigDict(frozen=True)
    sent: int = 0


@dataclass(frozen=True)
class MailDigestKey:
    """The digest of an address and a day of the bill."""

    address: str
    as_of: date

    @property
    def id(self) -> str:
        """Its id in the table."""
        return f"{self.as_of} {self.address}"

    @property
    def kind(self) -> str:
        """The kind of its lines in the table."""
        return f"mail lines {self.id}"


@dataclass
class MailDigests:
    """The digests that a batch adds lines to."""

    table: "Table"
    ses: Ses
    claims: Claims[MailDigestState]
    clock: Callable[[], float]
    _changed: dict[MailDigestKey, set[str]] = field(default_factory=dict)  # with the ids of its notifications

    def add(self, address: str, delivery: QueuedNotification) -> None:
        """Store the line of a notification; repeating it is safe until the line was mailed."""
        key = MailDigestKey(address, delivery.finding.as_of)
        line = MailedLine.of(delivery.finding, kind=delivery.kind)
        self.table.put_item(
            Item={
                "kind": key.kind,
                "id": delivery.news_id,
                "document": line.model_dump_json(),
                "at": Decimal(int(self.clock())),
                "expires_at": int(self.clock() + KEPT_SECONDS),
            }
        )
        self.mark_changed(address, delivery)

    def mark_changed(self, address: str, delivery: QueuedNotification) -> None:
        """Mark a digest to be sent: the line of a notification may still wait."""
        key = MailDigestKey(address, delivery.finding.as_of)
        self._changed.setdefault(key, set()).add(delivery.news_id)

    def flush(self) -> dict[str, Exception]:
        """Send every digest with waiting lines. Return the errors by notification id."""
        failed: dict[str, Exception] = {}
        changed, self._changed = self._changed, {}
        for key in sorted(changed, key=lambda key: key.id):
            try:
                self._send(key)
            except Exception as error:  # any error: the other digests are sent
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
            if 0 <= self.clock() - newest < QUIET_SECONDS:
                raise TryLater(
                    f"the digest for {key.address} is still receiving findings", seconds=QUIET_SECONDS
                )
            state = claim.state or MailDigestState()
            found = [MailedLine.model_validate_json(str(item["document"])) for item in lines]
            self.ses.send(key.address, digest_mail(found, as_of=key.as_of), id=f"{key.id} {state.sent + 1}")
            for item in lines:
                self.table.delete_item(Key={"kind": item["kind"], "id": item["id"]})
            self.claims.settle(claim, MailDigestState(sent=state.sent + 1))

    def _lines(self, key: MailDigestKey) -> list[Any]:
        return list(of_kind(self.table, key.kind, ConsistentRead=True))
