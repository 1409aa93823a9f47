"""Daily quantities and costs of the plan's lines, and predicates on lines that several rules of the truth share."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.daily_charges_of_resource import Days, Line
from focuswatch.simulate.meter_prices import SAGEMAKER
from focuswatch.simulate.planned_bill import USE_CASE_TAG, BillPlan, Identity, use_case_identity

Flags = NDArray[np.bool_]

LAUNCH = "unannounced_ai_launch"
GPU = re.compile(r"[-:.](?:p[2-9][a-z]*|g[3-9][a-z]*|inf[0-9]+|trn[0-9]+|dl[0-9]+)(?:-[a-z0-9]+)?\.")
INSTANCE_HOURS = re.compile(
    r"BoxUsage:|SpotUsage:|(?:Host|Train|TrSpt|Notebk|Studio|Processing|Tsform|AsyncInf):"
)


@dataclass(frozen=True)
class Charged:
    """A line with its noise-free quantity and EffectiveCost by day."""

    line: Line
    quantities: Days
    costs: Days


@dataclass(frozen=True)
class Facts:
    plan: BillPlan

    @property
    def calendar(self) -> Calendar:
        return self.plan.calendar

    @cached_property
    def usage(self) -> list[Charged]:
        """Return every charged usage line of an account, without corrections."""
        lines = [line for line in self.plan.lines if line.account and line.category == "Usage"]
        charged = (_charged(line, self.calendar) for line in lines if not line.correction)
        return [charge for charge in charged if charge.quantities.any()]

    def by_account(self, wanted: Callable[[Line], bool]) -> Iterator[tuple[str, list[Charged]]]:
        groups: dict[str, list[Charged]] = {}
        for charged in filter(lambda charge: wanted(charge.line), self.usage):
            groups.setdefault(account_id(charged.line), []).append(charged)
        yield from groups.items()

    @cached_property
    def first_charge(self) -> dict[str, int]:
        """Return the day number of each account's first charge."""
        totals = {account: total(charged) for account, charged in self.by_account(lambda _: True)}
        return {account: first for account, days in totals.items() if (first := first_day(days)) is not None}

    def day(self, index: int) -> date:
        return self.calendar.day(index)

    def ending(self, index: int) -> date | None:
        """Return the date of an exclusive end; None at the end of the bill."""
        return None if index >= self.calendar.days else self.calendar.day(index)


def _charged(line: Line, calendar: Calendar) -> Charged:
    quantities = line.quantities(calendar)
    return Charged(line, quantities, quantities * line.contracted_price * line.effective_share)


def total(charged: list[Charged], *, costs: bool = False) -> Days:
    return np.asarray(np.sum([charge.costs if costs else charge.quantities for charge in charged], axis=0))


def first_day(values: Days | Flags) -> int | None:
    days = np.flatnonzero(values)
    return int(days[0]) if days.size else None


def last_day(values: Days | Flags) -> int:
    return int(np.flatnonzero(values)[-1])


def expectations(values: Days, *, weeks: int = 6) -> Days:
    """Return for each day the median of the same weekday in the weeks before; 0 in the first week."""
    before = np.full((weeks, len(values)), np.nan)
    for week in range(1, min(weeks, (len(values) - 1) // 7) + 1):
        before[week - 1, 7 * week :] = values[: -7 * week]
    before[0, :7] = 0.0
    return np.asarray(np.nanmedian(before, axis=0))


def account_id(line: Line) -> str:
    assert line.account is not None
    return line.account.id


def identity_of(line: Line) -> Identity:
    return (account_id(line), line.region, line.meter.service, line.resource)


def sku(line: Line) -> str:
    return line.meter.sku_meter(line.region)


def is_instance_hours(line: Line) -> bool:
    return INSTANCE_HOURS.search(sku(line)) is not None


def is_gpu(line: Line) -> bool:
    return is_instance_hours(line) and GPU.search(sku(line)) is not None


def is_bedrock(line: Line) -> bool:
    return "Bedrock" in line.meter.service


def is_internet_out(line: Line) -> bool:
    return sku(line).endswith("DataTransfer-Out-Bytes") and not is_edge(line)


def is_edge(line: Line) -> bool:
    """Return whether the line's region is that of its viewers, and not one that the account chose."""
    return line.meter.service == "Amazon CloudFront"


def is_tokens(line: Line) -> bool:
    return is_bedrock(line) and "token" in sku(line).lower()


def is_on_demand_training(line: Line) -> bool:
    return "Train:" in sku(line) and line.commitment is None


# Lines that a detection covers if its identity is a whole account or region: None in an identity matches any value.
COST_INCREASES: Mapping[str, Callable[[Line], bool]] = {
    "cost_anomaly": lambda line: not line.monthly,
    "token_burst": is_tokens,
    "unit_cost_regression": lambda line: line.resource is not None or is_tokens(line),
    "gpu_burst": is_gpu,
    "data_transfer_spike": is_internet_out,
    "new_region": lambda line: not is_edge(line),
    "new_service": lambda _: True,
    "dormant_account_woke": lambda line: not line.monthly,
}
OTHERS: Mapping[str, Callable[[Line], bool]] = {
    "on_demand_training": is_on_demand_training,
    "security_service_went_dark": lambda _: True,
    "stale_export": lambda _: True,
    LAUNCH: lambda line: is_tokens(line) or line.meter.service == SAGEMAKER,
}


def is_about(line: Line, detection: str, identity: Identity) -> bool:
    """Return whether an incident with this identity covers the line's charges."""
    if identity[0] is None:
        return identity == use_case_identity(line.tags.get(USE_CASE_TAG, ""))
    wanted = COST_INCREASES.get(detection) or OTHERS.get(detection)
    if wanted is None:
        return identity_of(line) == identity
    if detection == LAUNCH:  # the resource is a model: the only one of its service on the simulated bill
        identity = (*identity[:3], None)
    named = zip(identity, identity_of(line), strict=True)
    return wanted(line) and all(expected in (None, actual) for expected, actual in named)
