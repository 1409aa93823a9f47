"""Write the owners.toml of a simulated organization."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from focuswatch.simulate.organization import PRODUCT_TEAMS
from focuswatch.simulate.planned_bill import BillPlan

# Use cases that declare the intent of everything a team owns. Other teams have declared none.
OF_TEAMS: dict[str, dict[str, Any]] = {
    "assistants-at-work": {"intent": "production", "team": "assistants"},
    "payments-at-work": {"intent": "production", "team": "payments"},
    "platform-for-all": {"intent": "shared", "team": "platform"},
    "catalog-playground": {"intent": "sandbox", "team": "catalog"},
}
UNOWNED_TEAMS = ("media", "analytics")  # missing from owners.toml


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
