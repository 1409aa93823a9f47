"""What there is to explain about a finding: which charges rose, on which days, by how much as its detection says."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from focuswatch.engines.sql_literals import Scalar
from focuswatch.findings.finding import Finding, money

Charges = Literal["all", "tokens", "gpu", "transfer", "first"]
WEEKS = 4  # as many as a level needs: athena_sql/detections/cost_anomaly.sql judges after 28 days


@dataclass(frozen=True)
class CostIncrease:
    """Charges of an account on `[first_day, end_day)`; region, service and resource None: all of them.

    `of_one_service`: None for the service then means the charges that name none. `excess` None: what the days cost
    above the same weekdays of the weeks before.
    """

    fingerprint: str
    sub_account_id: str | None
    region_id: str | None
    service_name: str | None
    resource_id: str | None
    first_day: date
    end_day: date
    excess: Decimal | None
    charges: Charges = "all"
    of_one_service: bool = False
    weeks: int = WEEKS

    @property
    def before_from(self) -> date:
        """The first day that it is compared with."""
        return self.first_day - timedelta(weeks=self.weeks)

    @property
    def row(self) -> tuple[Scalar, ...]:
        """As athena_sql/lookups/excess_charges.sql takes it."""
        days = (self.end_day - self.first_day).days
        weekdays = Counter((self.first_day + timedelta(days=place)).isoweekday() for place in range(days))
        return (
            self.fingerprint, self.sub_account_id, self.region_id, self.service_name, self.resource_id,
            self.of_one_service, self.charges, self.before_from, self.first_day, self.end_day,
            self.excess is not None, float(self.excess or 0),
            *(weekdays[weekday] / self.weeks for weekday in range(1, 8)),
        )  # fmt: skip


@dataclass(frozen=True)
class _Rule:
    """How a detection's findings name their days and their excess."""

    days: tuple[str, str] = ("first_day", "last_day")
    excess: Callable[[Finding], Decimal | None] = lambda finding: finding.monthly_cost
    charges: Charges = "all"
    of_one_service: bool = False
    weeks: int = WEEKS


def _by_the_day(finding: Finding) -> Decimal:
    return money(finding.evidence["daily_excess"]) * int(finding.evidence["strange_days"])


def _above_the_weeks_before(_finding: Finding) -> None:
    """The finding's money is all that was charged, and not what is above the usual."""


RULES: Mapping[str, _Rule] = {
    "cost_anomaly": _Rule(days=("strange_from", "strange_until"), excess=_by_the_day, of_one_service=True),
    "token_burst": _Rule(charges="tokens"),
    "unit_cost_regression": _Rule(weeks=1),
    "gpu_burst": _Rule(charges="gpu", excess=_above_the_weeks_before),
    "data_transfer_spike": _Rule(charges="transfer", excess=_above_the_weeks_before),
    "new_region": _Rule(charges="first"),
    "new_service": _Rule(charges="first"),
    "dormant_account_woke": _Rule(charges="first"),
}


def cost_increase_of(finding: Finding) -> CostIncrease | None:
    """What rose; None where nothing did, or nobody says when."""
    rule = RULES.get(finding.detection)
    days = [_day(finding.evidence, name) for name in rule.days] if rule else []
    if rule is None or not all(days):
        return None
    first, last = sorted(day for day in days if day)
    return CostIncrease(
        fingerprint=finding.fingerprint,
        sub_account_id=finding.sub_account_id,
        region_id=finding.region_id,
        service_name=finding.service_name,
        resource_id=finding.resource_id,
        first_day=first,
        end_day=last + timedelta(days=1),
        excess=rule.excess(finding),
        charges=rule.charges,
        of_one_service=rule.of_one_service,
        weeks=rule.weeks,
    )


def _day(evidence: Mapping[str, Any], name: str) -> date | None:
    try:
        return date.fromisoformat(str(evidence.get(name)))
    except ValueError:
        return None
