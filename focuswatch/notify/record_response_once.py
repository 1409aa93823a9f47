"""Record a person's response to a finding in the ledger, exactly once even if the response arrives repeatedly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from focuswatch.findings.exclusion_offer_record import OfferScope
from focuswatch.ledger import Ledger, Suppression
from focuswatch.ledger.decide_ledger_changes_and_notifications import acknowledge
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.open_and_suppressible_incident_findings import suppressible
from focuswatch.notify.response_actions_and_labels import ResponseAction

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

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
    """A person's response to a finding; `id` is the same each time it arrives, `document` is its complete JSON.

    With an `exclusion`, everything that the exclusion covers is suppressed, and not the finding itself.
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


def show_nowhere_else(_: PersonResponse) -> None:
    """Do nothing: the default if no other channel shows responses."""


@dataclass(frozen=True)
class ResponseLedger:
    """Stores responses in the ledger table, and applies them to the ledger.

    `show_elsewhere` shows a response in other channels; it gets the incident's id as `fingerprint`. If it raises, the
    response stays applied, and `show_elsewhere` is called again when the response arrives again.
    """

    ledger: Ledger
    table: "Table"
    show_elsewhere: Callable[[PersonResponse], None] = show_nowhere_else

    def record(self, response: PersonResponse, *, today: date) -> bool:
        """Store the response and apply it. Return False if this was already done."""
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
        self.show_elsewhere(replace(response, fingerprint=_incident_of(response, self.ledger.entries())))
        self._mark_done(response)
        return True

    def _suppress(self, response: PersonResponse, *, today: date) -> None:
        """Add the exclusion, or suppress every open finding of the incident that the message is about."""
        if response.exclusion:
            if not any(other.source == response.id for other in self.ledger.suppressions()):
                self.ledger.add_suppression(_exclusion_suppression(response, response.exclusion, today=today))
            return
        entries = self.ledger.entries()
        recorded_for = {other.value for other in self.ledger.suppressions() if other.source == response.id}
        incident = _incident_of(response, entries)
        named = [*suppressible(response.fingerprint, entries), *suppressible(incident, entries)]
        for fingerprint in dict.fromkeys(named):
            if fingerprint not in recorded_for:
                self.ledger.add_suppression(_suppression(response, fingerprint, today=today))

    def _is_pending(self, response: PersonResponse, *, today: date) -> bool:
        """Store the response if it is new. Return whether it must still be applied."""
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
    """Return the incident id of the response's finding; `response.fingerprint` may be an incident id already."""
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


def _exclusion_suppression(response: PersonResponse, exclusion: Exclusion, *, today: date) -> Suppression:
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
    # Unchanged: existing tables contain this key.
    return {"kind": "answer", "id": f"{response.fingerprint} {response.id}"}
