"""Record the response of a person in the ledger, once however often it arrives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from focuswatch.ledger import Ledger, Suppression
from focuswatch.ledger.decide import acknowledge

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

ResponseAction = Literal["acknowledge", "snooze_7", "snooze_30", "not_waste"]
SNOOZE_DAYS: dict[ResponseAction, int] = {"snooze_7": 7, "snooze_30": 30}


@dataclass(frozen=True)
class PersonResponse:
    """What someone decided about a finding; `id` is the same each time it arrives, `document` its whole JSON."""

    id: str
    fingerprint: str
    action: ResponseAction
    author: str
    reason: str
    document: str

    def until(self, today: date) -> date | None:
        """Return the day on which a snooze ends; None for the other actions."""
        days = SNOOZE_DAYS.get(self.action)
        return today + timedelta(days=days) if days else None


def no_other_channel(_: PersonResponse) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class ResponseLedger:
    """The responses in the ledger's table, and their effects on the ledger.

    `also` brings a response to other channels. If it raises, the response is applied, and `also` is called again when
    the response arrives again.
    """

    ledger: Ledger
    table: "Table"
    also: Callable[[PersonResponse], None] = no_other_channel

    def record(self, response: PersonResponse, *, today: date) -> bool:
        """Store the response and apply it. Return whether it was done now, not before."""
        if not self._is_pending(response, today=today):
            return False
        if response.action == "acknowledge":
            self.ledger.update(
                lambda entries, _suppressions: acknowledge(
                    entries, response.fingerprint, author=response.author, on=today
                ),
                evaluated=(),
            )
        elif not any(other.source == response.id for other in self.ledger.suppressions()):
            self.ledger.add_suppression(_suppression(response, today=today))
        self.also(response)
        self._mark_done(response)
        return True

    def _is_pending(self, response: PersonResponse, *, today: date) -> bool:
        """Store the response itself. Return whether its effects are still to be applied."""
        item = self.table.get_item(Key=_key(response), ConsistentRead=True).get("Item")
        if item is None:
            item = {**_key(response), "document": response.document, "on": today.isoformat()}
            self.table.put_item(Item=item | {"done": False})
            return True
        return not item["done"]

    def _mark_done(self, response: PersonResponse) -> None:
        self.table.update_item(
            Key=_key(response),
            UpdateExpression="SET #done = :yes",
            ExpressionAttributeNames={"#done": "done"},
            ExpressionAttributeValues={":yes": True},
        )


def _suppression(response: PersonResponse, *, today: date) -> Suppression:
    return Suppression(
        scope="fingerprint",
        value=response.fingerprint,
        author=response.author,
        since=today,
        until=response.until(today),
        reason=response.reason,
        source=response.id,
    )


def _key(response: PersonResponse) -> dict[str, str]:
    # A key in existing tables.
    return {"kind": "answer", "id": f"{response.fingerprint} {response.id}"}
