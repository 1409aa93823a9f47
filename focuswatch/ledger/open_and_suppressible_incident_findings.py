"""Find the findings that a person's response to a message or an issue affects: the open ones of its incident. Pure."""

from collections.abc import Mapping

from focuswatch.ledger.ledger_entry import LedgerEntry

MOST_SUPPRESSED = 100  # findings per response; a larger rollout is notified only once anyway


def open_in_incident(incident: str, entries: Mapping[str, LedgerEntry]) -> list[LedgerEntry]:
    """Return the open findings of an incident, the lead first."""
    found = [
        entry for entry in entries.values() if entry.state == "open" and entry.finding.incident_id == incident
    ]
    return sorted(found, key=lambda entry: (not entry.finding.incident_lead, entry.fingerprint))


def suppressible(incident: str, entries: Mapping[str, LedgerEntry]) -> list[str]:
    """Return the fingerprints to suppress: the incident id and its open findings.

    Security findings whose team comes only from a resource tag are left out.
    """
    listed = [incident, *(entry.fingerprint for entry in open_in_incident(incident, entries))]
    named = list(dict.fromkeys(listed))[:MOST_SUPPRESSED]
    return [one for one in named if one not in entries or entries[one].finding.suppressible_by_team]
