"""The MCP tools that write to the ledger: snooze or exclude a finding, or acknowledge its incident; with the author.

Excluding a resource, an account or a tag requires the command line, because text in a bill could persuade an agent to
mute more than a person intended.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from focuswatch.errors import ConfigError
from focuswatch.ledger import LedgerEntry, Suppression
from focuswatch.ledger.add_and_describe_suppression import add_checked_suppression
from focuswatch.ledger.decide_ledger_changes_and_notifications import acknowledge
from focuswatch.ledger.find_entry import find_entry
from focuswatch.ledger.ledger_protocol import newest_scan_date
from focuswatch.mcp_server.read_tools import LISTING, Fingerprint
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import Document
from focuswatch.mcp_server.source_protocol import Source

Reason = Annotated[str, Field(description="Reason for the suppression, shown in the list of suppressions.")]


class WriteTools:
    """Tools that record decisions in the name of `author`, who started the server."""

    def __init__(self, source: Source, *, author: str) -> None:
        self._source = source
        self._author = f"{author} via MCP"

    def snooze(
        self,
        fingerprint: Fingerprint,
        until: Annotated[
            date,
            Field(
                description="End date of the suppression. Scans on or after this date notify the owner again."
            ),
        ],
        reason: Reason,
    ) -> Document:
        """Mute one finding until a date. Call this tool only if the user asks for it."""
        return self._suppress(fingerprint, until=until, reason=reason)

    def exclude(
        self,
        fingerprint: Fingerprint,
        reason: Reason,
        until: Annotated[
            date | None,
            Field(
                description="End date of the suppression. Scans on or after this date notify the "
                "owner again. If you omit this date, the suppression does not expire."
            ),
        ] = None,
    ) -> Document:
        """Mute one expected finding, by default with no end date. Call this tool only if the user asks for it."""
        return self._suppress(fingerprint, until=until, reason=reason)

    def acknowledge(self, fingerprint: Fingerprint) -> Document:
        """Record that someone is working on an open finding and the other findings of its incident, and postpone
        their reminder.

        Call this tool only if the user asks for it.
        """
        with self._source.ledger() as ledger:
            entry = find_entry(ledger, fingerprint, listing=LISTING)
            if entry.state != "open":
                raise ConfigError(
                    f"Finding {entry.fingerprint} is {entry.state}. Only an open finding can be acknowledged."
                )
            on = newest_scan_date(ledger)
            decision = ledger.update(
                lambda entries, _suppressions: acknowledge(
                    entries, entry.finding.incident_id, author=self._author, on=on
                ),
                evaluated=(),
            )
        return self._recorded(
            entry, acknowledged_on=on.isoformat(), acknowledged_findings=len(decision.entries)
        )

    def _suppress(self, fingerprint: str, *, until: date | None, reason: str) -> Document:
        with self._source.ledger() as ledger:
            entry = find_entry(ledger, fingerprint, listing=LISTING)
            suppression = add_checked_suppression(
                ledger,
                Suppression(
                    scope="fingerprint",
                    value=entry.fingerprint,
                    author=self._author,
                    reason=reason,
                    since=newest_scan_date(ledger),
                    until=until,
                ),
            )
        return self._recorded(
            entry,
            suppression=suppression.id,
            muted_until=until.isoformat() if until else "no end date",
            undo=f"focuswatch unsuppress {suppression.id}",
        )

    def _recorded(self, entry: LedgerEntry, **facts: object) -> Document:
        return {
            "fingerprint": entry.fingerprint,
            "detection": entry.finding.detection,
            "author": self._author,
            **facts,
        }
