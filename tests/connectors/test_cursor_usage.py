"""Charges of a Cursor team over HTTP, from a local server that follows Cursor's documentation."""

from decimal import Decimal

import pytest

from focuswatch.errors import FetchError
from tests.connectors.local_fetch import Vendor
from tests.fakes.cursor_usage_events import KEY, CursorTeam, Event
from tests.fakes.vendor_server import local_vendor

CURSOR = Vendor("cursor", KEY)


def test_events_of_a_user_model_and_day_are_one_charge(tmp_path):
    team = CursorTeam(
        [
            Event("2026-11-01T00:00:00", 21.36),
            Event("2026-11-01T23:59:59.999", 0.04),
            Event("2026-11-01T12:00:00", 5, user="ben@example.com", tokens=None),
            Event("2026-11-02T00:00:00", 1),
        ]
    )
    with local_vendor(team) as server:
        summary = CURSOR.fetch(server, tmp_path)
    columns = "day(ChargePeriodStart), x_User, x_Model, SkuMeter, BilledCost, ConsumedQuantity, ConsumedUnit"
    meter = ("claude-4.5-sonnet", "claude-4.5-sonnet, Usage-based")
    assert CURSOR.rows(tmp_path, columns) == [
        (1, "ana@example.com", *meter, Decimal("0.214"), 232, "Tokens"),
        (1, "ben@example.com", *meter, Decimal("0.05"), None, None),
        (2, "ana@example.com", *meter, Decimal("0.01"), 116, "Tokens"),
    ]
    assert summary.totals == {"USD": team.spend_cents() / 100}


@pytest.mark.parametrize(
    ("kind", "chargeable", "billed"),
    [
        ("Usage-based", True, "0.5"),
        ("Included in Business", True, "0"),  # chargeable, but covered by the plan
        ("USAGE_EVENT_KIND_INCLUDED_IN_BUSINESS", True, "0"),
        ("User API Key", True, "0.5"),  # Cursor's fee
        ("Errored, Not Charged", False, "0"),
    ],
)
def test_usage_that_the_plan_covers_has_a_list_cost_and_is_not_billed(tmp_path, kind, chargeable, billed):
    team = CursorTeam([Event("2026-11-01T01:00:00", 50, kind=kind, chargeable=chargeable)])
    with local_vendor(team) as server:
        CURSOR.fetch(server, tmp_path)
    assert CURSOR.rows(tmp_path, "BilledCost, EffectiveCost, ListCost") == [
        (Decimal(billed), Decimal(billed), Decimal("0.5"))
    ]


def test_windows_of_thirty_days_share_no_event(tmp_path):
    """The API includes both ends of a window, so an event at midnight between two windows is returned in both."""
    days = ("2026-08-31T23:59:59", "2026-09-01T00:00:00", "2026-10-01T00:00:00", "2026-10-31T00:00:00")
    team = CursorTeam([Event(at, 1) for at in (*days, "2026-11-20T00:00:00")])
    with local_vendor(team) as server:
        summary = CURSOR.fetch(server, tmp_path, since="2026-09-01")
    assert summary.totals == {"USD": Decimal("0.03")}
    assert CURSOR.rows(tmp_path, "CAST(ChargePeriodStart AS DATE)::VARCHAR") == [
        ("2026-09-01",),
        ("2026-10-01",),
        ("2026-10-31",),
    ]


def test_an_event_that_is_missing_from_the_pages_is_an_error(tmp_path):
    """An incomplete total would look like a saving."""
    team = CursorTeam([Event("2026-11-01T00:00:00", 1)] * 3, missing=1)
    with (
        local_vendor(team) as server,
        pytest.raises(FetchError, match="found 3 usage events in total; expected 4"),
    ):
        CURSOR.fetch(server, tmp_path)
    assert list(tmp_path.glob("data")) == []


def test_a_rate_limit_is_waited_for(tmp_path):
    """20 requests per minute: https://cursor.com/docs/api.md#rate-limits"""
    with local_vendor(CursorTeam([Event("2026-11-01T00:00:00", 1)])) as server:
        server.failures = [(429, {"Retry-After": "1"}, {"error": "rate limit"})]
        assert CURSOR.fetch(server, tmp_path).rows == 1


def test_a_rejected_key_names_the_variable(tmp_path):
    with local_vendor(CursorTeam()) as server, pytest.raises(FetchError, match="CURSOR_ADMIN_KEY"):
        Vendor("cursor", "key_wrong").fetch(server, tmp_path)
