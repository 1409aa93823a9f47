"""Find one entry of a ledger by the first characters of its fingerprint."""

from focuswatch.errors import LedgerError
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import Ledger

MOST_MATCHES = 5  # fingerprints that the error lists


def find_entry(ledger: Ledger, prefix: str, *, listing: str) -> LedgerEntry:
    """Return the one entry whose fingerprint starts with `prefix`. Raises LedgerError where none does, or several."""
    entries = ledger.select(
        lambda heads: [head.fingerprint for head in heads if head.fingerprint.startswith(prefix)]
    )
    if not entries:
        raise LedgerError(f"No finding matches '{prefix}'. To list all findings, {listing}.")
    if len(entries) > 1:
        matches = ", ".join(sorted(entry.fingerprint for entry in entries)[:MOST_MATCHES])
        more = len(entries) - MOST_MATCHES
        others = f" and {more} more" if more > 0 else ""
        raise LedgerError(
            f"'{prefix}' matches {len(entries)} findings: {matches}{others}. Enter more characters of the fingerprint."
        )
    return entries[0]
