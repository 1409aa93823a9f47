"""The number of mails that an address gets on a day. Beyond it, notifications go into a digest; none is lost."""

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
    """At most `most` mails a day (UTC) for each address. Each mail takes a numbered slot in the ledger table."""

    table: "Table"
    most: int
    clock: Callable[[], float] = time.time

    def allows(self, address: str, id: str) -> bool:
        """Take a slot for the mail `id`, and return whether there was one; a mail keeps its slot when it is retried."""
        kind = f"mails of {datetime.fromtimestamp(self.clock(), UTC).date()} {address}"
        taken: list[Any] = list(of_kind(self.table, kind, ConsistentRead=True))
        if any(item["mail_id"] == id for item in taken):
            return True
        return any(self._take(kind, slot, id=id) for slot in range(len(taken), self.most))

    def _take(self, kind: str, slot: int, *, id: str) -> bool:
        """Return whether the slot was free: another run may have taken it at the same moment."""
        item = {"kind": kind, "id": f"{slot:06d}", "mail_id": id}
        try:
            self.table.put_item(
                Item=item | {"expires_at": int(self.clock() + KEPT_SECONDS)},
                ConditionExpression="attribute_not_exists(mail_id)",
            )
        except self.table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True
