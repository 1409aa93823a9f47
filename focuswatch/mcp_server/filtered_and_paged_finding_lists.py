"""List findings for an agent: filter, sort and split them into pages."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.sql_header_models import Category
from focuswatch.errors import ConfigError
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.finding_amount_and_age_text import main_amount
from focuswatch.findings.severity import SEVERITIES, Severity
from focuswatch.ledger import Ledger, LedgerEntry, SuppressionIndex
from focuswatch.ledger.ledger_protocol import newest_scan_date
from focuswatch.mcp_server.cursors import decode_cursor, encode_cursor
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import (
    DATA,
    Document,
    TextLimits,
    bill_data,
    paged,
    without_empty,
)

FindingStatus = Literal["open", "suppressed", "resolved", "all"]
NO_OWNER = "no owner"


@dataclass(frozen=True)
class FindingFilters:
    """The filters of a list of findings; None matches all. `account` is an id or a name, `team` may be `no owner`."""

    team: str | None = None
    account: str | None = None
    category: Category | None = None
    severity: Severity | None = None
    detection: str | None = None
    status: FindingStatus = "open"

    def match(self, entry: LedgerEntry) -> bool:
        """Return whether a finding passes all filters but the status."""
        finding = entry.finding
        return (
            (self.team is None or _same(self.team, finding.team or NO_OWNER))
            and (
                self.account is None
                or any(
                    _same(self.account, name) for name in (finding.sub_account_id, finding.sub_account_name)
                )
            )
            and self.category in (None, finding.category)
            and self.severity in (None, finding.severity)
            and self.detection in (None, finding.detection)
        )


@dataclass(frozen=True)
class _Listed:
    entry: LedgerEntry
    status: str


def list_findings(
    ledger: Ledger, *, filters: FindingFilters, cursor: str | None, catalog: Catalog
) -> Document:
    """Return a page of findings, highest stake first. Raises ConfigError for an unknown detection or a bad cursor."""
    snapshot, newest = ledger.snapshot(), newest_scan_date(ledger)
    _check_detection(filters.detection, entries=snapshot.entries.values(), catalog=catalog)
    suppressions = SuppressionIndex(snapshot.suppressions)
    listed = [
        one
        for entry in snapshot.entries.values()
        if filters.match(entry)
        for one in [
            _Listed(entry, _status(entry, suppressed=suppressions.suppresses(entry.finding, on=newest)))
        ]
        if filters.status in ("all", one.status)
    ]
    listed.sort(key=_order)
    start = _start(listed, cursor, filters=filters)
    return _page(listed, start=start, filters=filters)


def finding_row(entry: LedgerEntry, limits: TextLimits, *, status: str) -> Document:
    """Return the fingerprint and state of a finding, and its title, amount and place as data from the bill."""
    finding = entry.finding
    return {
        "fingerprint": finding.fingerprint,
        "detection": finding.detection,
        "category": finding.category,
        "severity": finding.severity,
        "status": status,
        "first_seen": finding.first_seen.isoformat(),
        DATA: without_empty(
            {
                "title": bill_data(finding.title, limits),
                "amount": bill_data(main_amount(finding), limits),
                "account": bill_data(account_label(finding.sub_account_name, finding.sub_account_id), limits),
                "region": bill_data(finding.region_id, limits),
                "service": bill_data(finding.service_name, limits),
                "resource": bill_data(finding.resource_id, limits),
                "owner": bill_data(finding.team or NO_OWNER, limits),
            }
        ),
    }


def entry_status(entry: LedgerEntry, *, ledger: Ledger) -> str:
    """Return open, suppressed, resolved or closed, as of the newest scan."""
    index = SuppressionIndex(ledger.suppressions())
    return _status(entry, suppressed=index.suppresses(entry.finding, on=newest_scan_date(ledger)))


def _page(listed: Sequence[_Listed], *, start: int, filters: FindingFilters) -> Document:
    severities = Counter(one.entry.finding.severity for one in listed)
    head: Document = {
        "matching": len(listed),
        "by_severity": {name: severities[name] for name in reversed(SEVERITIES) if severities[name]},
        "position": start + 1 if listed else 0,
    }
    page = paged(
        listed,
        start=start,
        render=lambda one, limits: finding_row(one.entry, limits, status=one.status),
        head=head,
    )
    document = head | {"findings": page.rows}
    if page.next_start is not None:
        last = listed[page.next_start - 1].entry.finding
        document["next_cursor"] = encode_cursor([str(last.stake), last.fingerprint], of=asdict(filters))
    return document


def _start(listed: Sequence[_Listed], cursor: str | None, *, filters: FindingFilters) -> int:
    """Return the position after the finding in a cursor, which may have been resolved in the meantime."""
    if cursor is None:
        return 0
    after = _cursor_order(decode_cursor(cursor, of=asdict(filters)))
    return next((place for place, one in enumerate(listed) if _order(one) > after), len(listed))


def _order(one: _Listed) -> tuple[float, str]:
    return -float(one.entry.finding.stake), one.entry.fingerprint


def _cursor_order(position: Sequence[str | int]) -> tuple[float, str]:
    stake, fingerprint = position
    return -float(stake), str(fingerprint)


def _status(entry: LedgerEntry, *, suppressed: bool) -> str:
    return "suppressed" if entry.state == "open" and suppressed else entry.state


def _check_detection(id: str | None, *, entries: Iterable[LedgerEntry], catalog: Catalog) -> None:
    known = {*catalog.detections, *(entry.finding.detection for entry in entries)}
    if id is not None and id not in known:
        raise ConfigError(f"No detection is named '{id}'. Expected one of: {', '.join(sorted(known))}.")


def _same(one: str, other: str | None) -> bool:
    return other is not None and one.strip().casefold() == other.casefold()
