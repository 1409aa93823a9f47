"""The week of a team, and of all of them, in ten lines at most: spent, what moved and why, what is open, what is saved.

Pure: rows of the report `team_weeks` and entries of the ledger in, words out.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from focuswatch.engine import Row
from focuswatch.exchange_rates import Rates, usd
from focuswatch.findings import DAYS_A_MONTH, SEVERITIES, Finding, amount
from focuswatch.launched import Launched, summed
from focuswatch.ledger import Entry
from focuswatch.owners import Owners
from focuswatch.plain_text import visible
from focuswatch.slack.money import main_amount

MOVERS = 3
LEAST_MOVEMENT_USD = 1  # less is not worth a line
LATELY_DAYS = 7
MOST_LINES = 10
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
    """A team's week, or that of everybody (`team` None). Money in `currency`; `budget` is a month's."""

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
    launched: tuple[Launched, ...] = ()

    @property
    def heading(self) -> str:
        """What it comes to, in one line."""
        whose = f"{self.team} spent" if self.team else "All of it came to"
        return f"{whose} {self._money(self.spent)} in seven settled days{self._against()}"

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

    def as_text(self) -> str:
        """As a terminal or a mail shows it."""
        return visible("\n".join([self.heading, *(f"  {line}" for line in self.lines)]))

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
                f"This month: {self._money(self.month_to_date)} of {self._money(self.budget)}, "
                f"{share:.0%} of the budget with {day / days:.0%} of the month gone"
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
        where = worst.sub_account_name or worst.sub_account_id or "the organisation"
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
                f"Nobody owns {self._money(self.unowned)} of it, {self.unowned / self.spent:.0%}: "
                "focuswatch report unowned_spend"
            )

    def _planned(self) -> Iterable[str]:
        line = summed(self.launched, currency=self.currency)
        return [line] if line else []

    def _day_of_month(self) -> tuple[int, int]:
        last = self.as_of - timedelta(days=1)
        following = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
        return last.day, (following - timedelta(days=1)).day

    def _money(self, value: float | Decimal) -> str:
        return f"{amount(value)} {self.currency}"


def weeks(
    rows: Sequence[Row], entries: Iterable[Entry], *, owners: Owners, as_of: date, currency: str,
    launches: Sequence[Launched] = (),
) -> list[Week]:  # fmt: skip
    """Everybody's week, then that of each team of owners.toml that spent something or has something open."""
    entries = list(entries)
    by_team: Mapping[str | None, list[Row]] = _grouped(rows)
    everybody = _week(None, rows, entries, owners=owners, as_of=as_of, currency=currency)
    own = [
        _week(
            team, by_team.get(team, []), [one for one in entries if one.finding.team == team],
            owners=owners, as_of=as_of, currency=currency,
        )
        for team in owners.teams
    ]  # fmt: skip
    told = [everybody, *(one for one in own if one.spent > 0 or one.before > 0 or one.open)]
    return [
        replace(week, launched=tuple(one for one in launches if week.team in (None, one.team)))
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
    team: str | None, rows: Sequence[Row], entries: Sequence[Entry], *, owners: Owners, as_of: date, currency: str
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
            _movers(rows, found=found, gone=[one.finding for one in lately], currency=currency, owners=owners)
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


def _resolved_lately(entry: Entry, *, as_of: date) -> bool:
    since = as_of - timedelta(days=LATELY_DAYS)
    return entry.state == "resolved" and entry.resolved_on is not None and entry.resolved_on > since


def _is_worth_a_line(amount: float, currency: str, rates: Rates | None = None) -> bool:
    return usd(Decimal(str(amount)), currency, rates) >= LEAST_MOVEMENT_USD


def _movers(
    rows: Iterable[Row], *, found: Sequence[Finding], gone: Sequence[Finding], currency: str, owners: Owners
) -> Iterable[Mover]:
    moved = [row for row in rows if _is_worth_a_line(abs(row["movement"]), currency, owners.exchange_rates)]
    for row in sorted(moved, key=lambda row: -abs(row["movement"]))[:MOVERS]:
        rose = row["movement"] > 0
        about = next(_about(row, found if rose else gone), None)
        unexplained = "no finding explains it" if rose else ""
        yield Mover(
            account=row["sub_account_name"] or row["sub_account_id"] or "no account",
            service=row["service_name"] or "no service",
            movement=float(row["movement"]),
            cause=f"{'' if rose else 'resolved, '}{about.title}" if about else unexplained,
        )


def _about(row: Row, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings about the same service of the same account."""
    same = (row["sub_account_id"], row["service_name"])
    return (one for one in findings if (one.sub_account_id, one.service_name) == same)


def _sum(rows: Iterable[Row], column: str) -> float:
    return float(sum(row[column] or 0 for row in rows))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
