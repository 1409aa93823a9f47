"""Find one entry of a ledger by the first characters of its fingerprint."""

from focuswatch.errors import LedgerError
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import Ledger


def find_entry(ledger: Ledger, prefix: str, *, listing: str = "run focuswatch findings --all") -> LedgerEntry:
    """Return the one entry whose fingerprint starts with `prefix`. Raises LedgerError where none does, or several."""
    entries = ledger.select(
        lambda heads: [head.fingerprint for head in heads if head.fingerprint.startswith(prefix)]
    )
    if not entries:
        raise LedgerError(f"No finding matches '{prefix}'. To list all findings, {listing}.")
    if len(entries) > 1:
        matches = ", ".join(sorted(entry.fingerprint for entry in entries)[:5])
        raise LedgerError(
            f"'{prefix}' matches {len(entries)} findings ({matches}). Enter more characters of the fingerprint."
        )
    return entries[0]
