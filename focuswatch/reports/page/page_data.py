"""What the page shows, asked of the tables and of the ledger; nothing is decided or written here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from focuswatch.bill.account_details import account_names
from focuswatch.catalog.catalog import Catalog, Detection
from focuswatch.detect.coverage import Coverage, coverage
from focuswatch.detect.result_cache import ResultCache
from focuswatch.detect.run_detection import DetectionInput, Outcome, first_new_day, run_detection
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_literals import Scalar, Value
from focuswatch.errors import QueryError
from focuswatch.findings.exchange_rates import Rate, rate_of
from focuswatch.ledger import Ledger, LedgerEntry, Suppression
from focuswatch.owners.launches import MutedByLaunch, costs_muted_by_launches
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.findings_table import Purpose, purpose_of, tags_of_accounts
from focuswatch.reports.run_report import rows_of

MOST_SERIES = 12  # anomalies drawn; the others are among the findings
# A report that the catalog does not have (yet) is a section that the page does not have.
REPORTS = ("ai_spend_by_layer", "weekly_deltas", "unowned_spend", "month_forecast", "portfolio", "savings")
BILLED_DAYS = """
SELECT
    min(charge_date) AS first_day,
    max(charge_date) AS last_day,
    max(CASE WHEN is_settled THEN charge_date END) AS last_settled_day,
    count(DISTINCT sub_account_id) AS sub_accounts
FROM completeness
"""


@dataclass(frozen=True)
class Gathered:
    """Everything the page is made of; `reports` holds those that ran, `failures` says what did not."""

    as_of: date
    currency: str
    catalog: Catalog
    entries: tuple[LedgerEntry, ...]
    silences: tuple[Suppression, ...]
    outcomes: tuple[Outcome, ...]
    evaluated_until: Mapping[str, date]
    coverage: Coverage
    billed_days: Row
    account_names: Mapping[str, str]
    layer_days: list[Row] = field(default_factory=list)
    gpu_days: list[Row] = field(default_factory=list)
    finding_days: list[Row] = field(default_factory=list)
    reports: Mapping[str, list[Row]] = field(default_factory=dict)
    purposes: Mapping[str, Purpose] = field(default_factory=dict)  # of findings, by fingerprint
    launched: tuple[MutedByLaunch, ...] = ()
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    other_providers: str | None = None  # what to know of charges that are not AWS's


def gather(
    engine: Engine,
    *,
    as_of: date,
    currency: str,
    catalog: Catalog,
    owners: Owners,
    ledger: Ledger,
    answers: ResultCache | None = None,
    outcomes: Sequence[Outcome] | None = None,
    warnings: Sequence[str] = (),
    judged: Engine | None = None,
    other_providers: str | None = None,
    rate: Rate | None = None,
) -> Gathered:
    """What the page shows as of a day. What a statement gets wrong costs its own section alone, and is told.

    `answers` spares the detections that the last scan asked over the same data; with `outcomes`, which are what came
    of each detection when it was asked last, none is asked.
    They are asked on `judged`, where that is another engine. The table known_findings holds what `ledger` knows.
    `rate` is the one that the scan converted thresholds with.
    """
    per_usd = float((rate or rate_of(currency, rates=owners.exchange_rates)).per_usd)
    failures: list[str] = []

    def rows(query: Callable[[], list[Row]]) -> list[Row]:
        try:
            return query()
        except QueryError as error:
            failures.append(str(error))
            return []

    def lookup(name: str, **values: Value) -> list[Row]:
        statement = catalog.lookups[name].render({"as_of": as_of, **values})
        return rows(lambda: engine.query(statement, label=name))

    entries, silences = tuple(ledger.entries().values()), tuple(ledger.suppressions())
    evaluated_until = ledger.evaluated_until()
    gpu_days = lookup("gpu_busy_days")
    drawn = series_of(entries, silences, as_of=as_of)
    quiet: tuple[MutedByLaunch, ...] = ()
    purposes: dict[str, Purpose] = {}
    try:
        tags = tags_of_accounts(engine)
        purposes = {one.fingerprint: purpose_of(one, owners=owners, account_tags=tags) for one in entries}
        quiet = costs_muted_by_launches(engine, catalog=catalog, owners=owners, as_of=as_of, per_usd=per_usd)
    except QueryError as error:
        failures.append(str(error))
    return Gathered(
        as_of=as_of,
        currency=currency,
        catalog=catalog,
        entries=entries,
        silences=silences,
        outcomes=_outcomes(
            judged or engine,
            as_of=as_of,
            catalog=catalog,
            owners=owners,
            answers=answers,
            evaluated_until=evaluated_until,
            per_usd=per_usd,
        )
        if outcomes is None
        else tuple(outcomes),
        evaluated_until=evaluated_until,
        coverage=coverage(engine, as_of=as_of),
        billed_days=next(iter(engine.query(BILLED_DAYS, label="days of the bill")), {}),
        account_names=account_names(engine, (row["sub_account_id"] for row in gpu_days)),
        layer_days=lookup("layer_days"),
        gpu_days=gpu_days,
        finding_days=lookup("finding_days", findings=drawn) if drawn else [],
        reports={
            name: rows(
                lambda name=name: rows_of(catalog.report(name), engine=engine, as_of=as_of, owners=owners)  # type: ignore[misc]
            )
            for name in REPORTS
            if name in catalog.reports
        },
        purposes=purposes,
        launched=quiet,
        failures=tuple(failures),
        warnings=tuple(warnings),
        other_providers=other_providers,
    )


def is_shown(entry: LedgerEntry, silences: Sequence[Suppression], *, as_of: date) -> bool:
    """Whether it is open, and nobody asked for silence about it."""
    return entry.state == "open" and not any(
        silence.is_active_on(as_of) and silence.covers(entry.finding) for silence in silences
    )


def series_of(
    entries: Sequence[LedgerEntry], silences: Sequence[Suppression], *, as_of: date
) -> list[tuple[Scalar, ...]]:
    """Who the costliest open anomalies are, as `finding_days` asks for them."""
    anomalies = [
        entry.finding
        for entry in entries
        if entry.finding.category == "anomaly" and is_shown(entry, silences, as_of=as_of)
    ]
    costliest = sorted(anomalies, key=lambda one: (-one.stake, one.fingerprint))[:MOST_SERIES]
    return [
        (one.fingerprint, one.sub_account_id, one.region_id, one.service_name, one.resource_id)
        for one in costliest
    ]


def _outcomes(
    engine: Engine,
    *,
    as_of: date,
    catalog: Catalog,
    owners: Owners,
    answers: ResultCache | None,
    evaluated_until: Mapping[str, date],
    per_usd: float,
) -> tuple[Outcome, ...]:
    """Each detection's answer, for what it could not judge; asked anew only where the last scan did not."""

    def answered(detection: Detection) -> Outcome:
        question = DetectionInput(
            as_of=as_of,
            first_new_day=first_new_day(as_of, evaluated_until=evaluated_until.get(detection.id)),
            required_tags=tuple(owners.routing.required_tags),
            per_usd=per_usd,
        )
        known = answers.get(detection, question.values) if answers else None
        return known or run_detection(detection, engine=engine, catalog=catalog, inputs=question)

    return tuple(answered(detection) for detection in catalog.live)
