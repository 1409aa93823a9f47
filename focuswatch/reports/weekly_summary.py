"""The week of a team, and of all of them, in ten lines at most: spent, what moved and why, what is open, what is saved.

A week is EffectiveCost of usage on settled days; a month to date is what the report month_forecast calls spent.

Pure: rows of the report `team_weeks` and entries of the ledger in, words out.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from focuswatch.engines import Row
from focuswatch.findings.amount_text import main_amount
from focuswatch.findings.exchange_rates import Rates, usd
from focuswatch.findings.finding import DAYS_A_MONTH, SEVERITIES, Finding, account_label, amount
from focuswatch.findings.visible_text import visible
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.launches import MutedByLaunch, launches_summary
from focuswatch.owners.owners_file import Owners

MOVERS = 3
LEAST_MOVEMENT_USD = 1  # less is not worth a line
LATELY_DAYS = 7
COMPARED_DAYS = 14  # the week and the one before it, with which a movement is measured
HALF = Decimal("0.5")
MOST_LINES = 10
UNOWNED = "focuswatch report unowned_spend"
NUMBER = re.compile(r"\A\s*\d+\. ")  # of a step


@dataclass(frozen=True)
class Mover:
    """What a service of an account cost more or less in a week, and what explains it; empty where nothing has to."""

    account: str
    service: str
    movement: float
    cause: str


@dataclass(frozen=True)
class Week:
    """A team's week, or that of everybody (`team` None). Money in `currency`; `budget` is a month's.

    `spent` and `before` are usage; `month_to_date` is usage and fees as billed up to `settled_until`, both included.
    """

    team: str | None
    as_of: date
    currency: str
    spent: float
    before: float
    month_to_date: float
    budget: Decimal | None
    movers: tuple[Mover, ...]
    open: tuple[Finding, ...]  # costliest first
    saved_monthly: Decimal  # really gone, of what was resolved lately
    resolved: int
    unowned: float | None = None  # of the week, where it is everybody's
    launched: tuple[MutedByLaunch, ...] = ()
    settled_until: date | None = None

    @property
    def heading(self) -> str:
        """The week's total with its basis, in one line."""
        return (
            f"{self.team or 'All teams'}: usage came to {self._money(self.spent)} in seven settled days "
            f"(without credits, tax and fees){self._against()}"
        )

    @property
    def lines(self) -> list[str]:
        """The rest, at most nine lines."""
        told = [
            *self._plan(),
            *self._moved(),
            *self._opened(),
            *self._saved(),
            *self._nobodys(),
            *self._planned(),
        ]
        return told[: MOST_LINES - 1]

    def as_text(self, *, state: Path | None = None) -> str:
        """As a terminal or a mail shows it; a command in it repeats `state`, where one was given."""
        text = visible("\n".join([self.heading, *(f"  {line}" for line in self.lines)]))
        return text.replace(UNOWNED, f"{UNOWNED} --state {shlex.quote(str(state))}") if state else text

    def _against(self) -> str:
        if self.before <= 0:
            return ", the first week that is known"
        share = (self.spent - self.before) / self.before
        return f", {abs(share):.0%} {'more' if share >= 0 else 'less'} than in the seven before"

    def _plan(self) -> Iterable[str]:
        if self.budget:
            day, days = self._day_of_month()
            share = self.month_to_date / float(self.budget)
            yield (
                f"Month to date, billed without credits and tax: {self._money(self.month_to_date)} of "
                f"{self._money(self.budget)}, {share:.0%} of the budget with {day / days:.0%} of the month settled"
            )

    def _moved(self) -> Iterable[str]:
        for one in self.movers:
            sign = "+" if one.movement > 0 else "-"
            why = f": {one.cause}" if one.cause else ""
            yield f"{sign}{self._money(abs(one.movement))} {one.service} in {one.account}{why}"

    def _opened(self) -> Iterable[str]:
        if not self.open:
            yield "Nothing is open"
            return
        cost = sum((one.monthly_cost for one in self.open if one.category == "waste"), Decimal(0))
        oldest = min(one.first_seen for one in self.open)
        yield (
            f"{_count(len(self.open), 'finding')} open, {self._money(cost)} a month to save, "
            f"the oldest for {(self.as_of - oldest).days} days"
        )
        worst = max(self.open, key=lambda one: (SEVERITIES.index(one.severity), one.stake))
        where = account_label(worst.sub_account_name, worst.sub_account_id) or "the organization"
        told = f"{worst.title}, {main_amount(worst)}, {where}"
        yield f"The worst: {told}. First step: {_first_step(worst)}"

    def _saved(self) -> Iterable[str]:
        if self.resolved:
            yield (
                f"{_count(self.resolved, 'finding')} resolved this week; "
                f"the bill shows {self._money(self.saved_monthly)} a month less"
            )

    def _nobodys(self) -> Iterable[str]:
        if self.unowned is not None and _is_worth_a_line(self.unowned, self.currency) and self.spent > 0:
            yield (
                f"Nobody owns {self._money(self.unowned)} of it, {self.unowned / self.spent:.0%}: " + UNOWNED
            )

    def _planned(self) -> Iterable[str]:
        line = launches_summary(self.launched, currency=self.currency)
        return [line] if line else []

    def _day_of_month(self) -> tuple[int, int]:
        """Return the last settled day of the month that the day before `as_of` is in, and its last day."""
        last = self.as_of - timedelta(days=1)
        following = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
        settled = min(self.settled_until or last, last)
        return (settled.day if settled >= last.replace(day=1) else 0), (following - timedelta(days=1)).day

    def _money(self, value: float | Decimal) -> str:
        return f"{amount(value)} {self.currency}"


def weeks(
    rows: Sequence[Row], entries: Iterable[LedgerEntry], *, owners: Owners, as_of: date, currency: str,
    launches: Sequence[MutedByLaunch] = (),
) -> list[Week]:  # fmt: skip
    """Everybody's week, then that of each team of owners.toml that spent something or has something open."""
    entries = list(entries)
    by_team: Mapping[str | None, list[Row]] = _grouped(rows)
    explaining = _explaining(entries, as_of=as_of)
    everybody = _week(
        None, rows, entries, owners=owners, as_of=as_of, currency=currency, explaining=explaining
    )
    own = [
        _week(
            team, by_team.get(team, []), [one for one in entries if one.finding.team == team],
            owners=owners, as_of=as_of, currency=currency, explaining=explaining,
        )
        for team in owners.teams
    ]  # fmt: skip
    told = [everybody, *(one for one in own if one.spent > 0 or one.before > 0 or one.open)]
    return [
        replace(
            week,
            launched=tuple(one for one in launches if week.team in (None, one.team)),
            settled_until=next((row.get("settled_until") for row in rows), None),
        )
        for week in told
    ]


def _first_step(finding: Finding) -> str:
    return NUMBER.sub("", finding.action.strip().partition("\n")[0])


def _grouped(rows: Iterable[Row]) -> dict[str | None, list[Row]]:
    groups: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["team"]].append(row)
    return groups


def _week(
    team: str | None, rows: Sequence[Row], entries: Sequence[LedgerEntry], *,
    owners: Owners, as_of: date, currency: str,
    explaining: Sequence[Finding],
) -> Week:  # fmt: skip
    found = sorted((one.finding for one in entries if one.state == "open"), key=lambda one: -one.stake)
    lately = [one for one in entries if _resolved_lately(one, as_of=as_of)]
    budgets = [one.monthly_budget for one in owners.teams.values() if one.monthly_budget]
    known = owners.teams.get(team or "")
    return Week(
        team=team,
        as_of=as_of,
        currency=currency,
        spent=_sum(rows, "effective_cost"),
        before=_sum(rows, "effective_cost_before"),
        month_to_date=_sum(rows, "month_to_date")
        if team
        else _sum(_of_budgeted(rows, owners), "month_to_date"),
        budget=known.monthly_budget if known else (sum(budgets, Decimal(0)) or None),
        movers=tuple(
            _movers(
                rows,
                team=team,
                explaining=explaining,
                gone=[one.finding for one in lately],
                currency=currency,
                rates=owners.exchange_rates,
            )
        ),
        open=tuple(found),
        saved_monthly=sum((one.saved_daily or Decimal(0) for one in lately), Decimal(0)) * DAYS_A_MONTH,
        resolved=len(lately),
        unowned=None if team else _sum((row for row in rows if row["team"] is None), "effective_cost"),
    )


def _of_budgeted(rows: Iterable[Row], owners: Owners) -> Iterable[Row]:
    """What teams with a budget spent, since that is what all budgets together are held against."""
    budgeted = {name for name, team in owners.teams.items() if team.monthly_budget}
    return (row for row in rows if row["team"] in budgeted)


def _resolved_lately(entry: LedgerEntry, *, as_of: date) -> bool:
    since = as_of - timedelta(days=LATELY_DAYS)
    return entry.state == "resolved" and entry.resolved_on is not None and entry.resolved_on > since


def _explaining(entries: Iterable[LedgerEntry], *, as_of: date) -> list[Finding]:
    """Return the findings that may explain a rise, of whichever team: open, or seen in the weeks compared.

    A spike that is over, or a first charge, which is notified once, explains the week it was in. Highest cost first.
    """
    since = as_of - timedelta(days=COMPARED_DAYS)
    found = [one.finding for one in entries if one.state == "open" or one.finding.last_seen > since]
    return sorted(found, key=lambda one: (one.category != "anomaly", -one.stake))


def _is_worth_a_line(amount: float, currency: str, rates: Rates | None = None) -> bool:
    return usd(Decimal(str(amount)), currency, rates) >= LEAST_MOVEMENT_USD


def _movers(
    rows: Iterable[Row], *, team: str | None, explaining: Sequence[Finding], gone: Sequence[Finding],
    currency: str, rates: Rates,
) -> Iterator[Mover]:  # fmt: skip
    moved = [row for row in rows if _is_worth_a_line(abs(row["movement"]), currency, rates)]
    for row in sorted(moved, key=lambda row: -abs(row["movement"]))[:MOVERS]:
        rose = row["movement"] > 0
        about = next(_about(row, explaining if rose else gone), None)
        yield Mover(
            account=account_label(row["sub_account_name"], row["sub_account_id"]) or "no account",
            service=row["service_name"] or "no service",
            movement=float(row["movement"]),
            cause=_cause(about, team=team, rose=rose),
        )


def _cause(about: Finding | None, *, team: str | None, rose: bool) -> str:
    if about is None:
        return "no finding explains it" if rose else ""
    owner = f" (owned by {about.team})" if team and about.team not in (None, team) else ""
    return f"{'' if rose else 'resolved, '}{about.title}{owner}"


def _about(row: Row, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Findings about the same service of the same account, then those of the whole account that are as large."""
    account = [one for one in findings if one.sub_account_id == row["sub_account_id"]]
    yield from (one for one in account if one.service_name == row["service_name"])
    least = HALF * Decimal(str(abs(row["movement"])))
    yield from (one for one in account if one.service_name is None and one.monthly_cost >= least)


def _sum(rows: Iterable[Row], column: str) -> float:
    return float(sum(row[column] or 0 for row in rows))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
