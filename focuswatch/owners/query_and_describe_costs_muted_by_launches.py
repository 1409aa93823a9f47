"""Costs muted by planned launches: token_burst and cost_anomaly do not report them; notes and digests do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.catalog.sql_catalog import PER_USD, Catalog
from focuswatch.engines import Engine, Row
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.count_text import count_text
from focuswatch.owners.owners_file import Owners

LOOKUP = "muted_launch_costs"


@dataclass(frozen=True)
class MutedByLaunch:
    """The muted cost of a launch in one account and service; `daily_cost` is that of its most expensive day."""

    use_case: str
    team: str | None
    last_day: date
    factor: float
    account: str
    service: str
    daily_cost: float
    ratio: float | None

    def sentence(self, currency: str) -> str:
        """Return a sentence with the last day and the limit of the launch, and the muted cost."""
        times = f", {self.ratio:.1f} times the baseline" if self.ratio else ""
        return (
            f"The planned launch of {self.use_case} allows up to {self.factor:g} times the baseline through "
            f"{self.last_day}. "
            f"Muted: {self.service} in {self.account}, {amount(self.daily_cost)} {currency}/day{times}"
        )


def costs_muted_by_launches(
    engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date, per_usd: float = 1.0
) -> tuple[MutedByLaunch, ...]:
    """Return the costs that launches muted in the last days, highest first. Raises QueryError.

    Nothing is queried if no launch is planned for these days.
    """
    lookup = catalog.lookups[LOOKUP]
    days = lookup.header.parameters["last_days"]
    assert isinstance(days, int)
    since = as_of - timedelta(days=days)
    planned = (launch for use_case in owners.use_cases.values() for launch in use_case.launches)
    if not any(launch.first_day < as_of and launch.last_day >= since for launch in planned):
        return ()
    rows = engine.query(lookup.render({"as_of": as_of, PER_USD: per_usd}), label="planned launches")
    return tuple(_to_muted_costs(row, owners) for row in rows)


def _to_muted_costs(row: Row, owners: Owners) -> MutedByLaunch:
    use_case = owners.use_cases.get(row["use_case"])
    return MutedByLaunch(
        use_case=row["use_case"],
        team=use_case.team if use_case else None,
        last_day=row["last_day"],
        factor=row["factor"],
        account=account_label(row["sub_account_name"], row["sub_account_id"]) or "no account",
        service=row["service_name"] or "no service",
        daily_cost=row["daily_cost"],
        ratio=row["ratio"],
    )


def launches_summary(launches: Iterable[MutedByLaunch], *, currency: str) -> str | None:
    """Return one line about all launches for a digest; None without launches."""
    by_use_case: dict[str, list[MutedByLaunch]] = {}
    for launch in launches:
        by_use_case.setdefault(launch.use_case, []).append(launch)
    if not by_use_case:
        return None
    name, first = next(iter(by_use_case.items()))
    factor, last_day = max(launch.factor for launch in first), max(launch.last_day for launch in first)
    daily = sum(launch.daily_cost for some in by_use_case.values() for launch in some)
    more = f" and {count_text(len(by_use_case) - 1, 'more use case')}" if len(by_use_case) > 1 else ""
    return (
        f"Cost muted by planned launches: {amount(daily)} {currency}/day "
        f"({name}, up to {factor:g} times the baseline through {last_day}{more})"
    )
