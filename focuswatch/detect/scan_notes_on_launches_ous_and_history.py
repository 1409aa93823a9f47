"""Write the notes of a scan: facts that readers of its findings need, such as costs that a planned launch mutes."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import date

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Engine
from focuswatch.errors import QueryError
from focuswatch.findings.aws_alert_detection_ids import AWS_ALERTS
from focuswatch.findings.count_text import count_text
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.query_and_describe_costs_muted_by_launches import costs_muted_by_launches
from focuswatch.owners.warn_of_renamed_ous import renamed_ou_notes

FIRST_CHARGE_DETECTIONS = frozenset({"new_region", "new_service"})
YOUNG_EXPORT_DAYS = 60  # days of history in which a monthly charge occurs twice


def scan_notes(
    engine: Engine,
    *,
    catalog: Catalog,
    owners: Owners,
    as_of: date,
    rate: Rate,
    ran: Collection[str],
    first_day: date | None,
    entries: Iterable[LedgerEntry],
) -> Iterator[str]:
    """Yield the notes of a scan.

    `ran` are the ids of the detections that ran, `first_day` is the first day of the bill, and `entries` are the
    entries of the ledger after the scan.
    """
    yield from _launch_notes(engine, catalog=catalog, owners=owners, as_of=as_of, rate=rate)
    yield from _renamed_ous(engine, catalog=catalog, owners=owners, as_of=as_of, rate=rate)
    yield from _short_history(first_day, as_of=as_of, ran=ran)
    yield from _removed_detections(entries, catalog=catalog)
    if rate.note:
        yield rate.note


def _launch_notes(
    engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date, rate: Rate
) -> Iterator[str]:
    """Yield a note for each launch that mutes costs. An error becomes a note: the findings are already recorded."""
    try:
        muted = costs_muted_by_launches(
            engine, catalog=catalog, owners=owners, as_of=as_of, per_usd=float(rate.per_usd)
        )
    except QueryError as error:
        yield f"The cost muted by planned launches could not be determined: {error}"
        return
    yield from (costs.sentence(rate.currency) for costs in muted)


def _renamed_ous(
    engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date, rate: Rate
) -> Iterator[str]:
    """Yield a note for each OU in owners.toml that all accounts have left. An error becomes a note, as above."""
    try:
        yield from renamed_ou_notes(engine, catalog=catalog, owners=owners, as_of=as_of, rate=rate)
    except QueryError as error:
        yield f"focuswatch could not check whether each OU in owners.toml contains an account: {error}"


def _short_history(first_day: date | None, *, as_of: date, ran: Collection[str]) -> Iterator[str]:
    """Yield a note if the export has too little history to distinguish new charges from rare ones."""
    detections = sorted(FIRST_CHARGE_DETECTIONS.intersection(ran))
    if not detections or first_day is None:
        return
    days = (as_of - first_day).days
    if days < YOUNG_EXPORT_DAYS:
        yield (
            f"The export has {count_text(days, 'day')} of history, starting {first_day}. With fewer than "
            f"{YOUNG_EXPORT_DAYS} days, {' and '.join(detections)} cannot distinguish a rare charge from a new charge"
        )


def _removed_detections(entries: Iterable[LedgerEntry], *, catalog: Catalog) -> Iterator[str]:
    """Yield a note for each detection with open findings that is neither in the catalog nor an AWS alert."""
    known = {*catalog.detections, *AWS_ALERTS}
    open_findings = Counter(
        entry.finding.detection
        for entry in entries
        if entry.state == "open" and entry.finding.detection not in known
    )
    for detection, findings in sorted(open_findings.items()):
        yield (
            f"focuswatch cannot evaluate or resolve {count_text(findings, 'open finding')} of {detection}, because "
            "the catalog of detections does not contain this detection. Restore the detection, or remove each "
            "finding with focuswatch reset"
        )
