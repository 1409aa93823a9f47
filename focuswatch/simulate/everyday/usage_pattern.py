"""How an account uses a service in everyday charges: weekly pattern, trend and variation."""

from dataclasses import dataclass
from typing import Any

from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.planned_charge_line import FLAT, LEISURE, OFFICE, WORKDAYS, Week


@dataclass(frozen=True)
class UsagePattern:
    """How an account uses a service: weekly pattern, trend and common variation of all its lines."""

    week: Week
    growth: float
    sway: float

    def options(self, *, noise: float = 0.08) -> dict[str, Any]:
        return {"week": self.week, "growth": self.growth, "sway": self.sway, "noise": noise}


def usage_pattern(plan: BillPlan, account: SimulatedAccount, *, week: Week | None = None) -> UsagePattern:
    weeks = (FLAT, WORKDAYS, WORKDAYS, LEISURE) if account.environment == "prod" else (WORKDAYS, OFFICE)
    growth, sway = plan.rng.uniform(-0.001, 0.003), plan.rng.uniform(0.02, 0.07)
    return UsagePattern(week or plan.rng.choice(weeks), growth, sway)
