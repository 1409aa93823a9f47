"""One message a second a channel, and nobody speaks while Slack wants silence: kept in the ledger's table, since
several Lambdas tell at once."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from focuswatch.errors import TryLater

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

INTERVAL_SECONDS = 1.0  # https://docs.slack.dev/apis/web-api/rate-limits
LONGEST_WAIT_SECONDS = 20.0  # in a Lambda that is paid by the second; whoever would wait longer comes back
LONGEST_PAUSE_SECONDS = 3600.0  # what is said to last longer is a clock that jumped
MOST_TRIES = 10


class MessagePacing:
    """The turns of one channel (`slack`, …) in the ledger's table; `clock` gives seconds since 1970."""

    def __init__(
        self,
        table: "Table",
        *,
        channel: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table, self._clock, self._sleep = table, clock, sleep
        self._kind = f"pace of {channel}"

    def wait(self, place: str) -> None:
        """Wait for the next turn to write to `place`. Raises TryLater where that takes too long."""
        for _ in range(MOST_TRIES):
            now, free_at = self._clock(), self._free_at(place)
            turn = max(now, free_at or 0)
            if turn - now > LONGEST_PAUSE_SECONDS:
                turn = now
            if turn - now > LONGEST_WAIT_SECONDS:
                raise TryLater(f"{place} has heard enough for now", seconds=turn - now)
            if self._take(place, turn + INTERVAL_SECONDS, free_at=free_at):
                self._sleep(turn - now)
                return
        raise TryLater(f"too many want to write to {place}", seconds=LONGEST_WAIT_SECONDS)

    def pause(self, place: str, *, seconds: float) -> None:
        """Let nobody write to `place` for so long: it was said with status 429 and Retry-After."""
        self._table.put_item(
            Item={
                **self._key(place),
                "free_at": _seconds(self._clock() + min(seconds, LONGEST_PAUSE_SECONDS)),
            }
        )

    def _free_at(self, place: str) -> float | None:
        found: Any = self._table.get_item(Key=self._key(place), ConsistentRead=True).get("Item")
        return float(found["free_at"]) if found else None

    def _take(self, place: str, until: float, *, free_at: float | None) -> bool:
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
