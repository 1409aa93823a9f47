"""Find the causes of the difference between a month's cost and its forecast: launches, incidents and price changes.

A launch accounts for the charges of its use case, an incident for the charges of its account and service. To count each
dollar once, incidents are left out in the accounts and services of a launch, and price changes are left out in those of
a launch or an incident.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from focuswatch.bill.bill_protocol import Bill
from focuswatch.catalog.sql_catalog import PER_USD, Catalog
from focuswatch.engines.values_as_sql_literals import Scalar
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.count_each_cost_once import without_double_counts
from focuswatch.findings.finding import Finding
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.team_and_use_case_of_charge import (
    AccountPeriod,
    AccountPeriods,
    account_periods,
    account_tags_on,
    assigned,
)
from focuswatch.reports.use_case_and_intent_of_finding import purpose_of_finding

CauseKind = Literal["launch", "incident", "price"]
Place = tuple[str | None, str | None]  # account and service
LEAST_COST = 0.01


@dataclass(frozen=True)
class MonthCause:
    """An amount that a launch, incident or price change added to a month's cost; negative if it reduced the cost."""

    kind: CauseKind
    name: str
    amount: float
    team: str | None
    use_case: str | None


def month_causes(
    bill: Bill, entries: Iterable[LedgerEntry], *, month: date, end: date, catalog: Catalog, owners: Owners
) -> list[MonthCause]:
    """Return the causes of a month's difference from its forecast, largest first. Raises QueryError."""
    periods = account_periods(bill.engine)
    launches, launched = _launches(bill, month=month, end=end, catalog=catalog, owners=owners)
    incidents, disturbed = _incidents(
        bill,
        entries,
        month=month,
        end=end,
        without=launched,
        catalog=catalog,
        owners=owners,
        periods=periods,
    )
    prices = _prices(
        bill,
        month=month,
        end=end,
        without=launched | disturbed,
        whole_accounts={account for account, service in disturbed if service is None},
        catalog=catalog,
        owners=owners,
        periods=periods,
    )
    return sorted([*launches, *incidents, *prices], key=lambda cause: (-abs(cause.amount), cause.name))


def _launches(
    bill: Bill, *, month: date, end: date, catalog: Catalog, owners: Owners
) -> tuple[list[MonthCause], set[Place]]:
    """Return the launches that started in the month, and the accounts and services of their charges."""
    planned = (launch for use_case in owners.use_cases.values() for launch in use_case.launches)
    if not any(month <= launch.first_day < end for launch in planned):
        return [], set()
    statement = catalog.lookups["launch_costs_of_month"].render({"first_day": month, "end_day": end})
    costs: dict[str, float] = {}
    places = set[Place]()
    for row in bill.engine.query(statement, label="launches of the month"):
        costs[row["use_case"]] = costs.get(row["use_case"], 0.0) + row["launch_cost"]
        places.add((row["sub_account_id"], row["service_name"]))
    causes = [
        MonthCause("launch", f"Launch {name}", cost, owners.use_cases[name].team, name)
        for name, cost in costs.items()
    ]
    return causes, places


def _incidents(
    bill: Bill,
    entries: Iterable[LedgerEntry],
    *,
    month: date,
    end: date,
    without: set[Place],
    catalog: Catalog,
    owners: Owners,
    periods: AccountPeriods,
) -> tuple[list[MonthCause], set[Place]]:
    """Return the incidents that started in the month, and the accounts and services of their charges."""
    started = _started(entries, month=month, end=end, without=without)
    costs = _costs_above_before(bill, list(started.values()), month=month, end=end, catalog=catalog)
    causes: list[MonthCause] = []
    counted: list[Finding] = []
    for fingerprint, cost in sorted(costs.items(), key=lambda item: (-item[1], item[0])):
        entry = started[fingerprint]
        if cost < LEAST_COST or any(_overlap(entry.finding, other) for other in counted):
            continue
        counted.append(entry.finding)
        tags = account_tags_on(_first_day(entry.finding), periods=periods)
        use_case, _ = purpose_of_finding(entry, owners=owners, account_tags=tags)
        causes.append(MonthCause("incident", _name(entry.finding), cost, entry.finding.team, use_case))
    return causes, {(finding.sub_account_id, finding.service_name) for finding in counted}


def _started(
    entries: Iterable[LedgerEntry], *, month: date, end: date, without: set[Place]
) -> dict[str, LedgerEntry]:
    """Return the ledger entries of events that started in the month, one per incident, by fingerprint."""
    events = {
        entry.fingerprint: entry
        for entry in entries
        if entry.finding.is_event
        and entry.finding.incident_lead is not False
        and month <= _first_day(entry.finding) < end
        and not _covers(entry.finding, without)
    }
    once = without_double_counts(entry.finding for entry in events.values())
    return {finding.fingerprint: events[finding.fingerprint] for finding in once}


def _costs_above_before(
    bill: Bill, entries: Sequence[LedgerEntry], *, month: date, end: date, catalog: Catalog
) -> dict[str, float]:
    """Return the cost of each finding's charges above their average before it started, by fingerprint."""
    if not entries:
        return {}
    days = {entry.fingerprint: _days_of(entry, end=end) for entry in entries}
    rows: list[tuple[Scalar, ...]] = [
        (
            entry.fingerprint,
            entry.finding.sub_account_id,
            entry.finding.region_id,
            entry.finding.service_name,
            entry.finding.resource_id,
            *days[entry.fingerprint],
        )
        for entry in entries
    ]
    statement = catalog.lookups["finding_costs_of_month"].render({"findings": rows, "first_day": month})
    costs = {}
    for row in bill.engine.query(statement, label="findings of the month"):
        first, last = days[row["fingerprint"]]
        costs[row["fingerprint"]] = row["cost"] - (row["daily_cost_before"] or 0.0) * (last - first).days
    return costs


def _days_of(entry: LedgerEntry, *, end: date) -> tuple[date, date]:
    """Return the first day of a finding and the day after its last day in the month."""
    finding = entry.finding
    first = _first_day(finding)
    until = finding.ended_on + timedelta(days=1) if finding.ended_on else entry.resolved_on or end
    return first, max(min(until, end), first + timedelta(days=1))


def _first_day(finding: Finding) -> date:
    return finding.started_on or finding.first_seen


def _covers(finding: Finding, places: Iterable[Place]) -> bool:
    """Return whether a finding can share charges with one of `places`; without a service, it is about all of them."""
    return any(
        finding.sub_account_id == account and finding.service_name in (None, service)
        for account, service in places
    )


def _overlap(one: Finding, other: Finding) -> bool:
    """Return whether two findings can share charges; None stands for all regions, services or resources."""
    return one.sub_account_id == other.sub_account_id and all(
        None in (mine, theirs) or mine == theirs
        for mine, theirs in (
            (one.region_id, other.region_id),
            (one.service_name, other.service_name),
            (one.resource_id, other.resource_id),
        )
    )


def _name(finding: Finding) -> str:
    account = account_label(finding.sub_account_name, finding.sub_account_id) or "the organization"
    title = finding.title if finding.service_name is None else f"{finding.title}, {finding.service_name}"
    return f"{title} in {account}"


def _prices(
    bill: Bill,
    *,
    month: date,
    end: date,
    without: set[Place],
    whole_accounts: set[str | None],
    catalog: Catalog,
    owners: Owners,
    periods: AccountPeriods,
) -> list[MonthCause]:
    """Return the effect of price changes by service, team and use case.

    Leave out the accounts and services in `without`, and all services of `whole_accounts`.
    """
    statement = catalog.lookups["price_change_costs_of_month"].render(
        {
            "first_day": month,
            "end_day": end,
            "earlier_day": (month - timedelta(days=1)).replace(day=1),
            "names_resources": owners.names_resources,
            PER_USD: float(bill.summary.rate(owners).per_usd),
        }
    )
    effects: dict[tuple[str, str | None, str | None], float] = {}
    for row in bill.engine.query(statement, label="prices of the month"):
        account, service = row["sub_account_id"], row["service_name"]
        if (account, service) in without or account in whole_accounts:
            continue
        team, use_case, _ = assigned(
            owners,
            periods=periods,
            period=AccountPeriod(account, row["account_from"]),
            tags=row["tags"],
            resource_id=row["resource_id"],
        )
        key = (service or "no service", team, use_case)
        effects[key] = effects.get(key, 0.0) + row["price_cost"]
    return [
        MonthCause("price", f"Price change for {service}", cost, team, use_case)
        for (service, team, use_case), cost in effects.items()
        if abs(cost) >= LEAST_COST
    ]
