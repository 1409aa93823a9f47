"""Write the files next to the bill: activity, accounts, AWS's recommendations, and owners.toml."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.engines.sql_literals import literal
from focuswatch.simulate.organization import PRODUCT_TEAMS, SimulatedOrganization
from focuswatch.simulate.planned_bill import BillPlan, ObservedActivity

ACTIVITY = {
    "activity_date": "DATE", "sub_account_id": "VARCHAR", "region_id": "VARCHAR", "namespace": "VARCHAR",
    "resource_id": "VARCHAR", "metric": "VARCHAR", "value": "DOUBLE",
}  # fmt: skip
ACCOUNTS = {
    "sub_account_id": "VARCHAR", "name": "VARCHAR", "email": "VARCHAR", "ou_path": "VARCHAR",
    "tags": "MAP(VARCHAR, VARCHAR)", "joined_on": "DATE", "closed_on": "DATE",
}  # fmt: skip
RECOMMENDATIONS = {
    "recommendation_id": "VARCHAR", "account_id": "VARCHAR", "region": "VARCHAR", "resource_arn": "VARCHAR",
    "action_type": "VARCHAR", "current_resource_type": "VARCHAR", "current_resource_summary": "VARCHAR",
    "recommended_resource_summary": "VARCHAR", "estimated_monthly_cost_after_discount": "DOUBLE",
    "estimated_monthly_savings_after_discount": "DOUBLE", "estimated_savings_percentage_after_discount": "DOUBLE",
    "currency_code": "VARCHAR", "implementation_effort": "VARCHAR", "restart_needed": "BOOLEAN",
    "rollback_possible": "BOOLEAN", "recommendation_source": "VARCHAR", "last_refresh_timestamp": "TIMESTAMP",
}  # fmt: skip
SUMMARIES = {"Rightsize": "m6i.xlarge", "MigrateToGraviton": "m7g.2xlarge"}  # of the recommended resource
# The intent of everything a team owns; other teams have declared none.
OF_TEAMS: dict[str, dict[str, Any]] = {
    "assistants-at-work": {"intent": "production", "team": "assistants"},
    "payments-at-work": {"intent": "production", "team": "payments"},
    "platform-for-all": {"intent": "shared", "team": "platform"},
    "catalog-playground": {"intent": "sandbox", "team": "catalog"},
}
UNOWNED_TEAMS = ("media", "analytics")  # missing from owners.toml


def write_activity(plan: BillPlan, path: Path) -> None:
    _write(_activity_rows(plan.activity), path, columns=ACTIVITY)


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
    _write(rows, path, columns=ACCOUNTS)


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
    _write(rows, path, columns=RECOMMENDATIONS)


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


def _write(rows: Iterable[dict[str, Any]], path: Path, *, columns: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "rows.json"
        with text.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        with duckdb.connect() as connection:
            source = f"read_json({literal(str(text))}, format='newline_delimited', columns={columns})"
            connection.execute(f"COPY (FROM {source}) TO {literal(str(path))} (FORMAT parquet)")


def write_owners(plan: BillPlan, path: Path) -> None:
    """Write owners.toml: teams own by tag, by account and by OU; a few accounts have no owner.

    Only use cases have a budget: a team's cannot be derived from its lines.
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
    path.write_text("\n".join(parts), encoding="utf-8")


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case str():
            return json.dumps(value)
    return str(value)  # a date, a number


def _project(team: str) -> str:
    return "".join(word[:2] for word in team.upper().split("-"))[:4] if "-" in team else team.upper()[:4]
