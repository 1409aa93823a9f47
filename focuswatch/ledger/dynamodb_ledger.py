"""The ledger in one DynamoDB table, for runs that may overlap.

Every entry is an item with a version, written only where it is still the version that was decided on; what is to be
told of it stands in the same item until it was told. So a run that dies half way leaves nothing untold and nothing
told twice, and two runs at once decide each entry one after the other.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from focuswatch.errors import LedgerError
from focuswatch.ledger.decide import Decision
from focuswatch.ledger.dynamodb_pages import of_kind, pages
from focuswatch.ledger.ledger_entry import LedgerEntry, Notification, PendingNotification, Suppression
from focuswatch.ledger.ledger_protocol import Decide, EvaluatedUntil

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

PENDING_INDEX = "pending"
PENDING = "news"
AT_ONCE = 8
MOST_TRIES = 10


@dataclass(frozen=True)
class _Item:
    """An entry as it was read."""

    entry: LedgerEntry
    version: int
    untold: tuple[str, ...]  # documents of Told


class DynamoLedger:
    """A Ledger in a DynamoDB table with the keys `kind` and `id`; see focuswatch.ledger.ledger_protocol."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def close(self) -> None:
        """Nothing is held."""

    def entries(self) -> dict[str, LedgerEntry]:
        """See Ledger.entries."""
        return {fingerprint: item.entry for fingerprint, item in self._items().items()}

    def suppressions(self) -> list[Suppression]:
        """See Ledger.suppressions."""
        return [Suppression.model_validate_json(found["document"]) for found in self._all("silence")]

    def evaluated_until(self) -> dict[str, date]:
        """See Ledger.evaluated_until."""
        return {found["id"]: date.fromisoformat(found["as_of"]) for found in self._all("looked")}

    def update(self, decide: Decide, *, evaluated: Sequence[EvaluatedUntil]) -> Decision:
        """See Ledger.update. Entries that others changed meanwhile are decided again."""
        entries: dict[str, LedgerEntry] = {}
        news: list[Notification] = []
        for _ in range(MOST_TRIES):
            items = self._items()
            decision = decide({key: item.entry for key, item in items.items()}, self.suppressions())
            written = self._write(decision, items)
            entries.update((entry.fingerprint, entry) for entry in written)
            news += [
                one
                for one in decision.notifications
                if one.finding.fingerprint in entries and one not in news
            ]
            if len(written) == len(decision.entries):
                for one in evaluated:
                    self._look(one)
                news.sort(key=lambda one: (-one.finding.stake, one.finding.fingerprint))
                return Decision(tuple(entries.values()), tuple(news))
        raise LedgerError(
            f"The ledger {self._table.name} was changed by others {MOST_TRIES} times; run again."
        )

    def add_suppression(self, silence: Suppression) -> Suppression:
        """See Ledger.add_suppression."""
        counted = self._table.update_item(
            Key={"kind": "counter", "id": "silence"},
            UpdateExpression="ADD #last :one",
            ExpressionAttributeNames={"#last": "last"},
            ExpressionAttributeValues={":one": 1},
            ReturnValues="UPDATED_NEW",
        )
        kept = silence.model_copy(update={"id": int(str(counted["Attributes"]["last"]))})
        self._table.put_item(Item={**_silence_key(kept.id), "document": kept.model_dump_json()})
        return kept

    def remove_suppression(self, id: int) -> None:
        """See Ledger.remove_suppression."""
        gone = self._table.delete_item(Key=_silence_key(id), ReturnValues="ALL_OLD")
        if "Attributes" not in gone:
            raise LedgerError(f"There is no silence {id}; `focuswatch findings --silences` lists them.")

    def forget(self, fingerprint: str) -> None:
        """See Ledger.forget."""
        gone = self._table.delete_item(Key={"kind": "entry", "id": fingerprint}, ReturnValues="ALL_OLD")
        if "Attributes" not in gone:
            raise LedgerError(
                f"No finding has the fingerprint {fingerprint}; `focuswatch findings` lists them."
            )

    def pending_notifications(self) -> Iterator[PendingNotification]:
        """See Ledger.pending_notifications."""
        listed = pages(
            self._table,
            IndexName=PENDING_INDEX,
            KeyConditionExpression="#pending = :news",
            ExpressionAttributeNames={"#pending": "pending"},
            ExpressionAttributeValues={":news": PENDING},
        )
        for found in (one for page in listed for one in page["Items"]):
            key = {"kind": found["kind"], "id": found["id"]}
            now: Any = self._table.get_item(Key=key, ConsistentRead=True).get(
                "Item", {}
            )  # the index lags behind
            if not now.get("untold"):
                self._nothing_pending(key)
            for place, document in enumerate(now.get("untold", ())):
                number = int(str(now["told"])) + place
                after = number - 1 if number > int(str(now["first"])) else None
                yield PendingNotification(number, after, Notification.model_validate_json(str(document)))

    def pending_count(self) -> int:
        """Findings with news that was not told yet."""
        counted = pages(
            self._table,
            IndexName=PENDING_INDEX,
            KeyConditionExpression="#pending = :news",
            ExpressionAttributeNames={"#pending": "pending"},
            ExpressionAttributeValues={":news": PENDING},
            Select="COUNT",
        )
        return sum(int(page["Count"]) for page in counted)

    def mark_notified(self, *told: PendingNotification) -> None:
        """See Ledger.mark_notified."""
        for one in told:
            self._mark_notified(one)

    def _mark_notified(self, told: PendingNotification) -> None:
        """Take the first untold news of its finding away, where it still is `told`; else do nothing."""
        key = {"kind": "entry", "id": told.notification.finding.fingerprint}
        # Else it was told before, perhaps by ourselves: botocore asks again where an answer is lost.
        with suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException):
            self._table.update_item(
                Key=key,
                UpdateExpression="REMOVE #untold[0] SET #told = #told + :one",
                ConditionExpression="#told = :number AND size(#untold) > :none",
                ExpressionAttributeNames={"#untold": "untold", "#told": "told"},
                ExpressionAttributeValues={":one": 1, ":number": told.number, ":none": 0},
            )
        self._nothing_pending(key)

    def _nothing_pending(self, key: dict[str, str]) -> None:
        """Take an entry out of the index where it has nothing to be told."""
        with suppress(self._table.meta.client.exceptions.ConditionalCheckFailedException):  # there is more
            self._table.update_item(
                Key=key,
                UpdateExpression="REMOVE #pending",
                ConditionExpression="size(#untold) = :none",
                ExpressionAttributeNames={"#untold": "untold", "#pending": "pending"},
                ExpressionAttributeValues={":none": 0},
            )

    def _items(self) -> dict[str, _Item]:
        return {
            str(found["id"]): _Item(
                entry=LedgerEntry.model_validate_json(found["document"]),
                version=int(str(found["version"])),
                untold=tuple(map(str, found.get("untold", ()))),
            )
            for found in self._all("entry")
        }

    def _write(self, decision: Decision, items: dict[str, _Item]) -> list[LedgerEntry]:
        """The entries that were written: those that are still as they were read."""
        news = {one.finding.fingerprint: one for one in decision.notifications}

        def put(entry: LedgerEntry) -> bool:
            return self._put(entry, before=items.get(entry.fingerprint), news=news.get(entry.fingerprint))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = list(pool.map(put, decision.entries))
        return [entry for entry, written in zip(decision.entries, done, strict=True) if written]

    def _put(self, entry: LedgerEntry, *, before: _Item | None, news: Notification | None) -> bool:
        version = before.version if before else 0
        names = {"#document": "document", "#version": "version", "#untold": "untold"}
        names |= {"#told": "told", "#first": "first"}
        values: dict[str, Any] = {
            ":document": entry.model_dump_json(by_alias=True),
            ":next": version + 1,
            ":now": int(time.time() * 1000),
            ":news": [news.model_dump_json(by_alias=True)] if news else [],
            ":empty": [],
        }
        change = (
            "SET #document = :document, #version = :next, #told = if_not_exists(#told, :now), "
            "#first = if_not_exists(#first, :now), "
            "#untold = list_append(if_not_exists(#untold, :empty), :news)"
        )
        if before:
            values[":version"] = version
        if news:
            names["#pending"], values[":pending"] = "pending", PENDING
            change += ", #pending = :pending"
        try:
            self._table.update_item(
                Key={"kind": "entry", "id": entry.fingerprint},
                UpdateExpression=change,
                ConditionExpression="#version = :version" if before else "attribute_not_exists(#version)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _look(self, looked: EvaluatedUntil) -> None:
        try:
            self._table.put_item(
                Item={"kind": "looked", "id": looked.detection, "as_of": looked.as_of.isoformat()},
                ConditionExpression="attribute_not_exists(as_of) OR as_of < :as_of",
                ExpressionAttributeValues={":as_of": looked.as_of.isoformat()},
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return  # somebody has looked further

    def _all(self, kind: str) -> Iterable[Any]:
        return of_kind(self._table, kind, ConsistentRead=True)


def _silence_key(id: int) -> dict[str, str]:
    return {"kind": "silence", "id": f"{id:010d}"}
