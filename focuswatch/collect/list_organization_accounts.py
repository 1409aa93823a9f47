"""List the organization's accounts with OU, tags and status, as rows of the table `accounts`."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.resource_model_with_metrics_to_read import day_of

AT_ONCE = 4  # threads; Organizations throttles per organization, not per caller
CLOSED = {"SUSPENDED", "CLOSED"}


@dataclass(frozen=True)
class OrganizationAccount:
    """A row of `accounts`. `is_active` is not a column; it selects the accounts whose data is collected."""

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
        """Return the account as a row, by column name."""
        row = asdict(self)
        del row["is_active"]
        return row


def list_accounts(client: Any, *, before: Iterable[dict[str, Any]], today: date) -> list[OrganizationAccount]:
    """Return the accounts of the organization, and as closed the accounts in `before` that are no longer listed.

    Organizations returns no closing date, so `closed_on` is the first day on which a run found the account closed.
    `State` replaced `Status` in September 2026:
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    earlier = {row["sub_account_id"]: row for row in before}
    listed = list(paged(client.list_accounts, "Accounts", token="NextToken"))
    units = Units(client)

    def described(entry: dict[str, Any]) -> OrganizationAccount:
        state = entry.get("State") or entry.get("Status") or "ACTIVE"
        closed_on = earlier.get(entry["Id"], {}).get("closed_on") or today
        return OrganizationAccount(
            sub_account_id=entry["Id"],
            name=entry.get("Name"),
            email=entry.get("Email"),
            ou_path=units.path(entry["Id"]),
            tags=_tags(client, entry["Id"]),
            joined_on=day_of(entry.get("JoinedTimestamp")),
            closed_on=closed_on if state in CLOSED else None,
            is_active=state == "ACTIVE",
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        accounts = list(pool.map(described, listed))
    listed_ids = {account.sub_account_id for account in accounts}
    left = [_left(row, today=today) for account, row in earlier.items() if account not in listed_ids]
    return sorted(accounts + left, key=lambda account: account.sub_account_id)


def _tags(client: Any, account: str) -> dict[str, str]:
    tags = paged(client.list_tags_for_resource, "Tags", token="NextToken", ResourceId=account)
    return {tag["Key"]: tag["Value"] for tag in tags}


def _left(row: dict[str, Any], *, today: date) -> OrganizationAccount:
    """Return an account that Organizations no longer lists, because it left or was closed over 90 days ago."""
    return OrganizationAccount(**row | {"closed_on": row.get("closed_on") or today}, is_active=False)


@dataclass
class Units:
    """Resolves the paths of organizational units by their names; caches each unit."""

    client: Any
    paths: dict[str, str] = field(default_factory=dict)

    def path(self, child: str) -> str:
        """Return the path of an account or unit, such as `/prod/search`; `/` directly under the root."""
        (parent,) = self.client.list_parents(ChildId=child)["Parents"]  # always exactly one
        if parent["Type"] == "ROOT":
            return "/"
        unit = parent["Id"]
        if unit not in self.paths:
            described = self.client.describe_organizational_unit(OrganizationalUnitId=unit)[
                "OrganizationalUnit"
            ]
            self.paths[unit] = f"{self.path(unit).rstrip('/')}/{described['Name']}"
        return self.paths[unit]
