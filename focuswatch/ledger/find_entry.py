"""Find one entry of a ledger by the first characters of its fingerprint."""

from focuswatch.errors import LedgerError
from focuswatch.findings.first_and_more_text import first_and_more
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import Ledger

MOST_MATCHES = 5  # fingerprints that the error lists


def find_entry(ledger: Ledger, prefix: str, *, listing: str) -> LedgerEntry:
    """Return the only entry whose fingerprint starts with `prefix`. Raises LedgerError if no entry or several match.

    `listing` completes the sentence `To list all findings, …` in the error.
    """
    entries = ledger.select(
        lambda heads: [head.fingerprint for head in heads if head.fingerprint.startswith(prefix)]
    )
    if not entries:
        raise LedgerError(f"No finding matches '{prefix}'. To list all findings, {listing}.")
    if len(entries) > 1:
        matches = first_and_more(sorted(entry.fingerprint for entry in entries), most=MOST_MATCHES)
        raise LedgerError(
            f"'{prefix}' matches {len(entries)} findings: {matches}. Enter more characters of the fingerprint."
        )
    return entries[0]
