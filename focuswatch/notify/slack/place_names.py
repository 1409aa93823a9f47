"""Where a finding is, in the words of people: accounts and regions by name."""

import json
from functools import cache
from importlib.resources import files

from focuswatch.findings.finding import Finding, account_label


def account_of_finding(finding: Finding) -> str:
    """Name and number of the account, as far as they are known."""
    return account_named(finding.sub_account_name, finding.sub_account_id)


def account_named(name: str | None, number: str | None) -> str:
    """`name (number)`, or what there is of it."""
    return account_label(name, number) or "no account"


def place(account: str, region_id: str | None) -> str:
    """`account · Europe (Ireland), eu-west-1`; what concerns no single region names none."""
    return " · ".join(filter(None, (account, region(region_id))))


def region(region_id: str | None) -> str | None:
    """A region by its name and its id: `Europe (Ireland), eu-west-1`; None where there is none."""
    name = _names().get(region_id or "")
    return f"{name}, {region_id}" if name else region_id


@cache
def _names() -> dict[str, str]:
    """Names of regions from the 7 KB that AWS keeps of them in botocore; none where botocore is not installed.

    https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
    """
    try:
        told = files("botocore").joinpath("data", "partitions.json").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        return {}
    return {
        region_id: known["description"]
        for partition in json.loads(told)["partitions"]
        for region_id, known in partition["regions"].items()
    }
