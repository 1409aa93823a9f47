"""Charges of GitHub Copilot over HTTP, from a local server that follows GitHub's REST documentation."""

from decimal import Decimal

import pytest

from focuswatch.connectors.supported_vendor_connectors import CONNECTORS
from focuswatch.errors import ConfigError, FetchError
from tests.connectors.local_fetch import Vendor
from tests.fakes.github_billing import KEY, ORGANIZATION, GitHubOrganization, Usage
from tests.fakes.vendor_server import local_vendor

COPILOT = Vendor("copilot", KEY, ORGANIZATION)


def test_seats_and_usage_of_copilot_are_charges_and_other_products_are_not(tmp_path):
    organization = GitHubOrganization(
        [
            Usage("2026-11-01", 28.5, 28.5),
            Usage("2026-11-01", 0.08, 0.12, "Copilot Premium Request", quantity=3, unit="requests"),
            Usage("2026-11-01", 99, 99, "Actions Linux", "Actions", unit="minutes"),
            Usage("2026-11-20", 5, 5),
        ]
    )
    with local_vendor(organization) as server:
        summary = COPILOT.fetch(server, tmp_path)
    columns = "SkuMeter, BilledCost, ListCost, ConsumedQuantity, ConsumedUnit, SubAccountId, ResourceId"
    assert COPILOT.rows(tmp_path, columns) == [
        (
            "Copilot Business",
            Decimal("28.5"),
            Decimal("28.5"),
            Decimal("1.5"),
            "User-Months",
            ORGANIZATION,
            None,
        ),
        ("Copilot Premium Request", Decimal("0.08"), Decimal("0.12"), 3, "Requests", ORGANIZATION, None),
    ]
    assert summary.totals == {"USD": organization.total() - 5}
    assert len(server.requests) == 19  # one per day


def test_secondary_rate_limit_is_waited_for_and_missing_permission_is_an_error(tmp_path):
    """GitHub returns 403 for both."""
    with local_vendor(GitHubOrganization([Usage("2026-11-01", 1, 1)])) as server:
        server.failures = [(403, {"Retry-After": "1"}, {"message": "secondary rate limit"})]
        assert COPILOT.fetch(server, tmp_path).rows == 1
        server.failures = [(403, {}, {"message": "Resource not accessible"})]
        with pytest.raises(FetchError, match="GITHUB_BILLING_TOKEN is not valid or lacks permission"):
            COPILOT.fetch(server, tmp_path)


def test_a_long_secondary_rate_limit_is_not_reported_as_a_missing_permission(tmp_path):
    with local_vendor(GitHubOrganization()) as server:
        server.failures = [(403, {"Retry-After": "900"}, {"message": "secondary rate limit"})]
        with pytest.raises(FetchError, match="secondary rate limit.*again in 900 seconds"):
            COPILOT.fetch(server, tmp_path)
    assert len(server.requests) == 1


def test_an_unknown_organization_is_an_error_and_not_a_month_without_charges(tmp_path):
    with local_vendor(GitHubOrganization()) as server, pytest.raises(FetchError, match="HTTP 404"):
        Vendor("copilot", KEY, "other").fetch(server, tmp_path)


def test_the_organization_is_required():
    with pytest.raises(ConfigError, match="--account"):
        CONNECTORS["copilot"].api(KEY, account=None)
