"""Claim a finding or incident before writing about it to a channel, and store its state there, in the ledger table.

Slack and Jira accept no idempotency key. So before a run writes to the channel, it claims the finding for the duration
of a lease, and afterwards it stores the result. If a lease expires before the claim is released, the outcome is
unknown, and the next run reads the channel before it creates anything.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

from focuswatch.errors import DeliveryError, TryLater, Unsure

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# Longer than the timeout of every function that a queue feeds (SIZES of infra/functions.py), so that such a run has
# ended when its lease expires.
LEASE_SECONDS = 360
RETRY_SECONDS = 30.0
S = TypeVar("S", bound=BaseModel)


class ClaimLost(Exception):  # noqa: N818  not an error: another run works on it
    """The lease expired and another run took over the claim; anything created since then may be a duplicate."""


@dataclass
class Claim(Generic[S]):
    """The exclusive right to write about `id` to a channel; `state` is the stored state (None: nothing stored yet).

    `unsure` means that an earlier run did not finish and may have created something that `state` does not contain.
    `is_settled` is set when the claim was released with a new state.
    """

    id: str
    token: str
    state: S | None
    unsure: bool
    is_settled: bool = field(default=False, compare=False)


class Claims(Generic[S]):
    """The claims of one channel (`slack`, `jira`, …) in the ledger table; `clock` returns seconds since 1970."""

    def __init__(
        self, table: "Table", *, channel: str, model: type[S], clock: Callable[[], float] = time.time
    ) -> None:
        self._table, self._model, self._clock = table, model, clock
        self._kind = f"told in {channel}"  # unchanged: existing tables contain this key

    def state_of(self, id: str) -> S | None:
        """Return the stored state of `id`."""
        return self._state(self._read(id))

    @contextmanager
    def held(self, id: str, *, retry_seconds: float = RETRY_SECONDS) -> Iterator[Claim[S]]:
        """Claim `id` for the duration of the block, and release the claim at its end unless the block settled it.

        If the block raises Unsure, the next run checks the channel first. After another DeliveryError, nothing was
        created and the claim is released. After any other error, the outcome is unknown and the lease expires by
        itself. Raises TryLater while another run has the claim, or if another run took it over after the lease expired.
        """
        claim = self.claim(id)
        try:
            yield claim
            if not claim.is_settled:
                self._give_back(claim, seconds=0)
        except ClaimLost as error:
            raise TryLater(f"{id} is being processed by another invocation", seconds=retry_seconds) from error
        except DeliveryError as error:
            self._give_back_after(error, claim, retry_seconds=retry_seconds)
            raise

    def claim(self, id: str) -> Claim[S]:
        """Claim `id` for the duration of a lease. Raises TryLater while another run has the claim; see `held`."""
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
            current = self._read(id)
            if current.get("token") == token:  # it succeeded, but its response was lost and botocore retried
                return Claim(id, token, self._state(current), unsure=True)
            raise TryLater(
                f"{id} is being processed by another invocation", seconds=_left(current, now)
            ) from error
        return Claim(id, token, self._state(before), unsure="lease_until" in before)

    def keep(self, claim: Claim[S], state: S) -> None:
        """Store the current state and keep the claim. Raises ClaimLost."""
        self._change(claim, "SET #document = :document", state=state)

    def settle(self, claim: Claim[S], state: S) -> None:
        """Store the current state and release the claim. Raises ClaimLost.

        botocore retries a request whose response was lost. The retry fails, because the claim was already released; it
        counts as a success if the state was stored.
        """
        claim.is_settled = True
        try:
            self._change(claim, "SET #document = :document REMOVE #lease, #token", state=state)
        except ClaimLost:
            if self.state_of(claim.id) != state:
                raise

    def _give_back(self, claim: Claim[S], *, seconds: float) -> None:
        """Release the claim after creating nothing; a claim that was unsure stays unsure for the next run."""
        if claim.unsure:
            self._abandon(claim, seconds=seconds)
        else:
            self._change(claim, "REMOVE #lease, #token")

    def _give_back_after(self, error: DeliveryError, claim: Claim[S], *, retry_seconds: float) -> None:
        if claim.is_settled:
            return
        try:
            if isinstance(error, Unsure):
                self._abandon(claim, seconds=retry_seconds)
            else:
                self._give_back(claim, seconds=getattr(error, "seconds", retry_seconds))
        except ClaimLost as lost:
            raise TryLater(
                f"{claim.id} is being processed by another invocation", seconds=retry_seconds
            ) from lost

    def _abandon(self, claim: Claim[S], *, seconds: float) -> None:
        """Let the lease expire after `seconds`, so that the next run treats the outcome as unknown."""
        self._change(claim, "SET #lease = :until", until=self._clock() + seconds)

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


def _left(current: Any, now: float) -> float:
    return min(max(float(current.get("lease_until", now)) - now, 1.0), LEASE_SECONDS)


def _seconds(at: float) -> Decimal:
    return Decimal(f"{at:.3f}")
