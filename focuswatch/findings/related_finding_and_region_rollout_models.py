"""Models of the incident in a finding's JSON: the other findings with the same cause, and the extent of a rollout.

Text lengths and counts are limited: a rollout can have thousands of findings, and a finding must fit SNS and DynamoDB.
"""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.decimal_money_type_and_rounding import Money
from focuswatch.findings.severity import Severity

NAME_CHARACTERS = 250  # longer than most ARNs; names on a bill can have any length
MOST_RELATED = 10  # findings that a lead lists; `related_findings` counts all
MOST_ACCOUNTS = 250  # accounts of a rollout, in all its groups together
MOST_REGIONS = 50  # Regions of a group; AWS has fewer


def _cut(name: object) -> object:
    if isinstance(name, str) and len(name) > NAME_CHARACTERS:
        return name[: NAME_CHARACTERS - 1] + "…"
    return name


Name = Annotated[str, BeforeValidator(_cut)]


class RelatedFinding(BaseModel):
    """Another finding of the same incident; `cost` is the `monthly_cost` of that finding."""

    model_config = ConfigDict(frozen=True)
    fingerprint: str
    detection: str
    category: Category
    severity: Severity
    title: Name
    sub_account_id: Name | None
    sub_account_name: Name | None
    region_id: Name | None
    service_name: Name | None
    resource_id: Name | None
    cost: Money


class RolloutAccounts(BaseModel):
    """Accounts in which the services of a rollout started in the same Regions."""

    model_config = ConfigDict(frozen=True)
    regions: Annotated[tuple[Name, ...], Field(max_length=MOST_REGIONS)]
    accounts: tuple[Name, ...]  # "name (id)", or the id


class Rollout(BaseModel):
    """A rollout: the same services started in new Regions of many accounts.

    `account_count` and `region_count` are the numbers of all accounts and Regions; `groups` lists at most 250 accounts.
    `teams` lists the owners of the accounts; null stands for accounts without an owner. `cost_so_far` and
    `monthly_cost_if_continues` are the totals of all findings of the rollout; null if an earlier version of focuswatch
    created the finding.
    """

    model_config = ConfigDict(frozen=True)
    services: tuple[Name, ...]
    account_count: int
    region_count: int
    groups: tuple[RolloutAccounts, ...]
    teams: tuple[str | None, ...]
    cost_so_far: Money | None = None
    monthly_cost_if_continues: Money | None = None
