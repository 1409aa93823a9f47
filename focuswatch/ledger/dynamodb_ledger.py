"""The ledger in one DynamoDB table, for runs that may overlap.

Each entry is an item with a version, and is written only if it still has the version on which the decision was based.
Its pending notifications are part of the same item until they are sent. So a run that is killed half way loses no
notification and sends none twice, and concurrent runs decide each entry one after the other.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from focuswatch.errors import LedgerError
from focuswatch.ledger.dynamodb_pages import of_kind, pages
from focuswatch.ledger.entry_head import Choose, chosen_entries
from focuswatch.ledger.ledger_decision_model import Decision, by_stake
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import (
    Decide,
    EvaluatedUntil,
    LedgerSnapshot,
    unknown_fingerprint,
    unknown_suppression,
)
from focuswatch.ledger.notification_and_pending_notification_models import Notification, PendingNotification
from focuswatch.ledger.suppression import Suppression

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# Tables keep the names of earlier versions. Kinds of items: "silence" is a suppression, "looked" is the day until which
# a detection was evaluated. Attributes of an entry: `untold` are its pending notifications, `told` is the number of the
# first pending one, `first` is that of its first notification.
PENDING_INDEX = "pending"
PENDING = "news"
CONCURRENT_WRITES = 8
MAX_TRIES = 10


class DynamoLedger:
    """A Ledger in a DynamoDB table with the keys `kind` and `id`; see focuswatch.ledger.ledger_protocol."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def close(self) -> None:
        """Do nothing: there is no connection to close."""

    def entries(self) -> dict[str, LedgerEntry]:
        """See Ledger.entries."""
        return {
            str(item["id"]): LedgerEntry.model_validate_json(item["document"]) for item in self._all("entry")
        }

    def select(self, choose: Choose) -> list[LedgerEntry]:
        """See Ledger.select."""
        return chosen_entries(self.entries(), choose)

    def suppressions(self) -> list[Suppression]:
        """See Ledger.suppressions."""
        return [Suppression.model_validate_json(item["document"]) for item in self._all("silence")]

    def snapshot(self) -> LedgerSnapshot:
        """See Ledger.snapshot."""
        items = list(self._all("entry"))
        return LedgerSnapshot(
            entries={str(item["id"]): LedgerEntry.model_validate_json(item["document"]) for item in items},
            suppressions=self.suppressions(),
            version={str(item["id"]): int(str(item["version"])) for item in items},
        )

    def evaluated_until(self) -> dict[str, date]:
        """See Ledger.evaluated_until."""
        return {item["id"]: date.fromisoformat(item["as_of"]) for item in self._all("looked")}

    def update(
        self, decide: Decide, *, evaluated: Sequence[EvaluatedUntil], snapshot: LedgerSnapshot | None = None
    ) -> Decision:
        """See Ledger.update. Entries that other runs changed in the meantime are decided again."""
        entries: dict[str, LedgerEntry] = {}
        notifications: list[Notification] = []
        if snapshot:  # detections take minutes; a suppression may have been added since
            snapshot = replace(snapshot, suppressions=self.suppressions())
        for _ in range(MAX_TRIES):
            snapshot = snapshot or self.snapshot()
            decision = decide(snapshot.entries, snapshot.suppressions)
            written = self._write(decision, snapshot)
            entries.update((entry.fingerprint, entry) for entry in written)
            notifications += [
                notification
                for notification in decision.notifications
                if notification.finding.fingerprint in entries and notification not in notifications
            ]
            if len(written) == len(decision.entries):
                for detection in evaluated:
                    self._store_evaluated_until(detection)
                return Decision(tuple(entries.values()), tuple(sorted(notifications, key=by_stake)))
            snapshot = None
        raise LedgerError(
            f"The ledger {self._table.name} was not updated: other runs changed the ledger during each of the "
            f"{MAX_TRIES} attempts. Run the command again."
        )

    def add_suppression(self, suppression: Suppression) -> Suppression:
        """See Ledger.add_suppression."""
        counter = self._table.update_item(
            Key={"kind": "counter", "id": "silence"},
            UpdateExpression="ADD #last :one",
            ExpressionAttributeNames={"#last": "last"},
            ExpressionAttributeValues={":one": 1},
            ReturnValues="UPDATED_NEW",
        )
        stored = suppression.model_copy(update={"id": int(str(counter["Attributes"]["last"]))})
        self._table.put_item(Item={**_suppression_key(stored.id), "document": stored.model_dump_json()})
        return stored

    def remove_suppression(self, id: int) -> None:
        """See Ledger.remove_suppression."""
        deleted = self._table.delete_item(Key=_suppression_key(id), ReturnValues="ALL_OLD")
        if "Attributes" not in deleted:
            raise unknown_suppression(id)

    def forget(self, fingerprint: str) -> None:
        """See Ledger.forget."""
        deleted = self._table.delete_item(Key={"kind": "entry", "id": fingerprint}, ReturnValues="ALL_OLD")
        if "Attributes" not in deleted:
            raise unknown_fingerprint(fingerprint)

    def pending_notifications(self) -> Iterator[PendingNotification]:
        """See Ledger.pending_notifications."""
        listed = pages(
            self._table,
            IndexName=PENDING_INDEX,
            KeyConditionExpression="#pending = :news",
            ExpressionAttributeNames={"#pending": "pending"},
            ExpressionAttributeValues={":news": PENDING},
        )
        for listed_item in (item for page in listed for item in page["Items"]):
            key = {"kind": listed_item["kind"], "id": listed_item["id"]}
            # The index is updated with a delay, so the item itself decides.
            item: Any = self._table.get_item(Key=key, ConsistentRead=True).get("Item", {})
            if not item.get("untold"):
                self._remove_from_index(key)
            for offset, document in enumerate(item.get("untold", ())):
                number = int(str(item["told"])) + offset
                after = number - 1 if number > int(str(item["first"])) else None
                yield PendingNotification(number, after, Notification.model_validate_json(str(document)))

    def pending_count(self) -> int:
        """Return the number of findings with pending notifications."""
        counted = pages(
            self._table,
            IndexName=PENDING_INDEX,
            KeyConditionExpression="#pending = :news",
            ExpressionAttributeNames={"#pending": "pending"},
            ExpressionAttributeValues={":news": PENDING},
            Select="COUNT",
        )
        return sum(int(page["Count"]) for page in counted)

    def mark_notified(self, *sent: PendingNotification) -> None:
        """See Ledger.mark_notified."""
        for pending in sent:
            self._mark_notified(pending)

    def _mark_notified(self, sent: PendingNotification) -> None:
        """Remove a finding's first pending notification if it is still `sent`; otherwise do nothing."""
        key = {"kind": "entry", "id": sent.notification.finding.fingerprint}
        # If the condition fails, it was removed before, perhaps by this call: botocore retries after a lost response.
        with suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException):
            self._table.update_item(
                Key=key,
                UpdateExpression="REMOVE #untold[0] SET #told = #told + :one",
                ConditionExpression="#told = :number AND size(#untold) > :none",
                ExpressionAttributeNames={"#untold": "untold", "#told": "told"},
                ExpressionAttributeValues={":one": 1, ":number": sent.number, ":none": 0},
            )
        self._remove_from_index(key)

    def _remove_from_index(self, key: dict[str, str]) -> None:
        """Remove an entry from the index if it has no pending notification."""
        with suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException):  # some are pending
            self._table.update_item(
                Key=key,
                UpdateExpression="REMOVE #pending",
                ConditionExpression="size(#untold) = :none",
                ExpressionAttributeNames={"#untold": "untold", "#pending": "pending"},
                ExpressionAttributeValues={":none": 0},
            )

    def _write(self, decision: Decision, snapshot: LedgerSnapshot) -> list[LedgerEntry]:
        """Write the entries that are unchanged since the snapshot, and return the written entries."""
        versions = snapshot.version
        assert isinstance(versions, dict)
        notifications = {
            notification.finding.fingerprint: notification for notification in decision.notifications
        }

        def put(entry: LedgerEntry) -> bool:
            key = entry.fingerprint
            return self._put(entry, version=versions.get(key), notification=notifications.get(key))

        with ThreadPoolExecutor(CONCURRENT_WRITES) as pool:
            written = list(pool.map(put, decision.entries))
        return [entry for entry, is_written in zip(decision.entries, written, strict=True) if is_written]

    def _put(self, entry: LedgerEntry, *, version: int | None, notification: Notification | None) -> bool:
        """Write an entry if it still has this version (None: if it does not exist); return whether it was written."""
        names = {"#document": "document", "#version": "version", "#untold": "untold"}
        names |= {"#told": "told", "#first": "first"}
        values: dict[str, Any] = {
            ":document": entry.model_dump_json(by_alias=True),
            ":next": (version or 0) + 1,
            ":now": int(time.time() * 1000),
            ":news": [notification.model_dump_json(by_alias=True)] if notification else [],
            ":empty": [],
        }
        change = (
            "SET #document = :document, #version = :next, #told = if_not_exists(#told, :now), "
            "#first = if_not_exists(#first, :now), "
            "#untold = list_append(if_not_exists(#untold, :empty), :news)"
        )
        if version is not None:
            values[":version"] = version
        if notification:
            names["#pending"], values[":pending"] = "pending", PENDING
            change += ", #pending = :pending"
        try:
            self._table.update_item(
                Key={"kind": "entry", "id": entry.fingerprint},
                UpdateExpression=change,
                ConditionExpression="#version = :version"
                if version is not None
                else "attribute_not_exists(#version)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _store_evaluated_until(self, evaluated: EvaluatedUntil) -> None:
        try:
            self._table.put_item(
                Item={"kind": "looked", "id": evaluated.detection, "as_of": evaluated.as_of.isoformat()},
                ConditionExpression="attribute_not_exists(as_of) OR as_of < :as_of",
                ExpressionAttributeValues={":as_of": evaluated.as_of.isoformat()},
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return  # a run has already stored this day or a later one

    def _all(self, kind: str) -> Iterable[Any]:
        return of_kind(self._table, kind, ConsistentRead=True)


def _suppression_key(id: int) -> dict[str, str]:
    return {"kind": "silence", "id": f"{id:010d}"}
