"""Limit the emails that an address receives per day. Notifications beyond the limit go into a digest; none is lost."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from focuswatch.ledger.dynamodb_pages import of_kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

KEPT_SECONDS = 3 * 86_400


@dataclass(frozen=True)
class DailyLimit:
    """Allows at most `most` emails per address and day (UTC). Each email takes a numbered slot in the ledger table."""

    table: "Table"
    most: int
    clock: Callable[[], float] = time.time

    def allows(self, address: str, id: str) -> bool:
        """Take a slot for the email `id`. Return False if none is free. A retried email keeps its slot."""
        kind = f"mails of {datetime.fromtimestamp(self.clock(), UTC).date()} {address}"
        taken: list[Any] = list(of_kind(self.table, kind, ConsistentRead=True))
        if any(item["mail_id"] == id for item in taken):
            return True
        return any(self._take(kind, slot, id=id) for slot in range(len(taken), self.most))

    def _take(self, kind: str, slot: int, *, id: str) -> bool:
        """Take the slot. Return False if another run took it first."""
        item = {"kind": kind, "id": f"{slot:06d}", "mail_id": id}
        try:
            self.table.put_item(
                Item=item | {"expires_at": int(self.clock() + KEPT_SECONDS)},
                ConditionExpression="attribute_not_exists(mail_id)",
            )
        except self.table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True
