"""Fetch the charges of an OpenAI organization: amounts and quantities from its costs, users from its usage.

https://github.com/openai/openai-openapi, paths /organization/costs and /organization/usage/completions

Only costs become charges, so that no usage is counted twice. A cost has an API key but no user; a usage result has
both. A charge has a user if all completions of its day, project and API key are by one user.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from focuswatch.connectors.daily_bucket_pages import daily_results, midnight
from focuswatch.connectors.vendor_api import VendorApi
from focuswatch.connectors.vendor_charge_record import Fetched, VendorCharge
from focuswatch.connectors.vendor_project_and_user_names import list_names

OPENAI, OPENAI_API = "OpenAI", "OpenAI API"
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_ADMIN_KEY"
KEY_HELP = "Create an admin key at https://platform.openai.com/settings/organization/admin-keys."
MOST_COST_DAYS, MOST_USAGE_DAYS = 180, 31  # days per page
# FOCUS unit and conversion factor by `quantity_unit` of a cost.
UNITS = {
    "tokens": ("Tokens", 1),
    "1000_tokens": ("Tokens", 1000),
    "duration_seconds": ("Seconds", 1),
    "duration_minutes": ("Minutes", 1),
    "duration_hours": ("Hours", 1),
    "gibibyte_hours": ("GiB-Hours", 1),
    "images": ("Images", 1),
    "characters": ("Characters", 1),
}

KeyDay = tuple[date, str | None, str | None]  # day, project, API key


class Amount(BaseModel):
    """The amount of a cost."""

    value: Decimal
    currency: str  # in lower case


class CostResult(BaseModel):
    """The cost of a line item, project and API key on one day."""

    amount: Amount
    line_item: str | None = None
    project_id: str | None = None
    api_key_id: str | None = None
    quantity: Decimal | None = None
    quantity_unit: str | None = None


class CompletionsResult(BaseModel):
    """The usage of a project, API key and user on one day; the other fields are not read."""

    project_id: str | None = None
    api_key_id: str | None = None
    user_id: str | None = None


ResultType = TypeVar("ResultType", CostResult, CompletionsResult)


class OpenAIBucket(BaseModel, Generic[ResultType]):
    """One day of a report."""

    starts_at: datetime = Field(alias="start_time")  # Unix seconds
    results: list[ResultType]


class OpenAIPage(BaseModel, Generic[ResultType]):
    """A page of a report."""

    data: list[OpenAIBucket[ResultType]]
    has_more: bool
    next_page: str | None


def openai_api(key: str, *, url: str = OPENAI_URL) -> VendorApi:
    """Return the OpenAI API for an admin key."""
    return VendorApi(
        OPENAI,
        url,
        key_variable=OPENAI_KEY,
        key=key,
        key_help=KEY_HELP,
        headers={"Authorization": f"Bearer {key}"},
    )


def fetch_openai(api: VendorApi, *, first: date, until: date) -> Fetched:
    """Return the charges of the days [first, until)."""
    projects = list_names(
        api, "/organization/projects", after="after", parameters={"include_archived": "true"}
    )
    people = list_names(api, "/organization/users", after="after")
    users = _user_of_each_key(api, first=first, until=until)
    charges = tuple(
        _charge(
            day,
            cost,
            project=projects.name(cost.project_id),
            user=people.email(users.get((day, cost.project_id, cost.api_key_id))),
        )
        for day, cost in _costs(api, first=first, until=until)
    )
    return Fetched(charges=charges, notes=(*projects.notes, *people.notes))


def _costs(api: VendorApi, *, first: date, until: date) -> Iterator[tuple[date, CostResult]]:
    parameters = _report_parameters(("line_item", "project_id", "api_key_id"), first=first, until=until)
    parameters["limit"] = min((until - first).days, MOST_COST_DAYS)

    def page(cursor: str | None) -> OpenAIPage[CostResult]:
        after = {"page": cursor} if cursor else {}
        return api.get("/organization/costs", parameters | after, shape=OpenAIPage[CostResult])

    return daily_results(page, first=first, until=until, vendor=OPENAI)


def _user_of_each_key(api: VendorApi, *, first: date, until: date) -> dict[KeyDay, str]:
    """Return the user of each day, project and API key, without keys that have several users or an unknown user."""
    parameters = _report_parameters(("project_id", "api_key_id", "user_id"), first=first, until=until)
    parameters["limit"] = min((until - first).days, MOST_USAGE_DAYS)

    def page(cursor: str | None) -> OpenAIPage[CompletionsResult]:
        after = {"page": cursor} if cursor else {}
        return api.get(
            "/organization/usage/completions", parameters | after, shape=OpenAIPage[CompletionsResult]
        )

    users: dict[KeyDay, set[str | None]] = defaultdict(set)
    for day, usage in daily_results(page, first=first, until=until, vendor=OPENAI):
        users[day, usage.project_id, usage.api_key_id].add(usage.user_id)
    return {key: user for key, found in users.items() if len(found) == 1 for user in found if user}


def _report_parameters(grouping: tuple[str, ...], *, first: date, until: date) -> dict[str, Any]:
    return {
        "start_time": int(midnight(first).timestamp()),
        "end_time": int(midnight(until).timestamp()),
        "bucket_width": "1d",
        "group_by": grouping,
    }


def _charge(day: date, cost: CostResult, *, project: str | None, user: str | None) -> VendorCharge:
    item = cost.line_item or "Not itemized"
    amount = cost.amount.value
    quantity, unit = _quantity(cost)
    return VendorCharge(
        day=day,
        service=OPENAI_API,
        meter=item,
        description=item,
        model=_model(item),
        user=user,
        billed=amount,
        listed=amount,
        currency=cost.amount.currency.upper(),
        quantity=quantity,
        unit=unit,
        account_id=cost.project_id,
        account_name=project,
        account_type="Project" if cost.project_id else None,
        resource_id=cost.api_key_id,
        resource_type="API Key" if cost.api_key_id else None,
    )


def _quantity(cost: CostResult) -> tuple[Decimal | None, str | None]:
    """Return the quantity and its FOCUS unit; None for both if one is missing."""
    if cost.quantity is None or cost.quantity_unit is None:
        return None, None
    unit, factor = UNITS.get(cost.quantity_unit, (cost.quantity_unit.replace("_", " ").title(), 1))
    return cost.quantity * factor, unit


def _model(line_item: str) -> str | None:
    """Return the model of a line item such as `gpt-4o-2024-08-06, cached input`; None without a comma."""
    model, comma, _ = line_item.partition(", ")
    return model if comma else None
