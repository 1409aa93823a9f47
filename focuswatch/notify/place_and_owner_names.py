"""Format the account, region and owner of a finding for display."""

import json
from functools import cache
from importlib.resources import files

from focuswatch.findings.account_and_owner_labels import account_label, owner_label
from focuswatch.findings.finding import Finding
from focuswatch.notify.related_findings_and_region_rollout_text import rollout_extent


def place_of_finding(finding: Finding) -> str:
    """Return the account and region; for a rollout, their numbers: `17 regions across 30 accounts`."""
    if finding.rollout:
        return rollout_extent(finding.rollout)
    account = account_named(finding.sub_account_name, finding.sub_account_id)
    return place(account, finding.region_id)


def account_of_finding(finding: Finding) -> str | None:
    """Return the account as `name (id)`; for a rollout, the number of accounts; None without an account."""
    if finding.rollout:
        return f"{finding.rollout.account_count:,} accounts"
    return account_label(finding.sub_account_name, finding.sub_account_id)


def region_id_of_finding(finding: Finding) -> str | None:
    """Return the region's id; for a rollout, the ids of its regions; None without a region."""
    if finding.rollout is None:
        return finding.region_id
    regions = dict.fromkeys(region_id for group in finding.rollout.groups for region_id in group.regions)
    return ", ".join(sorted(regions))


def owner_of_finding(finding: Finding) -> str:
    """Return the owner and how it was determined: `search (by account tag)`; for a rollout, how many teams."""
    if finding.rollout and finding.spans_teams:
        return f"{len(finding.rollout.teams)} teams"
    return owner_label(finding) if finding.team else "no owner"


def account_named(name: str | None, number: str | None) -> str:
    """Return `name (id)`, or only the one that is known; `no account` if neither is."""
    return account_label(name, number) or "no account"


def labeled_owner(finding: Finding) -> str:
    """Return the owner for a line of several values: `owner: search (by account tag)`, or `no owner`."""
    has_owner = finding.team or finding.spans_teams
    return f"owner: {owner_of_finding(finding)}" if has_owner else owner_of_finding(finding)


def place(account: str, region_id: str | None) -> str:
    """Return `account · Europe (Ireland), eu-west-1`; without a region only the account."""
    return " · ".join(filter(None, (account, region(region_id))))


def region(region_id: str | None) -> str | None:
    """Return a region by name and id: `Europe (Ireland), eu-west-1`; None without a region."""
    name = _names().get(region_id or "")
    return f"{name}, {region_id}" if name else region_id


@cache
def _names() -> dict[str, str]:
    """Return the names of regions by id, from a data file of botocore; empty if botocore is not installed.

    https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
    """
    try:
        text = files("botocore").joinpath("data", "partitions.json").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        return {}
    return {
        region_id: details["description"]
        for partition in json.loads(text)["partitions"]
        for region_id, details in partition["regions"].items()
    }
