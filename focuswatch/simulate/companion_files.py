"""Write the files next to the bill: activity, accounts, recommendations, Bedrock callers, events and owners.toml."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.engines.quoted_names import file_list
from focuswatch.engines.sql_values import literal
from focuswatch.simulate.organization import PRODUCT_TEAMS, SimulatedOrganization
from focuswatch.simulate.planned_bill import BillPlan, ObservedActivity
from focuswatch.simulate.planted.planted_coinciding_and_unrelated_events import PlantedEvent
from focuswatch.simulate.usual_and_planted_bedrock_callers import Call, Callers, limited

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
BEDROCK = """
SELECT
    CAST(ChargePeriodStart AS date) AS day, SubAccountId, RegionId, SkuMeter, ServiceName,
    sum(CAST(ConsumedQuantity AS double)) AS quantity, sum(CAST(EffectiveCost AS double)) AS cost
FROM {source}
WHERE ServiceName LIKE '%Bedrock%' AND ServiceName NOT LIKE '%AgentCore%'
    AND ChargeCategory = 'Usage' AND ChargeClass IS DISTINCT FROM 'Correction' AND SkuMeter IS NOT NULL
GROUP BY ALL
HAVING cost > 0
ORDER BY ALL
"""
# Use cases that declare the intent of everything a team owns. Other teams have declared none.
OF_TEAMS: dict[str, dict[str, Any]] = {
    "assistants-at-work": {"intent": "production", "team": "assistants"},
    "payments-at-work": {"intent": "production", "team": "payments"},
    "platform-for-all": {"intent": "shared", "team": "platform"},
    "catalog-playground": {"intent": "sandbox", "team": "catalog"},
}
UNOWNED_TEAMS = ("media", "analytics")  # missing from owners.toml


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


def bedrock_charges(files: Iterable[Path]) -> list[tuple[Any, ...]]:
    """Return the Bedrock charges of an export: day, account, region, meter, service, quantity, cost."""
    with duckdb.connect() as connection:
        return connection.execute(BEDROCK.format(source=export_source(files))).fetchall()


def export_source(files: Iterable[Path]) -> str:
    """Return the SQL that reads the files of an export."""
    paths = [str(file) for file in files]
    reader = "read_parquet" if paths[0].endswith(".parquet") else "read_csv"
    options = "" if reader == "read_parquet" else ", all_varchar = true"
    return f"{reader}({file_list(paths)}{options}, hive_partitioning = false)"


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


def write_rows(rows: Iterable[dict[str, Any]], path: Path, *, columns: dict[str, str]) -> None:
    """Write a Parquet file with these columns."""
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "rows.json"
        with text.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        with duckdb.connect() as connection:
            source = f"read_json({literal(str(text))}, format='newline_delimited', columns={columns})"
            connection.execute(f"COPY (FROM {source}) TO {literal(str(path))} (FORMAT parquet)")


def write_owners(plan: BillPlan, path: Path, *, principal_budgets: Mapping[str, dict[str, Any]]) -> None:
    """Write owners.toml, in which teams own charges by tag, account and OU, and a few accounts have no owner.

    Use cases can have a budget; teams have none, because it cannot be derived from the plan's lines.
    """
    organization = plan.organization
    parts = [
        '[routing]\nfallback_channel = "#finops"\nowner_tags = ["team", "owner"]\nrequired_tags = ["team"]\n'
    ]
    for team in (*PRODUCT_TEAMS, "platform", "security"):
        if team in UNOWNED_TEAMS:
            continue
        accounts = [account.id for account in organization.accounts if account.team == team][:1]
        ous = [f"/prod/{team}", f"/dev/{team}"] if team in PRODUCT_TEAMS else [f"/{team}"]
        parts.append(
            f'[teams.{team}]\nchannel = "#team-{team}"\n'
            f'jira = {{ project = "{_project(team)}", issue_type = "Task", component = "cost" }}\n'
            f"owns = {{ accounts = {json.dumps(accounts)}, ous = {json.dumps(ous)}, "
            f"tags = {{ team = {json.dumps([team])} }} }}\n"
        )
    for name, options in {**plan.use_cases, **OF_TEAMS}.items():
        parts.append(
            f"[use_cases.{name}]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in options.items())
        )
    for name, options in principal_budgets.items():
        parts.append(
            f"[principal_budgets.{name}]\n"
            + "".join(f"{key} = {_toml(value)}\n" for key, value in options.items())
        )
    path.write_text("\n".join(parts), encoding="utf-8")


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            return json.dumps(value)
    return str(value)  # a date or a number


def _project(team: str) -> str:
    return "".join(word[:2] for word in team.upper().split("-"))[:4] if "-" in team else team.upper()[:4]
