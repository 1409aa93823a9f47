"""Query everything that the page shows from the tables and the ledger."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeVar

from focuswatch.bill.query_names_ous_and_tags_of_billed_accounts import account_names
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage, coverage
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import (
    DetectionSummary,
    summarize_detections,
)
from focuswatch.detect.detection_result_cache import ResultCache
from focuswatch.detect.explain.add_operational_events import events_of_accounts
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Scalar, Value
from focuswatch.errors import QueryError
from focuswatch.findings.cost_increase_explanation_models import OperationalEvent
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate, rate_of
from focuswatch.ledger import Ledger, LedgerEntry, Suppression
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.query_and_describe_costs_muted_by_launches import (
    MutedByLaunch,
    costs_muted_by_launches,
)
from focuswatch.reports.page.listed_and_charted_findings import charted_finding_keys, shown_incidents
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.use_case_and_intent_of_finding import Purpose, purpose_of_finding, tags_of_accounts

# Reports on the page. If the catalog lacks one, the page omits its section.
REPORTS = (
    "month_forecast",
    "spend_by_team",
    "spend_by_service",
    "spend_by_account",
    "ai_spend_by_layer",
    "ai_by_team",
    "model_mix",
    "weekly_deltas",
    "portfolio",
    "unowned_spend",
    "savings",
    "spend_rate",
)
BILLED_DAYS = """
SELECT
    min(completeness.charge_date) AS first_day,
    max(completeness.charge_date) AS last_day,
    max(CASE WHEN completeness.is_settled THEN completeness.charge_date END) AS last_settled_day,
    max(periods.first_day_before) AS first_day_before,
    max(periods.first_day) AS first_period_day,
    max(periods.end_day) AS period_end_day,
    count(DISTINCT completeness.sub_account_id) AS sub_accounts
FROM complete_30_days AS periods
LEFT JOIN completeness ON true
"""

Part = dict[str, Any]  # an object of the page's JSON document
Result = TypeVar("Result")
Default = TypeVar("Default")


@dataclass(frozen=True)
class PageData:
    """Everything that the page shows.

    A report or other query that failed has no rows, and its error is in `failures`.
    """

    as_of: date
    currency: str
    catalog: Catalog
    entries: tuple[LedgerEntry, ...]
    suppressions: tuple[Suppression, ...]
    detections: tuple[DetectionSummary, ...]  # counts of the last run of each detection
    evaluated_until: Mapping[str, date]
    coverage: Coverage
    billed_days: Row
    account_names: Mapping[str, str]
    spend_days: list[Row] = field(default_factory=list)
    layer_days: list[Row] = field(default_factory=list)
    gpu_days: list[Row] = field(default_factory=list)
    finding_days: list[Row] = field(default_factory=list)
    events: Mapping[str, Sequence[OperationalEvent]] = field(default_factory=dict)  # by account, newest first
    reports: Mapping[str, list[Row]] = field(default_factory=dict)
    purposes: Mapping[str, Purpose] = field(default_factory=dict)  # by fingerprint of the finding
    launched: tuple[MutedByLaunch, ...] = ()
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    other_providers: str | None = None  # note on charges of providers other than AWS


@dataclass
class _Queries:
    """Runs queries on one engine. A query that fails returns its default, and its error is added to `failures`."""

    engine: Engine
    as_of: date
    catalog: Catalog
    failures: list[str] = field(default_factory=list)

    def run(self, query: Callable[[], Result], *, default: Default) -> Result | Default:
        try:
            return query()
        except QueryError as error:
            self.failures.append(str(error))
            return default

    def lookup(self, name: str, **values: Value) -> list[Row]:
        statement = self.catalog.lookups[name].render({"as_of": self.as_of, **values})
        return self.run(lambda: self.engine.query(statement, label=name), default=[])


def gather(
    engine: Engine,
    *,
    as_of: date,
    currency: str,
    catalog: Catalog,
    owners: Owners,
    ledger: Ledger,
    result_cache: ResultCache | None = None,
    detections: Sequence[DetectionSummary] | None = None,
    warnings: Sequence[str] = (),
    detected_on: Engine | None = None,
    other_providers: str | None = None,
    rate: Rate | None = None,
) -> PageData:
    """Return the data of the page as of a day. A query that fails omits only its own section and adds a message.

    The queries for coverage and billed days are required, because the page states how complete the bill is: their
    QueryError is raised. `detections` are the summaries of each detection's last run. If None, the detections run now,
    those of AWS resources on `detected_on`, unless `result_cache` has their results for the same data. The table
    known_findings of `engine` holds the findings of `ledger`. `rate` is the exchange rate that the scan used to convert
    thresholds.
    """
    per_usd = float((rate or rate_of(currency, rates=owners.exchange_rates)).per_usd)
    queries = _Queries(engine, as_of, catalog)
    entries, suppressions = tuple(ledger.entries().values()), tuple(ledger.suppressions())
    evaluated_until = ledger.evaluated_until()
    gpu_days = queries.lookup("gpu_utilization_days")
    covered = coverage(engine, as_of=as_of)
    series = charted_finding_keys(shown_incidents(entries, suppressions, as_of=as_of))
    if detections is None:
        detections = summarize_detections(
            engine,
            aws_engine=detected_on,
            as_of=as_of,
            catalog=catalog,
            owners=owners,
            result_cache=result_cache,
            evaluated_until=evaluated_until,
            per_usd=per_usd,
        )
    return PageData(
        as_of=as_of,
        currency=currency,
        catalog=catalog,
        entries=entries,
        suppressions=suppressions,
        detections=tuple(detections),
        evaluated_until=evaluated_until,
        coverage=covered,
        billed_days=next(iter(engine.query(BILLED_DAYS, label="days of the bill")), {}),
        account_names=_account_names(
            queries, {*(row["sub_account_id"] for row in gpu_days), *covered.missing_accounts}
        ),
        spend_days=queries.lookup("bill_daily_spend"),
        layer_days=queries.lookup("layer_days"),
        gpu_days=gpu_days,
        finding_days=queries.lookup("finding_days", findings=series) if series else [],
        events=_events(queries, (account for _, account, *_ in series)),
        reports=_reports(queries, owners=owners),
        purposes=_purposes(queries, entries, owners=owners),
        launched=_launched(queries, owners=owners, per_usd=per_usd),
        failures=tuple(queries.failures),
        warnings=tuple(warnings),
        other_providers=other_providers,
    )


def _account_names(queries: _Queries, ids: Set[str | None]) -> Mapping[str, str]:
    """Return the names of accounts by ID; none if the query fails."""
    return queries.run(lambda: account_names(queries.engine, ids), default={})


def _events(queries: _Queries, accounts: Iterable[Scalar]) -> Mapping[str, Sequence[OperationalEvent]]:
    """Return the operational events of accounts on the days of the charts; none if the query fails."""
    days = queries.catalog.lookups["finding_days"].header.parameters["days"]
    assert isinstance(days, int)

    def events() -> dict[str, list[OperationalEvent]]:
        return events_of_accounts(
            (account for account in accounts if isinstance(account, str)),
            first_day=queries.as_of - timedelta(days=days),
            end_day=queries.as_of,
            engine=queries.engine,
            catalog=queries.catalog,
        )

    return queries.run(events, default={})


def _launched(queries: _Queries, *, owners: Owners, per_usd: float) -> tuple[MutedByLaunch, ...]:
    """Return the costs that planned launches mute; none if the query fails."""

    def costs() -> tuple[MutedByLaunch, ...]:
        return costs_muted_by_launches(
            queries.engine, catalog=queries.catalog, owners=owners, as_of=queries.as_of, per_usd=per_usd
        )

    return queries.run(costs, default=())


def _reports(queries: _Queries, *, owners: Owners) -> dict[str, list[Row]]:
    catalog, engine, as_of = queries.catalog, queries.engine, queries.as_of

    def rows(name: str) -> list[Row]:
        return report_rows(catalog.report(name), engine=engine, as_of=as_of, owners=owners)

    return {name: queries.run(partial(rows, name), default=[]) for name in REPORTS if name in catalog.reports}


def _purposes(queries: _Queries, entries: Sequence[LedgerEntry], *, owners: Owners) -> dict[str, Purpose]:
    """Return the use case and intent of each finding, by fingerprint."""
    tags = queries.run(lambda: tags_of_accounts(queries.engine), default=None)
    if tags is None:
        return {}
    return {
        entry.fingerprint: purpose_of_finding(entry, owners=owners, account_tags=tags) for entry in entries
    }
