"""The organisation's accounts as Organizations knows them, for the table `accounts`."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.hourly_resources import day_of

AT_ONCE = 4  # Organizations is throttled per organisation, not per caller
GONE = {"SUSPENDED", "CLOSED"}


@dataclass(frozen=True)
class OrganizationAccount:
    """A row of `accounts`. `is_active` is not one of its columns: it says whether there is anything to look at."""

    sub_account_id: str
    name: str | None
    email: str | None
    ou_path: str | None
    tags: dict[str, str]
    joined_on: date | None
    closed_on: date | None
    is_active: bool = field(default=True, compare=False)

    @property
    def row(self) -> dict[str, Any]:
        """The columns."""
        row = asdict(self)
        del row["is_active"]
        return row


def organisation(client: Any, *, known: Iterable[dict[str, Any]], today: date) -> list[OrganizationAccount]:
    """Every account there is, and those of `known` that left, which are closed since.

    Organizations gives no day for a closure: it is the first on which an account was seen closed. `State` took the
    place of `Status` in September 2026:
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    before = {row["sub_account_id"]: row for row in known}
    listed = list(paged(client.list_accounts, "Accounts", token="NextToken"))
    units = Units(client)

    def described(one: dict[str, Any]) -> OrganizationAccount:
        state = one.get("State") or one.get("Status") or "ACTIVE"
        closed_on = before.get(one["Id"], {}).get("closed_on") or today
        return OrganizationAccount(
            sub_account_id=one["Id"],
            name=one.get("Name"),
            email=one.get("Email"),
            ou_path=units.path(one["Id"]),
            tags=_tags(client, one["Id"]),
            joined_on=day_of(one.get("JoinedTimestamp")),
            closed_on=closed_on if state in GONE else None,
            is_active=state == "ACTIVE",
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        accounts = list(pool.map(described, listed))
    here = {account.sub_account_id for account in accounts}
    gone = [_gone(row, today=today) for account, row in before.items() if account not in here]
    return sorted(accounts + gone, key=lambda account: account.sub_account_id)


def _tags(client: Any, account: str) -> dict[str, str]:
    tags = paged(client.list_tags_for_resource, "Tags", token="NextToken", ResourceId=account)
    return {tag["Key"]: tag["Value"] for tag in tags}


def _gone(row: dict[str, Any], *, today: date) -> OrganizationAccount:
    """An account that Organizations no longer lists: it left, or was closed more than ninety days ago."""
    return OrganizationAccount(**row | {"closed_on": row.get("closed_on") or today}, is_active=False)


@dataclass
class Units:
    """Where in the organisation an account is, by names; each unit is asked for once."""

    client: Any
    paths: dict[str, str] = field(default_factory=dict)

    def path(self, child: str) -> str:
        """`/prod/search`; `/` for what lies right under the root."""
        (parent,) = self.client.list_parents(ChildId=child)["Parents"]  # there is exactly one
        if parent["Type"] == "ROOT":
            return "/"
        unit = parent["Id"]
        if unit not in self.paths:
            told = self.client.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"]
            self.paths[unit] = f"{self.path(unit).rstrip('/')}/{told['Name']}"
        return self.paths[unit]
