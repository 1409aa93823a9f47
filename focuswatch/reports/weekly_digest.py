"""Build the weekly digests of the organization and its teams, at most ten lines each.

A digest states spend, changes, findings and savings. Weekly amounts are EffectiveCost of usage on complete days (days
whose charges no longer change). Month-to-date amounts are BilledCost, as in the report month_forecast. This module runs
no queries: it turns rows of the report `team_weeks` and entries of the ledger into text.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from focuswatch.engines import Row
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.compute_finding_amounts_and_event_end import DAYS_A_MONTH
from focuswatch.findings.cost_increase_explanation_models import OperationalEvent
from focuswatch.findings.count_each_cost_once import without_double_counts
from focuswatch.findings.count_text import count_text
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import main_amount
from focuswatch.findings.match_operational_events_to_services_and_resources import is_about
from focuswatch.findings.replace_control_characters import visible
from focuswatch.findings.severity import SEVERITIES
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate, rate_of
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.query_and_describe_costs_muted_by_launches import MutedByLaunch, launches_summary
from focuswatch.reports.ended_launch_reviews import LaunchReview, reviews_summary

MOVERS = 3
LEAST_MOVEMENT_USD = 1  # smaller changes are not listed
WEEK_DAYS = 7
COMPARED_DAYS = 14  # this week and the week before
HALF = Decimal("0.5")
MOST_LINES = 10
UNALLOCATED_REPORT = "focuswatch report unowned_spend"
STEP_NUMBER = re.compile(r"\A\s*\d+\. ")


@dataclass(frozen=True)
class Mover:
    """A change in a service's weekly cost in an account. `cause` names the finding that explains it, or is empty."""

    account: str
    service: str
    movement: float
    cause: str


@dataclass(frozen=True)
class Week:
    """The weekly digest of a team, or of the organization if `team` is None. Amounts are in `currency`.

    `spent` and `before` are the usage cost of this week and of the week before. `month_to_date` is the billed cost of
    usage and fees through `settled_until`. `budget` is monthly.
    """

    team: str | None
    as_of: date
    currency: str
    spent: float
    before: float
    month_to_date: float
    budget: Decimal | None
    movers: tuple[Mover, ...]
    open: tuple[Finding, ...]  # highest stake first
    saved_monthly: Decimal  # savings of resolved findings, verified on the bill this week
    resolved: int
    unallocated: float | None = None  # cost in the week; None for a team
    launched: tuple[MutedByLaunch, ...] = ()
    settled_until: date | None = None
    reviews: tuple[LaunchReview, ...] = ()  # of launches that ended this week
    least_listed: float = LEAST_MOVEMENT_USD  # smaller changes and unallocated costs are not listed

    @property
    def heading(self) -> str:
        """Return the week's total with its basis, in one line."""
        spender = f"Team {self.team}" if self.team else "The organization"
        return (
            f"{spender} spent {self._money(self.spent)} on usage in the last 7 complete days "
            f"(excluding credits, tax and fees), {self._change()}"
        )

    @property
    def lines(self) -> list[str]:
        """Return the lines below the heading, at most nine."""
        lines = [
            *self._budget_line(),
            *self._mover_lines(),
            *self._open_lines(),
            *self._savings_line(),
            *self._unallocated_line(),
            *self._launch_line(),
            *self._review_line(),
        ]
        return lines[: MOST_LINES - 1]

    def as_text(self, *, state: Path | None = None) -> str:
        """Return the digest for a terminal. The command in it repeats the option `--state` if `state` is given."""
        text = visible("\n".join([self.heading, *(f"  {line}" for line in self.lines)]))
        if state is None:
            return text
        return text.replace(UNALLOCATED_REPORT, f"{UNALLOCATED_REPORT} --state {shlex.quote(str(state))}")

    def _change(self) -> str:
        if self.before <= 0:
            return "with no earlier week for comparison"
        share = (self.spent - self.before) / self.before
        return f"{abs(share):.0%} {'more' if share >= 0 else 'less'} than in the previous 7 days"

    def _budget_line(self) -> Iterable[str]:
        if self.budget:
            day, days = self._day_of_month()
            share = self.month_to_date / float(self.budget)
            yield (
                f"Month to date: {self._money(self.month_to_date)} billed, excluding credits and tax; {share:.0%} of "
                f"the {self._money(self.budget)} budget used; {day / days:.0%} of the month elapsed"
            )

    def _mover_lines(self) -> Iterable[str]:
        # One line is reserved for the review of a launch.
        for mover in self.movers[: MOVERS - 1] if self.reviews else self.movers:
            sign = "+" if mover.movement > 0 else "-"
            cause = f" ({mover.cause})" if mover.cause else ""
            yield f"{mover.service} in {mover.account}: {sign}{self._money(abs(mover.movement))}{cause}"

    def _open_lines(self) -> Iterable[str]:
        if not self.open:
            yield "No open findings"
            return
        waste = sum(
            (
                finding.monthly_cost
                for finding in without_double_counts(self.open)
                if finding.category == "waste"
            ),
            Decimal(0),
        )
        oldest = min(finding.first_seen for finding in self.open)
        yield (
            f"{count_text(len(self.open), 'open finding')}: {self._money(waste)}/month of waste; "
            f"the oldest finding is {count_text((self.as_of - oldest).days, 'day')} old"
        )
        first = max(self.open, key=lambda finding: (SEVERITIES.index(finding.severity), finding.stake))
        place = account_label(first.sub_account_name, first.sub_account_id) or "the organization"
        yield (
            f"Highest severity: {first.title}, {main_amount(first)}, {place}. First step: {_first_step(first)}"
        )

    def _savings_line(self) -> Iterable[str]:
        if self.resolved or self.saved_monthly:
            yield (
                f"{count_text(self.resolved, 'finding')} resolved this week; "
                f"savings verified on the bill this week: {self._money(self.saved_monthly)}/month"
            )

    def _unallocated_line(self) -> Iterable[str]:
        cost = self.unallocated
        if cost is not None and cost >= self.least_listed and self.spent > 0:
            share = f"{cost / self.spent:.0%} of the week's spend"
            yield f"Unallocated: {self._money(cost)}, {share}. Details: {UNALLOCATED_REPORT}"

    def _launch_line(self) -> Iterable[str]:
        line = launches_summary(self.launched, currency=self.currency)
        return [line] if line else []

    def _review_line(self) -> Iterable[str]:
        line = reviews_summary(self.reviews, currency=self.currency)
        return [line] if line else []

    def _day_of_month(self) -> tuple[int, int]:
        """Return the last complete day of the month as a day number, and the number of days in the month.

        The month is that of the day before `as_of`. The first number is 0 if none of its days is complete.
        """
        last = self.as_of - timedelta(days=1)
        following = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
        settled = min(self.settled_until or last, last)
        return (settled.day if settled >= last.replace(day=1) else 0), (following - timedelta(days=1)).day

    def _money(self, value: float | Decimal) -> str:
        return f"{amount(value)} {self.currency}"


def weeks(
    rows: Sequence[Row],
    entries: Iterable[LedgerEntry],
    *,
    owners: Owners,
    as_of: date,
    currency: str,
    launches: Sequence[MutedByLaunch] = (),
    reviews: Sequence[LaunchReview] = (),
    events: Mapping[str, Sequence[OperationalEvent]] | None = None,
    rate: Rate | None = None,
) -> list[Week]:
    """Return the digest of the organization, then of each team in owners.toml that has spend or an open finding.

    `rate` converts thresholds in USD to `currency`; if None, it is the rate in owners.toml or the built-in table.
    """
    rate = rate or rate_of(currency, rates=owners.exchange_rates)
    builder = _WeekBuilder(
        list(entries),
        owners=owners,
        as_of=as_of,
        currency=currency,
        events=events or {},
        least_listed=least_listed(rate),
    )
    by_team: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        by_team[row["team"]].append(row)
    organization = builder.week(None, rows)
    teams = [builder.week(team, by_team[team]) for team in owners.teams]
    listed = [organization, *(week for week in teams if week.spent > 0 or week.before > 0 or week.open)]
    settled_until = next((row.get("settled_until") for row in rows), None)
    return [
        replace(
            week,
            launched=tuple(launch for launch in launches if week.team in (None, launch.team)),
            settled_until=settled_until,
            reviews=tuple(review for review in reviews if week.team in (None, review.team)),
        )
        for week in listed
    ]


def least_listed(rate: Rate) -> float:
    """Return the smallest change in weekly cost that a digest lists, in the currency of `rate`."""
    return LEAST_MOVEMENT_USD * float(rate.per_usd)


def _first_step(finding: Finding) -> str:
    return STEP_NUMBER.sub("", finding.action.strip().partition("\n")[0])


@dataclass(frozen=True)
class _WeekBuilder:
    """Builds the digest of one team from the data that all teams share."""

    entries: Sequence[LedgerEntry]
    _: KW_ONLY
    owners: Owners
    as_of: date
    currency: str
    events: Mapping[str, Sequence[OperationalEvent]]  # events of the week by account, newest first
    least_listed: float

    def week(self, team: str | None, rows: Sequence[Row]) -> Week:
        """Return the digest of a team, or of the organization if `team` is None."""
        entries = [entry for entry in self.entries if team is None or entry.finding.team == team]
        open_findings = [entry.finding for entry in entries if entry.state == "open"]
        resolved = [
            entry for entry in entries if entry.state == "resolved" and self._is_this_week(entry.resolved_on)
        ]
        verified = [entry for entry in entries if self._is_this_week(entry.saving_verified_on)]
        counted = {
            finding.fingerprint for finding in without_double_counts(entry.finding for entry in verified)
        }
        saved_daily = sum(
            (entry.saved_daily or Decimal(0) for entry in verified if entry.fingerprint in counted),
            Decimal(0),
        )
        return Week(
            team=team,
            as_of=self.as_of,
            currency=self.currency,
            spent=_sum(rows, "effective_cost"),
            before=_sum(rows, "effective_cost_before"),
            month_to_date=_sum(rows if team else self._of_budgeted(rows), "month_to_date"),
            budget=self._budget(team),
            movers=tuple(self._movers(rows, team=team, resolved=[entry.finding for entry in resolved])),
            open=tuple(sorted(open_findings, key=lambda finding: -finding.stake)),
            saved_monthly=saved_daily * DAYS_A_MONTH,
            resolved=len(resolved),
            unallocated=None
            if team
            else _sum((row for row in rows if row["team"] is None), "effective_cost"),
            least_listed=self.least_listed,
        )

    def _is_this_week(self, day: date | None) -> bool:
        return day is not None and day > self.as_of - timedelta(days=WEEK_DAYS)

    def _budget(self, team: str | None) -> Decimal | None:
        """Return a team's monthly budget, or the sum of all team budgets; None if there is none."""
        if team:
            return self.owners.teams[team].monthly_budget
        budgets = (team.monthly_budget for team in self.owners.teams.values() if team.monthly_budget)
        return sum(budgets, Decimal(0)) or None

    def _of_budgeted(self, rows: Iterable[Row]) -> Iterable[Row]:
        """Return the rows of teams with a budget: only their spend is compared with the sum of the budgets."""
        budgeted = {name for name, team in self.owners.teams.items() if team.monthly_budget}
        return (row for row in rows if row["team"] in budgeted)

    def _explaining(self) -> list[Finding]:
        """Return the findings of any team that can explain a cost increase: open, or seen in the two compared weeks.

        A spike that is over, and a first charge, which is notified only once, still explain the week in which they
        occurred. Anomalies come first, then the highest stake.
        """
        since = self.as_of - timedelta(days=COMPARED_DAYS)
        findings = [
            entry.finding
            for entry in self.entries
            if entry.state == "open" or entry.finding.last_seen > since
        ]
        return sorted(findings, key=lambda finding: (finding.category != "anomaly", -finding.stake))

    def _movers(
        self, rows: Iterable[Row], *, team: str | None, resolved: Sequence[Finding]
    ) -> Iterator[Mover]:
        explaining = self._explaining()
        moved = [row for row in rows if abs(row["movement"]) >= self.least_listed]
        for row in sorted(moved, key=lambda row: -abs(row["movement"]))[:MOVERS]:
            is_increase = row["movement"] > 0
            finding = next(_matching(row, explaining if is_increase else resolved), None)
            yield Mover(
                account=account_label(row["sub_account_name"], row["sub_account_id"]) or "no account",
                service=row["service_name"] or "no service",
                movement=float(row["movement"]),
                cause=_cause(finding, team=team, is_increase=is_increase)
                + (_events_note(row, self.events) if is_increase else ""),
            )


def _cause(finding: Finding | None, *, team: str | None, is_increase: bool) -> str:
    if finding is None:
        return "not explained by a finding" if is_increase else ""
    owner = f", owned by {finding.team}" if team and finding.team not in (None, team) else ""
    return f"{'' if is_increase else 'resolved: '}{finding.title}{owner}"


def _events_note(row: Row, events: Mapping[str, Sequence[OperationalEvent]]) -> str:
    """Return `; in the same week: deployment 2026-06-04 14:20 UTC` for the newest event of the account's service."""
    matching = [
        event
        for event in events.get(row["sub_account_id"] or "", ())
        if is_about(event, services=[row["service_name"]])
    ]
    if not matching:
        return ""
    more = f" and {len(matching) - 1} more" if len(matching) > 1 else ""
    return f"; in the same week: {matching[0].kind} {matching[0].at:%Y-%m-%d %H:%M} UTC{more}"


def _matching(row: Row, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield findings of the same account and service, then account-wide findings with at least half of the change."""
    account = [finding for finding in findings if finding.sub_account_id == row["sub_account_id"]]
    yield from (finding for finding in account if finding.service_name == row["service_name"])
    least = HALF * Decimal(str(abs(row["movement"])))
    yield from (
        finding for finding in account if finding.service_name is None and _weekly_cost(finding) >= least
    )


def _weekly_cost(finding: Finding) -> Decimal:
    """Return the cost of a finding in a week; for an event, at most the cost so far."""
    if not finding.is_event:
        return finding.monthly_cost * WEEK_DAYS / DAYS_A_MONTH
    if finding.monthly_cost_if_continues:
        return min(finding.monthly_cost, finding.monthly_cost_if_continues * WEEK_DAYS / DAYS_A_MONTH)
    first, last = finding.started_on or finding.first_seen, finding.ended_on or finding.last_seen
    return finding.monthly_cost * WEEK_DAYS / max((last - first).days + 1, WEEK_DAYS)


def _sum(rows: Iterable[Row], column: str) -> float:
    return float(sum(row[column] or 0 for row in rows))
