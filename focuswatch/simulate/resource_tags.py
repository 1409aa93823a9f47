"""Tags of simulated resources."""

from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan


def row_tags(
    plan: BillPlan, account: SimulatedAccount, application: str, *, always: bool = False
) -> dict[str, str]:
    """Return the tags of a resource. Nearly half of the resources have none, unless `always`."""
    if not always and plan.rng.random() < 0.45:
        return {}
    tags = {"application": application, "environment": account.environment}
    if account.team or always:
        return tags | team_tag(account)
    return tags | {"owner": account.name.removeprefix("sandbox-")}


def team_tag(account: SimulatedAccount) -> dict[str, str]:
    """Return the team tag of the account; sandboxes belong to the platform team."""
    return {"team": account.team or "platform"}
