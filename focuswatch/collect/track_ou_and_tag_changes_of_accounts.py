"""Track changes of the OU and tags of accounts, as rows of the table `account_history`. Does not call AWS."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from focuswatch.collect.list_organization_accounts import OrganizationAccount

HISTORY_DAYS = 1100  # three years, longer than the period of any report


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
