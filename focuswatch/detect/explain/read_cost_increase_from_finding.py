"""Derive the cost increase that a finding states from its detection's [explain] section: charges, days and excess."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.values_as_sql_literals import Scalar
from focuswatch.findings.finding import Finding

ChargeKind = Literal["all", "tokens", "gpu", "transfer", "first"]
# Evidence columns as an earlier version stored them.
OLD_NAMES = {"anomalous_from": "strange_from", "anomalous_until": "strange_until"}
WEEKS = 4  # the history that athena_sql/detections/cost_anomaly.sql also requires (28 days)


@dataclass(frozen=True)
class CostIncrease:
    """A cost increase of an account on `[first_day, end_day)`; a region, service or resource of None means all of them.

    With `of_one_service`, a service of None means the charges that name no service. An `excess` of None means the cost
    above the same weekdays of the previous `weeks`.
    """

    fingerprint: str
    sub_account_id: str | None
    region_id: str | None
    service_name: str | None
    resource_id: str | None
    first_day: date
    end_day: date
    excess: Decimal | None
    charges: ChargeKind = "all"
    of_one_service: bool = False
    weeks: int = WEEKS

    @property
    def identity(self) -> tuple[Scalar, ...]:
        """The fingerprint, account, region, service and resource: the first columns of `rises` in each lookup."""
        return (
            self.fingerprint,
            self.sub_account_id,
            self.region_id,
            self.service_name,
            self.resource_id,
        )

    @property
    def before_from(self) -> date:
        """The first day of the weeks that the increase is compared with."""
        return self.first_day - timedelta(weeks=self.weeks)

    @property
    def row(self) -> tuple[Scalar, ...]:
        """The increase as a row of the parameter `rises` of athena_sql/lookups/cost_drivers.sql."""
        days = (self.end_day - self.first_day).days
        weekdays = Counter((self.first_day + timedelta(days=place)).isoweekday() for place in range(days))
        return (
            *self.identity,
            self.of_one_service,
            self.charges,
            self.before_from,
            self.first_day,
            self.end_day,
            self.excess is not None,
            float(self.excess or 0),
            *(weekdays[weekday] / self.weeks for weekday in range(1, 8)),
        )


def cost_increase_of(finding: Finding, *, catalog: Catalog) -> CostIncrease | None:
    """Return the cost increase that a finding states.

    Return None if its detection has no [explain] section, or if its evidence has no days.
    """
    detection = catalog.detections.get(finding.detection)
    rule = detection.header.explain if detection else None
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
        excess=finding.monthly_cost if rule.excess == "monthly_cost" else None,
        charges=rule.charges,
        of_one_service=rule.by_service,
        weeks=rule.weeks,
    )


def _day(evidence: Mapping[str, Any], name: str) -> date | None:
    try:
        return date.fromisoformat(str(evidence.get(name) or evidence.get(OLD_NAMES.get(name, name))))
    except ValueError:
        return None
