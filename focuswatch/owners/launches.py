"""What planned launches keep quiet: token_burst and cost_anomaly let it pass, and somebody must still read of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.catalog.catalog import PER_USD, Catalog
from focuswatch.engines import Engine, Row
from focuswatch.findings.finding import account_label, amount
from focuswatch.owners.owners_file import Owners

LOOKUP = "launched_costs"


@dataclass(frozen=True)
class MutedByLaunch:
    """A launch that cost more than usual lately; `daily_cost` is what of the dearest day was let pass."""

    use_case: str
    team: str | None
    last_day: date
    factor: float
    account: str
    service: str
    daily_cost: float
    ratio: float | None

    def sentence(self, currency: str) -> str:
        """In a sentence: until when, up to what, and how much is not told."""
        times = f" at {self.ratio:.1f} times its usual" if self.ratio else ""
        return (
            f"Within the planned launch {self.use_case}, through {self.last_day} up to {self.factor:g} times "
            f"the usual: {self.service} in {self.account}{times}; {amount(self.daily_cost)} {currency} a day not told"
        )


def costs_muted_by_launches(
    engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date, per_usd: float = 1.0
) -> tuple[MutedByLaunch, ...]:
    """What launches of the last days keep quiet, dearest first; nothing is asked where none runs. Raises QueryError."""
    lookup = catalog.lookups[LOOKUP]
    days = lookup.header.parameters["last_days"]
    assert isinstance(days, int)
    since = as_of - timedelta(days=days)
    planned = (launch for use_case in owners.use_cases.values() for launch in use_case.launches)
    if not any(one.first_day < as_of and one.last_day >= since for one in planned):
        return ()
    rows = engine.query(lookup.render({"as_of": as_of, PER_USD: per_usd}), label="planned launches")
    return tuple(_launched(row, owners) for row in rows)


def _launched(row: Row, owners: Owners) -> MutedByLaunch:
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
    """All of them in one line of a digest; None where there are none."""
    by_name: dict[str, list[MutedByLaunch]] = {}
    for one in launches:
        by_name.setdefault(one.use_case, []).append(one)
    if not by_name:
        return None
    named = [
        f"{name}, through {max(one.last_day for one in some)} up to {max(one.factor for one in some):g} times"
        for name, some in by_name.items()
    ]
    daily = sum(one.daily_cost for some in by_name.values() for one in some)
    more = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return f"Within a planned launch, so not told: {amount(daily)} {currency} a day ({named[0]}{more})"
