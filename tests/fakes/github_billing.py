"""A fake of GitHub's billing usage report for an organization, written from its REST documentation.

https://docs.github.com/rest/billing/usage#get-billing-usage-report-for-an-organization
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.fakes.vendor_server import Reply

KEY = "ghp_of_a_test"
ORGANIZATION = "my org"


@dataclass(frozen=True)
class Usage:
    """The usage of a SKU on one day."""

    day: str
    net: float
    gross: float
    sku: str = "Copilot Business"
    product: str = "Copilot"
    quantity: float = 1.5
    unit: str = "user-months"


@dataclass
class GitHubOrganization:
    """An organization on the enhanced billing platform."""

    usage: list[Usage] = field(default_factory=list)

    def total(self) -> Decimal:
        return sum((Decimal(str(one.net)) for one in self.usage if one.product == "Copilot"), Decimal(0))

    def reply(self, path: str, query: dict[str, list[str]], body: Any, headers: dict[str, str]) -> Reply:
        if headers.get("Authorization") != f"Bearer {KEY}":
            return 401, {}, {"message": "Bad credentials"}
        assert headers["Accept"] == "application/vnd.github+json"
        assert headers["X-GitHub-Api-Version"] == "2022-11-28"
        if path != "/organizations/my%20org/settings/billing/usage":
            return 404, {}, {"message": "Not Found"}
        assert set(query) <= {"year", "month", "day", "hour"}
        year, month, day = (int(query[name][0]) for name in ("year", "month", "day"))
        shown = f"{year:04}-{month:02}-{day:02}"
        return 200, {}, {"usageItems": [self._item(one) for one in self.usage if one.day == shown]}

    def _item(self, one: Usage) -> Any:
        return {
            "date": f"{one.day}T00:00:00Z",
            "product": one.product,
            "sku": one.sku,
            "quantity": one.quantity,
            "unitType": one.unit,
            "pricePerUnit": 19,
            "grossAmount": one.gross,
            "discountAmount": round(one.gross - one.net, 6),
            "netAmount": one.net,
            "organizationName": ORGANIZATION,
            "repositoryName": "",
        }
