"""Build the page that `focuswatch findings` prints from ledger entries, for tests of its output."""

from collections.abc import Iterable

from focuswatch.ledger import LedgerEntry
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.list_findings_by_incident import FindingsPage, findings_page
from tests.fakes.dynamodb_in_memory import MemoryTable


def page_of(entries: Iterable[LedgerEntry], *, most: int = 500) -> FindingsPage:
    """Return the page that `focuswatch findings --all` prints for a ledger with these entries."""
    table = MemoryTable()
    for entry in entries:
        document = entry.model_dump_json(by_alias=True)
        table.put_item(Item={"kind": "entry", "id": entry.fingerprint, "version": 1, "document": document})
    return findings_page(DynamoLedger(table), everything=True, most=most)
