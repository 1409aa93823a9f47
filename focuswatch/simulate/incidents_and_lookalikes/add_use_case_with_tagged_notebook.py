"""Add a use case to a plan, with a notebook that has its tag."""

from datetime import date
from typing import Any

from focuswatch.simulate.meter_catalog import sagemaker
from focuswatch.simulate.planned_bill import USE_CASE_TAG, BillPlan
from focuswatch.simulate.planned_charge_line import Line
from focuswatch.simulate.resource_tags import team_tag


def add_use_case(plan: BillPlan, name: str, *, last: date | None = None, **options: Any) -> Line:
    """Add a notebook tagged with a new use case; `options` are those of the use case in owners.toml."""
    account = plan.random_account()
    region = account.regions[0]
    resource = plan.arn("sagemaker", region, account, f"notebook-instance/{name}")
    span = {"last": last} if last else {}
    tags = team_tag(account) | {USE_CASE_TAG: name}
    meter = sagemaker("Notebk", "ml.m5.xlarge")
    line = plan.charge(account, meter, region, resource=resource, daily=24.0, tags=tags, **span)
    plan.use_cases[name] = {"intent": "production", "rows": {"tags": {USE_CASE_TAG: [name]}}} | options
    return line
