"""Assign charges to a team and a use case, by the tags and the OU that their account had on the day of the charge."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from focuswatch.engines import Engine
from focuswatch.owners.assign_owner_and_use_case import Tags, assigned_owner, assigned_purpose
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.use_case_and_intent_of_finding import AccountTags

PERIODS = "SELECT sub_account_id, valid_from, tags, ou_path FROM account_periods"


class AccountPeriod(NamedTuple):
    """The key of a period in which the tags and the OU of an account stay the same.

    `valid_from` is the first day of the period; None for an account that is not in the table account_periods.
    """

    account_id: str | None
    valid_from: date | None


class TagsAndOu(NamedTuple):
    """The tags and the OU of an account in a period."""

    tags: Tags
    ou_path: str | None


class Assignment(NamedTuple):
    """The team, use case and intent of a charge; None where it has none."""

    team: str | None
    use_case: str | None
    intent: str | None


AccountPeriods = Mapping[AccountPeriod, TagsAndOu]
UNKNOWN = TagsAndOu({}, None)


def account_periods(engine: Engine) -> AccountPeriods:
    """Return the tags and the OU of every account in each of its periods. Raises QueryError."""
    return {
        AccountPeriod(row["sub_account_id"], row["valid_from"]): TagsAndOu(row["tags"] or {}, row["ou_path"])
        for row in engine.query(PERIODS, label="accounts")
    }


def account_tags_on(day: date, *, periods: AccountPeriods) -> AccountTags:
    """Return the tags that each account had on a day, by account ID."""
    started = [
        (period.valid_from, period) for period in periods if period.valid_from and period.valid_from <= day
    ]
    return {
        period.account_id or "": periods[period].tags for _, period in sorted(started, key=lambda one: one[0])
    }


def assigned(
    owners: Owners,
    *,
    periods: AccountPeriods,
    period: AccountPeriod,
    tags: Tags | None,
    resource_id: str | None = None,
) -> Assignment:
    """Return the team, use case and intent of a charge in an account's period."""
    account = periods.get(period, UNKNOWN)
    team, _ = assigned_owner(
        owners, tags=tags, account_id=period.account_id, account_tags=account.tags, ou_path=account.ou_path
    )
    purpose = assigned_purpose(
        owners,
        tags=tags,
        account_id=period.account_id,
        account_tags=account.tags,
        resource_id=resource_id,
        team=team,
    )
    return Assignment(team, *purpose)
