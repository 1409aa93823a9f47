"""Record the response of a person in the ledger, once however often it arrives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from focuswatch.findings.detection_exclusion_offer import OfferScope
from focuswatch.ledger import Ledger, Suppression
from focuswatch.ledger.decide_ledger_changes import acknowledge
from focuswatch.ledger.findings_of_response import suppressible
from focuswatch.ledger.ledger_entry import LedgerEntry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

ResponseAction = Literal[
    "acknowledge", "snooze_7", "snooze_30", "not_waste", "exclude_account", "exclude_team"
]
SNOOZE_DAYS: dict[ResponseAction, int] = {"snooze_7": 7, "snooze_30": 30}


@dataclass(frozen=True)
class Exclusion:
    """An exclusion of all findings of a detection in an account or team."""

    scope: OfferScope
    value: str
    detection: str
    reason: str


@dataclass(frozen=True)
class PersonResponse:
    """The response of a person to a finding; `id` is the same each time it arrives, `document` its whole JSON.

    With an `exclusion`, not the finding is suppressed but what the exclusion covers.
    """

    id: str
    fingerprint: str
    action: ResponseAction
    author: str
    reason: str
    document: str
    exclusion: Exclusion | None = None

    def until(self, today: date) -> date | None:
        """Return the day on which a snooze ends; None for the other actions."""
        days = SNOOZE_DAYS.get(self.action)
        return today + timedelta(days=days) if days else None


def no_other_channel(_: PersonResponse) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class ResponseLedger:
    """The responses in the ledger table, and their effects on the ledger.

    `also` brings a response to other channels, under the id of the incident. If it raises, the response is applied, and
    `also` is called again when the response arrives again.
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
                    entries, _incident_of(response, entries), author=response.author, on=today
                ),
                evaluated=(),
            )
        else:
            self._suppress(response, today=today)
        self.also(replace(response, fingerprint=_incident_of(response, self.ledger.entries())))
        self._mark_done(response)
        return True

    def _suppress(self, response: PersonResponse, *, today: date) -> None:
        """Suppress every open finding of the incident that the message is about."""
        if response.exclusion:
            if not any(other.source == response.id for other in self.ledger.suppressions()):
                self.ledger.add_suppression(_excluding(response, response.exclusion, today=today))
            return
        entries = self.ledger.entries()
        recorded_for = {other.value for other in self.ledger.suppressions() if other.source == response.id}
        incident = _incident_of(response, entries)
        named = [*suppressible(response.fingerprint, entries), *suppressible(incident, entries)]
        for fingerprint in dict.fromkeys(named):
            if fingerprint not in recorded_for:
                self.ledger.add_suppression(_suppression(response, fingerprint, today=today))

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


def _incident_of(response: PersonResponse, entries: Mapping[str, LedgerEntry]) -> str:
    """Return the incident of the finding that the response names; the name itself may be that of an incident."""
    entry = entries.get(response.fingerprint)
    return entry.finding.incident_id if entry else response.fingerprint


def _suppression(response: PersonResponse, fingerprint: str, *, today: date) -> Suppression:
    return Suppression(
        scope="fingerprint",
        value=fingerprint,
        author=response.author,
        since=today,
        until=response.until(today),
        reason=response.reason,
        source=response.id,
    )


def _excluding(response: PersonResponse, exclusion: Exclusion, *, today: date) -> Suppression:
    return Suppression(
        scope=exclusion.scope,
        value=exclusion.value,
        detection=exclusion.detection,
        author=response.author,
        since=today,
        reason=exclusion.reason,
        source=response.id,
    )


def _key(response: PersonResponse) -> dict[str, str]:
    # A key in existing tables.
    return {"kind": "answer", "id": f"{response.fingerprint} {response.id}"}
