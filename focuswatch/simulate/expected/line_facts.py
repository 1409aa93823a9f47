"""The plan's lines as numbers by day, and the questions about a line that several rules of the truth ask."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.bill_plan import BillPlan, Identity
from focuswatch.simulate.charge_lines import Days, Line

Flags = NDArray[np.bool_]

GPU = re.compile(r"[-:.](?:p[2-9][a-z]*|g[3-9][a-z]*|inf[0-9]+|trn[0-9]+|dl[0-9]+)(?:-[a-z0-9]+)?\.")
INSTANCE_HOURS = re.compile(
    r"BoxUsage:|SpotUsage:|(?:Host|Train|TrSpt|Notebk|Studio|Processing|Tsform|AsyncInf):"
)
CONSUMED = re.compile(r"token|Guardrail-|search-units|created_image|Runtime:|Gateway:", re.IGNORECASE)
AI_SERVICES = ("Amazon SageMaker", "Amazon Kendra", "Amazon Q")
GUARDS = ("Amazon GuardDuty", "AWS CloudTrail", "AWS Config", "AWS Security Hub", "Amazon Inspector")


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
        """Every line of usage in an account that is charged at all, restatements left out."""
        lines = [line for line in self.plan.lines if line.account and line.category == "Usage"]
        charged = (_charged(line, self.calendar) for line in lines if not line.correction)
        return [one for one in charged if one.quantities.any()]

    def by_account(self, wanted: Callable[[Line], bool]) -> Iterator[tuple[str, list[Charged]]]:
        groups: dict[str, list[Charged]] = {}
        for charged in filter(lambda one: wanted(one.line), self.usage):
            groups.setdefault(account_id(charged.line), []).append(charged)
        yield from groups.items()

    def by_place(self, wanted: Callable[[Line], bool]) -> Iterator[tuple[tuple[str, str], list[Charged]]]:
        """By account and region; usage without a region is left out."""
        for account, lines in self.by_account(wanted):
            for region in dict.fromkeys(one.line.region for one in lines if one.line.region):
                yield (account, region), [one for one in lines if one.line.region == region]

    def by_resource(self, wanted: Callable[[Line], bool]) -> Iterator[tuple[Identity, list[Charged]]]:
        """By account, region, service and resource."""
        groups: dict[Identity, list[Charged]] = {}
        for charged in filter(lambda one: wanted(one.line), self.usage):
            groups.setdefault(identity_of(charged.line), []).append(charged)
        yield from groups.items()

    @cached_property
    def first_charge(self) -> dict[str, int]:
        """Day number of each account's first charge."""
        totals = {account: total(charged) for account, charged in self.by_account(lambda _: True)}
        return {account: first for account, days in totals.items() if (first := first_day(days)) is not None}

    def day(self, index: int) -> date:
        return self.calendar.day(index)

    def ending(self, index: int) -> date | None:
        """The date of an exclusive end, None when it is the bill's."""
        return None if index >= self.calendar.days else self.calendar.day(index)


def _charged(line: Line, calendar: Calendar) -> Charged:
    quantities = line.quantities(calendar)
    return Charged(line, quantities, quantities * line.contracted_price * line.effective_share)


def total(charged: list[Charged], *, costs: bool = False) -> Days:
    return np.asarray(np.sum([one.costs if costs else one.quantities for one in charged], axis=0))


def first_day(values: Days | Flags) -> int | None:
    days = np.flatnonzero(values)
    return int(days[0]) if days.size else None


def last_day(values: Days | Flags) -> int:
    return int(np.flatnonzero(values)[-1])


def run_end(flags: Flags, start: int) -> int:
    """Where the run of true days that holds `start` ends, exclusive; `start` itself where it is false."""
    over = np.flatnonzero(~flags[start:])
    return start + int(over[0]) if over.size else len(flags)


def expectations(values: Days, *, weeks: int = 6) -> Days:
    """For each day the median of the same weekday in the weeks before; 0 in the first week."""
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


def is_bedrock_use(line: Line) -> bool:
    """Consumed, as against capacity held or a model stored."""
    held = "ProvisionedThroughput" in sku(line) or "Storage" in sku(line)
    return is_bedrock(line) and not held and CONSUMED.search(sku(line)) is not None


def is_pool(line: Line) -> bool:
    return sku(line).endswith(("SearchOCU", "IndexingOCU"))


def is_ai(line: Line) -> bool:
    pool = is_pool(line) or "StorageUsedInS3ByteHour" in sku(line)
    return line.meter.service in AI_SERVICES or pool or is_bedrock(line) or is_gpu(line)


def is_internet_out(line: Line) -> bool:
    return sku(line).endswith("DataTransfer-Out-Bytes") and not is_edge(line)


def is_edge(line: Line) -> bool:
    """Return whether the line is charged where its viewers are: its region is nobody's choice."""
    return line.meter.service == "Amazon CloudFront"
