"""Write the files next to the bill: activity, accounts, recommendations, Bedrock callers and events."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from focuswatch.simulate.incidents_and_lookalikes.deployments_and_alarms import PlantedEvent
from focuswatch.simulate.organization import SimulatedOrganization
from focuswatch.simulate.planned_bill import BillPlan, ObservedActivity
from focuswatch.simulate.usual_and_planted_bedrock_callers import Call, Callers, limited
from focuswatch.simulate.writing.write_companion_rows_to_parquet_file import write_rows

# As AWS and the collector write these files; not imported from focuswatch.bill, see writing/focus_1_2_columns.py.
ACTIVITY = {
    "activity_date": "DATE",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "namespace": "VARCHAR",
    "resource_id": "VARCHAR",
    "metric": "VARCHAR",
    "value": "DOUBLE",
}
ACCOUNTS = {
    "sub_account_id": "VARCHAR",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "ou_path": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
    "joined_on": "DATE",
    "closed_on": "DATE",
}
RECOMMENDATIONS = {
    "recommendation_id": "VARCHAR",
    "account_id": "VARCHAR",
    "region": "VARCHAR",
    "resource_arn": "VARCHAR",
    "action_type": "VARCHAR",
    "current_resource_type": "VARCHAR",
    "current_resource_summary": "VARCHAR",
    "recommended_resource_summary": "VARCHAR",
    "estimated_monthly_cost_after_discount": "DOUBLE",
    "estimated_monthly_savings_after_discount": "DOUBLE",
    "estimated_savings_percentage_after_discount": "DOUBLE",
    "currency_code": "VARCHAR",
    "implementation_effort": "VARCHAR",
    "restart_needed": "BOOLEAN",
    "rollback_possible": "BOOLEAN",
    "recommendation_source": "VARCHAR",
    "last_refresh_timestamp": "TIMESTAMP",
}
SUMMARIES = {"Rightsize": "m6i.xlarge", "MigrateToGraviton": "m7g.2xlarge"}  # recommended type by action
PRINCIPALS = {  # columns of CUR 2.0
    "bill_billing_period_start_date": "TIMESTAMP",
    "line_item_usage_start_date": "TIMESTAMP",
    "line_item_usage_account_id": "VARCHAR",
    "line_item_line_item_type": "VARCHAR",
    "line_item_usage_type": "VARCHAR",
    "line_item_iam_principal": "VARCHAR",
    "line_item_usage_amount": "DOUBLE",
    "line_item_unblended_cost": "DOUBLE",
    "line_item_net_unblended_cost": "DOUBLE",
    "product": "MAP(VARCHAR, VARCHAR)",
    "product_region_code": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)",
}
EVENTS = {
    "occurred_at": "TIMESTAMP",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "service_name": "VARCHAR",
    "resource_id": "VARCHAR",
    "kind": "VARCHAR",
    "reference": "VARCHAR",
}


def write_activity(plan: BillPlan, path: Path) -> None:
    write_rows(_activity_rows(plan.activity), path, columns=ACTIVITY)


def write_accounts(organization: SimulatedOrganization, path: Path) -> None:
    rows = (
        {
            "sub_account_id": account.id,
            "name": account.name,
            "email": account.email,
            "ou_path": account.ou_path,
            "tags": account.tags,
            "joined_on": str(account.joined_on or "2021-03-01"),
            "closed_on": str(account.closed_on) if account.closed_on else None,
        }
        for account in organization.accounts
    )
    write_rows(rows, path, columns=ACCOUNTS)


def write_recommendations(plan: BillPlan, path: Path) -> None:
    rows = (
        {
            "recommendation_id": f"simulated-recommendation-{number}",
            "account_id": planted.line.account.id if planted.line.account else None,
            "region": planted.line.region,
            "resource_arn": planted.arn or None,
            "action_type": planted.action,
            "current_resource_type": "Ec2Instance",
            "current_resource_summary": planted.line.meter.details.get("InstanceType"),
            "recommended_resource_summary": SUMMARIES.get(planted.action),
            "estimated_monthly_cost_after_discount": round(planted.cost, 2),
            "estimated_monthly_savings_after_discount": planted.saving,
            "estimated_savings_percentage_after_discount": round(100 * planted.saving / planted.cost, 1),
            "currency_code": planted.currency,
            "implementation_effort": "Low" if planted.action == "Stop" else "Medium",
            "restart_needed": planted.action != "Stop",
            "rollback_possible": True,
            "recommendation_source": "ComputeOptimizer",
            "last_refresh_timestamp": f"{planted.refreshed_on} 04:00:00",
        }
        for number, planted in enumerate(plan.recommendations, start=1)
    )
    write_rows(rows, path, columns=RECOMMENDATIONS)


def write_events(events: Iterable[PlantedEvent], path: Path) -> None:
    write_rows((event.row for event in events), path, columns=EVENTS)


def write_principals(charges: Iterable[tuple[Any, ...]], callers: Callers, path: Path) -> None:
    """Write each caller's share of the Bedrock charges, in the format of a CUR 2.0 export with IAM principals."""
    calls: dict[tuple[str, date], list[Call]] = {}
    for call in callers.calls:
        calls.setdefault((call.account, call.day), []).append(call)
    shares = {
        (account, day): list(limited(called, charged=callers.costs[account][day]))
        for (account, day), called in calls.items()
    }
    write_rows(_principal_rows(charges, shares), path, columns=PRINCIPALS)


def _principal_rows(
    charges: Iterable[tuple[Any, ...]], shares: Mapping[tuple[str, date], list[tuple[Call, float]]]
) -> Iterator[dict[str, Any]]:
    for day, account, region, meter, service, quantity, cost in charges:
        for call, share in shares.get((account, day), ()):
            yield {
                "bill_billing_period_start_date": str(day.replace(day=1)),
                "line_item_usage_start_date": str(day),
                "line_item_usage_account_id": account,
                "line_item_line_item_type": "Usage",
                "line_item_usage_type": meter,
                "line_item_iam_principal": call.principal,
                "line_item_usage_amount": (quantity or 0.0) * share,
                "line_item_unblended_cost": cost * share,
                "line_item_net_unblended_cost": None,
                "product": {"product_name": service},
                "product_region_code": region,
                "tags": dict(call.tags),
            }


def _activity_rows(watches: Iterable[ObservedActivity]) -> Iterator[dict[str, Any]]:
    for watch in watches:
        for offset in range((watch.last - watch.first).days):
            day = watch.first + timedelta(days=offset)
            yield {
                "activity_date": str(day),
                "sub_account_id": watch.account.id,
                "region_id": watch.region,
                "namespace": watch.namespace,
                "resource_id": watch.resource,
                "metric": watch.metric,
                "value": watch.value(day),
            }
