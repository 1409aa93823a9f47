"""Limit messages to one a second per destination, and pause a destination when its server asks for it.

The state is in the ledger table, because several function runs post at the same time.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from focuswatch.errors import TryLater

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

INTERVAL_SECONDS = 1.0  # https://docs.slack.dev/apis/web-api/rate-limits
# A function is billed while it waits, so a message that would wait longer goes back to its queue.
LONGEST_WAIT_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 3600.0  # a longer pause means that a clock is wrong
MOST_TRIES = 10  # attempts to reserve a time to send


class MessageRateLimit:
    """The rate limits of one channel (`slack`, …) by destination; `clock` returns seconds since 1970."""

    def __init__(
        self,
        table: "Table",
        *,
        channel: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table, self._clock, self._sleep = table, clock, sleep
        self._kind = f"pace of {channel}"  # unchanged: existing tables contain this key

    def wait(self, place: str) -> None:
        """Wait until a message may be sent to the destination `place`. Raises TryLater if that takes too long."""
        for _ in range(MOST_TRIES):
            now, free_at = self._clock(), self._free_at(place)
            turn = max(now, free_at or 0)
            if turn - now > LONGEST_PAUSE_SECONDS:
                turn = now
            if turn - now > LONGEST_WAIT_SECONDS:
                raise TryLater(f"the rate limit of {place} is reached", seconds=turn - now)
            if self._reserve(place, turn + INTERVAL_SECONDS, free_at=free_at):
                self._sleep(turn - now)
                return
        raise TryLater(
            f"too many invocations are writing to {place} at the same time", seconds=LONGEST_WAIT_SECONDS
        )

    def pause(self, place: str, *, seconds: float) -> None:
        """Block messages to `place` for `seconds`, for example after a response with status 429 and Retry-After."""
        self._table.put_item(
            Item={
                **self._key(place),
                "free_at": _seconds(self._clock() + min(seconds, LONGEST_PAUSE_SECONDS)),
            }
        )

    def _free_at(self, place: str) -> float | None:
        item: Any = self._table.get_item(Key=self._key(place), ConsistentRead=True).get("Item")
        return float(item["free_at"]) if item else None

    def _reserve(self, place: str, until: float, *, free_at: float | None) -> bool:
        try:
            self._table.put_item(
                Item={**self._key(place), "free_at": _seconds(until)},
                **(
                    {
                        "ConditionExpression": "free_at = :read",
                        "ExpressionAttributeValues": {":read": _seconds(free_at)},
                    }
                    if free_at is not None
                    else {"ConditionExpression": "attribute_not_exists(free_at)"}
                ),
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _key(self, place: str) -> dict[str, str]:
        return {"kind": self._kind, "id": place}


def _seconds(at: float) -> Decimal:
    return Decimal(f"{at:.3f}")
