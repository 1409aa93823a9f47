"""List the organization's accounts, and track changes of their OU and tags: `accounts` and `account_history`."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.hourly_resources_and_metrics import day_of

AT_ONCE = 4  # threads; Organizations throttles per organization, not per caller
CLOSED = {"SUSPENDED", "CLOSED"}
HISTORY_DAYS = 1100  # three years, longer than the period of any report


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


def ended_periods(
    accounts: Iterable[OrganizationAccount],
    *,
    before: Iterable[dict[str, Any]],
    history: Iterable[dict[str, Any]],
    today: date,
) -> list[dict[str, Any]]:
    """Return the rows of `account_history`: the rows of `history`, and one for each account whose OU or tags changed.

    `before` are the accounts as last written. Organizations returns no time of a change, so the new OU and tags apply
    from the first day on which a run lists them. Periods that ended more than HISTORY_DAYS ago are dropped.
    """
    kept = [row for row in history if row["valid_to"] > today - timedelta(days=HISTORY_DAYS)]
    last_ends: dict[str, date] = {}
    for row in kept:
        id = row["sub_account_id"]
        last_ends[id] = max(row["valid_to"], last_ends.get(id, row["valid_to"]))
    earlier = {row["sub_account_id"]: row for row in before}
    ended = [
        {name: was[name] for name in ("sub_account_id", "name", "ou_path", "tags")}
        | {"valid_from": last_ends.get(account.sub_account_id), "valid_to": today}
        for account in accounts
        if (was := earlier.get(account.sub_account_id))
        and (was["ou_path"], was["tags"]) != (account.ou_path, account.tags)
        and last_ends.get(account.sub_account_id) != today  # not on a second run on the same day
    ]
    return sorted(kept + ended, key=lambda row: (row["sub_account_id"], row["valid_to"]))


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
