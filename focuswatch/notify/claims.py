"""Who is telling what right now, and what a channel is known to hold: rows of the ledger's table.

Neither Slack nor Jira takes a key that makes a request happen once. So whoever tells claims the finding first, for as
long as a lease runs, and writes down what came of it. A lease that ran out unreturned means that nobody knows: the
next one looks there before it makes anything.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from focuswatch.errors import TryLater

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LEASE_SECONDS = 360  # longer than a Lambda of ours may run, so that who let it run out is gone
S = TypeVar("S", bound=BaseModel)


class ClaimLost(Exception):  # noqa: N818  not an error: another one is at it
    """The lease ran out and somebody else has the claim: what was made meanwhile may be a double."""


@dataclass(frozen=True)
class Claim(Generic[S]):
    """The right to tell `id`; `state` is what was last written down (None: nothing yet).

    `unsure`: an earlier one did not come to its end, and may have made what `state` does not say.
    """

    id: str
    token: str
    state: S | None
    unsure: bool


class Claims(Generic[S]):
    """The claims of one channel (`slack`, `jira`) in the ledger's table; `clock` gives seconds since 1970."""

    def __init__(
        self, table: "Table", *, channel: str, model: type[S], clock: Callable[[], float] = time.time
    ) -> None:
        self._table, self._model, self._clock = table, model, clock
        self._kind = f"told in {channel}"

    def known(self, id: str) -> S | None:
        """What was last written down of `id`."""
        return self._state(self._read(id))

    def claim(self, id: str) -> Claim[S]:
        """Raises TryLater while somebody else has it."""
        token, now = uuid.uuid4().hex, self._clock()
        try:
            before: Any = self._table.update_item(
                Key=self._key(id),
                UpdateExpression="SET #token = :token, #lease = :until",
                ConditionExpression="attribute_not_exists(#lease) OR #lease < :now",
                ExpressionAttributeNames={"#token": "token", "#lease": "lease_until"},
                ExpressionAttributeValues={
                    ":token": token,
                    ":until": _seconds(now + LEASE_SECONDS),
                    ":now": _seconds(now),
                },
                ReturnValues="ALL_OLD",
            ).get("Attributes", {})
        except self._table.meta.client.exceptions.ConditionalCheckFailedException as error:
            found = self._read(id)
            if found.get("token") == token:  # done, its answer lost, and asked again by botocore itself
                return Claim(id, token, self._state(found), unsure=True)
            raise TryLater(f"{id} is being told by another one", seconds=_left(found, now)) from error
        return Claim(id, token, self._state(before), unsure="lease_until" in before)

    def keep(self, claim: Claim[S], state: S) -> None:
        """Write down what is there now, and keep the claim. Raises Overtaken."""
        self._change(claim, "SET #document = :document", state=state)

    def settle(self, claim: Claim[S], state: S) -> None:
        """Write down what is there now, and give the claim back. Raises Overtaken.

        botocore asks again where an answer is lost; the second time the claim is given back already, by ourselves.
        """
        try:
            self._change(claim, "SET #document = :document REMOVE #lease, #token", state=state)
        except ClaimLost:
            if self.known(claim.id) != state:
                raise

    def release(self, claim: Claim[S]) -> None:
        """Give the claim back where nothing was made that is not written down. Raises Overtaken."""
        self._change(claim, "REMOVE #lease, #token")

    def abandon(self, claim: Claim[S], *, seconds: float) -> None:
        """Nobody knows whether something was made; whoever claims it after `seconds` looks. Raises Overtaken."""
        self._change(claim, "SET #lease = :until", until=self._clock() + seconds)

    def give_back(self, claim: Claim[S], *, seconds: float) -> None:
        """Give the claim back where this attempt made nothing; what an earlier one may have made is still unsure."""
        if claim.unsure:
            self.abandon(claim, seconds=seconds)
        else:
            self.release(claim)

    def _change(
        self, claim: Claim[S], change: str, *, state: S | None = None, until: float | None = None
    ) -> None:
        names = {"#token": "token", "#document": "document", "#lease": "lease_until"}
        values: dict[str, Any] = {":token": claim.token}
        if state is not None:
            values[":document"] = state.model_dump_json(by_alias=True)
        if until is not None:
            values[":until"] = _seconds(until)
        condition = "#token = :token"
        try:
            self._table.update_item(
                Key=self._key(claim.id),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames={
                    name: real for name, real in names.items() if name in change + condition
                },
                ExpressionAttributeValues=values,
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException as error:
            raise ClaimLost(claim.id) from error

    def _read(self, id: str) -> Any:
        return self._table.get_item(Key=self._key(id), ConsistentRead=True).get("Item", {})

    def _state(self, item: Any) -> S | None:
        return self._model.model_validate_json(str(item["document"])) if "document" in item else None

    def _key(self, id: str) -> dict[str, str]:
        return {"kind": self._kind, "id": id}


def _left(found: Any, now: float) -> float:
    return min(max(float(found.get("lease_until", now)) - now, 1.0), LEASE_SECONDS)


def _seconds(at: float) -> Decimal:
    return Decimal(f"{at:.3f}")
