"""A cost increase of GPU instances, and its explanation."""

from datetime import UTC, date, datetime
from decimal import Decimal

from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.findings.cost_increase_explanation_models import (
    Change,
    CostDriver,
    Explanation,
    StartedOrStopped,
)

ACCOUNT = "111122223333"
INSTANCE = f"arn:aws:ec2:us-west-2:{ACCOUNT}:instance/i-0abc"
RISEN_ON = date(2026, 3, 29)
RISE = CostIncrease(
    fingerprint="f" * 20,
    sub_account_id=ACCOUNT,
    region_id=None,
    service_name="Amazon Elastic Compute Cloud",
    resource_id=None,
    first_day=RISEN_ON,
    end_day=date(2026, 3, 31),
    excess=Decimal(1000),
)


def part(**changed: object) -> CostDriver:
    """Return a cost driver: the GPU hours of a new instance."""
    inputs: dict[str, object] = {
        "sub_account_id": ACCOUNT,
        "service_name": "Amazon Elastic Compute Cloud",
        "region_id": "us-west-2",
        "meter": "BoxUsage:p4d.24xlarge",
        "operation": "RunInstances",
        "resource_id": INSTANCE,
        "resources": 1,
        "excess": Decimal(900),
        "by_price": Decimal(0),
        "is_new": True,
    }
    return CostDriver.model_validate(inputs | changed)


def explanation(**changed: object) -> Explanation:
    """Return an explanation of 1,000 USD above the baseline in two days: a new instance, a higher price, and others.

    It also names what started and stopped, and the user who started the instance.
    """
    higher_price = part(
        meter="BoxUsage:m5.large", resource_id=None, resources=3, excess=90, by_price=80, is_new=False
    )
    inputs: dict[str, object] = {
        "first_day": RISEN_ON,
        "last_day": date(2026, 3, 30),
        "excess": Decimal(1000),
        "parts": (part(), higher_price),
        "others": Decimal(10),
        "by_volume": Decimal(915),
        "by_price": Decimal(85),
        "began": (
            StartedOrStopped(
                kind="resource", service_name=RISE.service_name, name=INSTANCE, daily_cost=Decimal(450)
            ),
        ),
        "ended": (
            StartedOrStopped(
                kind="operation", service_name="AWS Glue", name="Jobrun", daily_cost=Decimal("3.5")
            ),
        ),
        "changes": (
            Change(
                at=datetime(2026, 3, 29, 3, 7, tzinfo=UTC),
                event="RunInstances",
                region_id="us-west-2",
                principal=f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/deploy",
                resources=("i-0abc",),
            ),
        ),
    }
    return Explanation.model_validate(inputs | changed)


EXPLANATION = explanation(changes=())
