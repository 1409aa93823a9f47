"""A lease in the ledger table: one run of a function at a time, without reserved concurrency.

A run that finds the lease held sets a mark and ends. The holder finds the mark when it releases the lease, and invokes
the function again, so that events that arrived during its run are processed. The holder renews the lease while it runs.
The lease of a run that was killed expires before Lambda retries the event one minute later.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from focuswatch.errors import FocuswatchError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LEASE_SECONDS = 45.0  # less than the minute after which Lambda retries a failed event
RENEWED_SECONDS = 10.0


class LeaseLost(FocuswatchError):  # noqa: N818  an event, not an error of the user
    """The lease could not be renewed in time, and another run has taken it."""


@dataclass
class Lease:
    """The lease `name`: `take` it, run while `is_held`, and always `give_back`."""

    table: "Table"
    name: str
    clock: Callable[[], float] = time.time
    renewed_seconds: float = RENEWED_SECONDS
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    _lost: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _renewer: threading.Thread | None = None

    def take(self) -> bool:
        """Take the lease, and return whether this run holds it. If not, the holder will invoke the function again."""
        while not self._taken():
            if self._marked():
                return False  # otherwise the lease was released between the two calls, and can be taken
        self._renewer = threading.Thread(target=self._renew, name=f"lease of {self.name}", daemon=True)
        self._renewer.start()
        return True

    @property
    def is_held(self) -> bool:
        """Return whether no other run has taken the lease."""
        return not self._lost.is_set()

    def give_back(self) -> bool:
        """Release the lease; return whether another run was turned away. Raises LeaseLost if another run holds it."""
        self._over.set()
        if self._renewer:
            self._renewer.join()
        before = self._change(
            "REMOVE #owner, #until, #again", condition="#owner = :owner", values={":owner": self.owner}
        )
        if before is not None:
            return bool(before.get("again"))
        if self._change("REMOVE #again", condition="attribute_not_exists(#owner)", values={}) is not None:
            return True  # an earlier request released the lease, but its response was lost; assume a mark
        raise LeaseLost(
            f"{self.name}: another invocation took over, because this invocation did not renew its lease for "
            f"{LEASE_SECONDS:.0f} s"
        )

    def _taken(self) -> bool:
        now = self.clock()
        change = "SET #owner = :owner, #until = :until REMOVE #again"
        values = {":owner": self.owner, ":until": _seconds(now + LEASE_SECONDS), ":now": _seconds(now)}
        # The run may also take its own lease, because botocore repeats a request whose response was lost.
        free = "attribute_not_exists(#until) OR #until < :now OR #owner = :owner"
        return self._change(change, condition=free, values=values) is not None

    def _marked(self) -> bool:
        """Set the mark that tells the holder that a run was turned away; return False if the lease is not held."""
        held = "#until > :now"
        values = {":again": True, ":now": _seconds(self.clock())}
        return self._change("SET #again = :again", condition=held, values=values) is not None

    def _renew(self) -> None:
        renewed = self.clock()
        while not self._over.wait(self.renewed_seconds):
            try:
                values = {":owner": self.owner, ":until": _seconds(self.clock() + LEASE_SECONDS)}
                if self._change("SET #until = :until", condition="#owner = :owner", values=values) is None:
                    self._lost.set()
                    return
                renewed = self.clock()
            except Exception:  # retried after `renewed_seconds`, whatever the error
                if self.clock() - renewed > LEASE_SECONDS:
                    self._lost.set()

    def _change(self, change: str, *, condition: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """Return the item before the change; None if the condition does not hold."""
        names = {"#owner": "owner", "#until": "lease_until", "#again": "again"}
        used = change + condition
        options: Any = {"ExpressionAttributeValues": values} if values else {}
        try:
            before = self.table.update_item(
                Key={"kind": "lease", "id": self.name},
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames={name: real for name, real in names.items() if name in used},
                ReturnValues="ALL_OLD",
                **options,
            )
        except self.table.meta.client.exceptions.ConditionalCheckFailedException:
            return None
        return before.get("Attributes") or {}


def _seconds(at: float) -> Decimal:
    return Decimal(f"{at:.3f}")
