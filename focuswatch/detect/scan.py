"""The whole job over one bill: ask every detection, find the owners, let the ledger decide what is news.

It talks to nobody; whoever calls it tells the news.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from focuswatch.bill.account_details import rows_of_accounts
from focuswatch.catalog.catalog import Catalog, Detection
from focuswatch.detect.coverage import Coverage, coverage
from focuswatch.detect.explain.attach_explanations import ChangeHistory, attach_explanations
from focuswatch.detect.result_cache import ResultCache
from focuswatch.detect.run_detection import DetectionInput, Outcome, first_new_day, run_detection
from focuswatch.engines import Engine, Row
from focuswatch.errors import QueryError
from focuswatch.findings.exchange_rates import Rate, rate_of
from focuswatch.findings.finding import Finding, fingerprint, to_finding
from focuswatch.ledger import DetectionRun, EvaluatedUntil, Ledger, Notification, PendingNotification, decide
from focuswatch.ledger.ledger_entry import NotificationKind
from focuswatch.ledger.verified_savings import record_verified_savings
from focuswatch.owners.launches import costs_muted_by_launches
from focuswatch.owners.owners_file import Owners

FIRST_SEEN = frozenset({"new_region", "new_service"})
YOUNG_EXPORT_DAYS = 60  # of history, in which what comes once a month has come twice


@dataclass(frozen=True)
class ScanResult:
    """What a scan found. `findings` are new, changed, open or just resolved, costliest first; `news` are to be told."""

    as_of: date
    currency: str
    findings: tuple[Finding, ...]
    notifications: tuple[Notification, ...]
    outcomes: tuple[Outcome, ...]
    coverage: Coverage
    suppressed: int
    seconds: float
    notes: tuple[str, ...] = ()  # what is not told, and why
    not_run: tuple[str, ...] = ()  # detections that were not asked, because the time was over

    @property
    def failures(self) -> list[Outcome]:
        """The detections that could not be run."""
        return [outcome for outcome in self.outcomes if outcome.error]

    @property
    def monthly_waste(self) -> Decimal:
        """What stopping all waste that is not resolved saves a month."""
        return _sum(one for one in self.findings if one.category == "waste" and one.status != "resolved")

    @property
    def unowned(self) -> tuple[Finding, ...]:
        """The findings without an owner that are not resolved. Their amounts mean different things: no sum is made."""
        return tuple(one for one in self.findings if one.owned_by == "fallback" and one.status != "resolved")

    @property
    def unowned_waste(self) -> Decimal:
        """The part of `monthly_waste` that has no owner."""
        return _sum(one for one in self.unowned if one.category == "waste")


def _sum(findings: Iterable[Finding]) -> Decimal:
    return sum((finding.monthly_cost for finding in findings), Decimal(0))


def scan(
    engine: Engine,
    *,
    as_of: date,
    currency: str,
    catalog: Catalog,
    detections: Sequence[Detection],
    owners: Owners,
    ledger: Ledger,
    progress: Callable[[str], None],
    result_cache: ResultCache | None = None,
    may_go_on: Callable[[], bool] = lambda: True,
    change_history: ChangeHistory | None = None,
    doubts: Sequence[str] = (),
    rate: Rate | None = None,
) -> ScanResult:
    """Ask `detections` over the tables of `engine` and record what follows. A detection that fails stops no other.

    `answers` spares those that were asked before over the same data. None is begun once `may_go_on` says no; those
    that are left count as not looked at. `trail` knows who changed what on the day of a rise. `doubts` say why nothing
    may be resolved, besides what the tables show.
    `rate` converts thresholds in USD; without one it is that of owners.toml, or of the shipped table.
    """
    started = time.monotonic()
    rate = rate or rate_of(currency, rates=owners.exchange_rates)
    evaluated_until = ledger.evaluated_until()

    def asked(detection: Detection) -> Outcome | None:
        if not may_go_on():
            return None
        progress(f"Asking {detection.id}")
        question = DetectionInput(
            as_of=as_of,
            first_new_day=first_new_day(as_of, evaluated_until=evaluated_until.get(detection.id)),
            required_tags=tuple(owners.routing.required_tags),
            per_usd=float(rate.per_usd),
        )
        known = result_cache.get(detection, question.values) if result_cache else None
        outcome = known or run_detection(detection, engine=engine, catalog=catalog, question=question)
        if result_cache:
            result_cache.put(outcome, question.values)
        return outcome

    with ThreadPoolExecutor(max_workers=engine.at_once) as pool:
        answered = list(pool.map(asked, detections))
    outcomes = [outcome for outcome in answered if outcome]
    if result_cache:
        result_cache.save()
    progress("Finding owners")
    covered = coverage(engine, as_of=as_of)
    reach = replace(covered, doubts=(*covered.doubts, *doubts))
    found = _owned_findings(
        outcomes, engine=engine, as_of=as_of, rate=rate, owners=owners, billed_until=reach.billed_until
    )
    run = DetectionRun(
        as_of=as_of,
        findings={finding.fingerprint: finding for finding in found},
        ran={outcome.detection.id for outcome in outcomes if not outcome.error},
        notified_once={detection.id for detection in detections if detection.header.told == "once"},
        notified_each_time={detection.id for detection in detections if detection.header.told == "each_time"},
        steps={one.id: one.header.pace.steps for one in detections if one.header.pace},
        not_evaluated={fingerprint(one.detection.id, row) for one in outcomes for row in one.not_evaluated},
        missing_accounts=reach.missing_accounts,
        resolves=not reach.doubts,
        per_usd=rate.per_usd,
    )
    run = attach_explanations(
        run, engine=engine, catalog=catalog, ledger=ledger, progress=progress, change_history=change_history
    )
    decision = ledger.update(
        lambda entries, silences: decide(entries, silences, run),
        evaluated=[EvaluatedUntil(id, as_of) for id in sorted(run.ran)],
    )
    unread = _verify_saved(engine, ledger=ledger, catalog=catalog, as_of=as_of)
    findings, silenced = _current(
        ledger, as_of=as_of, told={news.finding.fingerprint for news in decision.notifications}
    )
    return ScanResult(
        as_of=as_of,
        currency=currency,
        findings=findings,
        notifications=decision.notifications,
        outcomes=tuple(outcomes),
        coverage=reach,
        suppressed=silenced,
        notes=(
            *unread,
            *_notes(engine, catalog=catalog, owners=owners, as_of=as_of, rate=rate),
            *_short_history(engine, as_of=as_of, ran=run.ran),
            *([rate.note] if rate.note else []),
        ),
        seconds=time.monotonic() - started,
        not_run=tuple(one.id for one, outcome in zip(detections, answered, strict=True) if outcome is None),
    )


def with_pending_notifications(
    scanned: ScanResult, untold: Iterable[PendingNotification], *, ledger: Ledger
) -> ScanResult:
    """Return the scan with all that nobody was notified of yet, that of earlier scans too, once for each finding.

    What was new and was never shown is new still; what is silenced by now is left out.
    """
    kinds: dict[str, NotificationKind] = {}
    newest: dict[str, Finding] = {}
    for news in (one.notification for one in untold):
        key = news.finding.fingerprint
        first = kinds.get(key, news.kind)
        kinds[key] = news.kind if news.kind in ("new", "resolved") else first
        newest[key] = news.finding
    findings, silenced = _current(ledger, as_of=scanned.as_of, told=set(kinds))
    shown = {one.fingerprint: one for one in findings}
    told = [
        Notification(kind=kind, finding=_with_status(shown.get(key, newest[key]), kind))
        for key, kind in kinds.items()
        if key in shown or kind == "resolved"
    ]
    told.sort(key=lambda one: (-one.finding.monthly_cost, one.finding.fingerprint))
    by_key = {one.finding.fingerprint: one.finding for one in told}
    findings = tuple(by_key.get(one.fingerprint, one) for one in findings)
    return replace(scanned, notifications=tuple(told), findings=findings, suppressed=silenced)


def _with_status(finding: Finding, kind: NotificationKind) -> Finding:
    return finding.model_copy(update={"status": "open" if kind == "reminder" else kind})


def _verify_saved(engine: Engine, *, ledger: Ledger, catalog: Catalog, as_of: date) -> tuple[str, ...]:
    """Why savings could not be verified; the findings are recorded by now, and an error must not hide them."""
    try:
        record_verified_savings(engine, ledger=ledger, catalog=catalog, as_of=as_of)
    except QueryError as error:
        return (f"The savings of resolved findings could not be verified: {error}",)
    return ()


def _notes(engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date, rate: Rate) -> tuple[str, ...]:
    """What planned launches keep quiet; the findings are recorded by now, and an error must not lose them."""
    try:
        found = costs_muted_by_launches(
            engine, catalog=catalog, owners=owners, as_of=as_of, per_usd=float(rate.per_usd)
        )
    except QueryError as error:
        return (f"What planned launches keep quiet could not be asked: {error}",)
    return tuple(one.told(rate.currency) for one in found)


def _short_history(engine: Engine, *, as_of: date, ran: Collection[str]) -> tuple[str, ...]:
    """Return a note where the export is too young to tell what is new from what is rare."""
    asked = sorted(FIRST_SEEN.intersection(ran))
    (found,) = engine.query("SELECT min(charge_date) AS first_day FROM completeness", label="history")
    if (
        not asked
        or found["first_day"] is None
        or (days := (as_of - found["first_day"]).days) >= YOUNG_EXPORT_DAYS
    ):
        return ()
    return (
        f"The export has {days} days of history, from {found['first_day']} on: until it has {YOUNG_EXPORT_DAYS}, "
        f"what is rare and what is new look alike to {' and '.join(asked)}",
    )


def _owned_findings(
    outcomes: Iterable[Outcome],
    *,
    engine: Engine,
    as_of: date,
    rate: Rate,
    owners: Owners,
    billed_until: Mapping[str | None, date],
) -> list[Finding]:
    rows = [(outcome.detection, row) for outcome in outcomes for row in outcome.rows]
    accounts = _accounts(engine, {row["sub_account_id"] for _, row in rows if row["sub_account_id"]})
    names = {id: account["name"] for id, account in accounts.items() if account["name"]}
    findings = []
    for detection, row in rows:
        account = accounts.get(row["sub_account_id"], {})
        is_security = (
            detection.header.category == "security"
        )  # whoever tags must not choose who may suppress it
        team, owned_by = owners.owner(
            tags=None if is_security else row.get("tags"),
            account_id=row["sub_account_id"],
            account_tags=account.get("tags"),
            ou_path=account.get("ou_path"),
        )
        if row.get("team") in owners.teams:  # a plan's own row names whose it is
            team, owned_by = row["team"], "plan"
        finding = to_finding(
            row,
            detection=detection,
            as_of=as_of,
            currency=rate.currency,
            per_usd=rate.per_usd,
            account_names=names,
            billed_until=billed_until.get(row["sub_account_id"]),
        )
        findings.append(finding.model_copy(update={"team": team, "owned_by": owned_by}))
    return findings


def _accounts(engine: Engine, ids: set[str]) -> dict[str, Row]:
    return {row["sub_account_id"]: row for row in rows_of_accounts(engine, ids, label="accounts of findings")}


def _current(ledger: Ledger, *, as_of: date, told: set[str]) -> tuple[tuple[Finding, ...], int]:
    """What is open or was just resolved, and how many more are silenced; what was not told now is just open."""
    silences = [silence for silence in ledger.suppressions() if silence.is_active_on(as_of)]
    shown, silenced = [], 0
    for entry in ledger.entries().values():
        if entry.state == "closed" or (entry.state == "resolved" and entry.fingerprint not in told):
            continue
        if any(silence.covers(entry.finding) for silence in silences):
            silenced += 1
        elif entry.fingerprint in told:
            shown.append(entry.finding)
        else:
            shown.append(entry.finding.model_copy(update={"status": "open"}))
    return tuple(sorted(shown, key=lambda one: (-one.stake, one.detection, one.fingerprint))), silenced
