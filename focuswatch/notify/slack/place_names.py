"""Names of accounts and regions as people read them."""

import json
from functools import cache
from importlib.resources import files

from focuswatch.findings.finding import Finding, account_label


def account_of_finding(finding: Finding) -> str:
    """Return name and number of the account, as far as known."""
    return account_named(finding.sub_account_name, finding.sub_account_id)


def account_named(name: str | None, number: str | None) -> str:
    """Return `name (number)`, or the one that is known."""
    return account_label(name, number) or "no account"


def place(account: str, region_id: str | None) -> str:
    """Return `account · Europe (Ireland), eu-west-1`; without a region only the account."""
    return " · ".join(filter(None, (account, region(region_id))))


def region(region_id: str | None) -> str | None:
    """Return a region by name and id: `Europe (Ireland), eu-west-1`; None without a region."""
    name = _names().get(region_id or "")
    return f"{name}, {region_id}" if name else region_id


@cache
def _names() -> dict[str, str]:
    """Return names of regions by id, from a file of botocore; none if botocore is not installed.

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
