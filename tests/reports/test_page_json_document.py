"""The numbers of the page's first screen, the order of its incidents, and the contrast of its colors."""

import re
from datetime import date
from pathlib import Path

import pytest

from focuswatch.ledger import LedgerEntry, Suppression
from focuswatch.reports.page import build_document
from focuswatch.reports.page.listed_and_charted_findings import charted_finding_keys, shown_incidents
from tests.given.one_line_findings import DAY, finding
from tests.given.page_inputs import days_before, gathered

STYLE = Path(__file__).parents[2] / "focuswatch" / "reports" / "page" / "page.css"
TEXTS = ("ink", "soft", "accent", "mark", "critical", "high", "medium", "low", "good")
# The minimum contrast of graphics: https://www.w3.org/TR/WCAG22/#non-text-contrast
GRAPHICS = (
    "model-inference",
    "retrieval",
    "orchestration-and-compute",
    "observability",
    "tools-and-data",
    "filter",
    "edge",
)


def forecast_row(of: str, name: str, *, forecast: float, budget: float | None = None) -> dict[str, object]:
    """Return a row of month_forecast."""
    over_by = None if budget is None else forecast - budget
    return {"of": of, "name": name, "spent": forecast / 3, "forecast": forecast, "low": forecast, "high": forecast,
            "budget": budget, "over_by": over_by, "over_on": None, "budget_status": ""}  # fmt: skip


def test_month_compares_the_forecast_with_budgets():
    """Budgets of use cases are counted, but only those of teams are summed up: the same money would count twice."""
    rows = [
        forecast_row("all", "all", forecast=900.0),
        forecast_row("team", "search", forecast=300.0, budget=200.0),
        forecast_row("team", "ads", forecast=100.0, budget=300.0),
        forecast_row("team", "(unallocated)", forecast=500.0),
        forecast_row("use case", "chat", forecast=90.0, budget=50.0),
        forecast_row("service", "Amazon S3", forecast=90.0),
    ]
    month = build_document(gathered(reports={"month_forecast": rows}))["month"]
    assert (month["spent"], month["forecast"]) == (300.0, 900.0)
    assert (month["budgets"], month["budgets_over"]) == (3, 2)
    assert (month["team_budget"], month["team_forecast"]) == (500.0, 400.0)


@pytest.mark.parametrize(
    ("as_of", "first", "last"),
    [(date(2026, 3, 1), "2026-02-01", "2026-02-28"), (date(2026, 3, 2), "2026-03-01", "2026-03-31")],
)
def test_month_is_that_of_the_last_day_before_as_of(as_of, first, last):
    """On the first of a month, the month before is reviewed."""
    rows = [forecast_row("all", "all", forecast=9.0)]
    month = build_document(gathered(as_of=as_of, reports={"month_forecast": rows}))["month"]
    assert (month["first_day"], month["last_day"]) == (first, last)


def spend(cost: float, *backs: int) -> list[dict[str, object]]:
    """Return rows of the same cost for these days before DAY."""
    return [
        {
            "charge_date": days_before(back),
            "effective_cost": cost,
            "layer": "retrieval",
            "seen_by_bedrock_filter": 0.0,
        }
        for back in backs
    ]


def test_ai_share_is_of_the_same_complete_days_as_the_spend():
    """The last complete day is three days before; a later day counts in neither sum."""
    shown = build_document(
        gathered(spend_days=spend(10.0, *range(1, 63)), layer_days=spend(4.0, *range(1, 61)))
    )
    totals = shown["spend"]
    assert (totals["from"], totals["until"]) == (str(days_before(32)), str(days_before(3)))
    assert (totals["cost"], totals["cost_before"], totals["ai_cost"]) == (300.0, 300.0, 120.0)
    assert (len(totals["days"]), totals["ai_costs"]) == (60, [4.0] * 60)


def test_bill_without_complete_days_is_summed_up_to_its_last_day():
    """As the report spend_by_team does."""
    shown = build_document(
        gathered(
            spend_days=spend(10.0, 1, 2),
            billed_days={
                "last_settled_day": None,
                "first_day_before": days_before(60),
                "first_period_day": days_before(30),
                "period_end_day": DAY,
            },
        )
    )
    assert (shown["spend"]["cost"], shown["settled_until"]) == (20.0, None)


def test_bill_without_forecast_or_charges_has_no_totals():
    """The page then leaves their tiles out."""
    shown = build_document(gathered())
    assert (shown["month"], shown["spend"]) == (None, None)


def incident(name: str, *, lead_cost: str, other_cost: str) -> tuple[LedgerEntry, LedgerEntry]:
    """Return the lead of an incident, a security finding, and an anomaly of the same cause."""
    lead = finding(f"{name} lead", cost=lead_cost, category="security").model_copy(
        update={"incident": name, "incident_lead": True, "related_findings": 1}
    )
    other = finding(f"{name} other", cost=other_cost, category="anomaly").model_copy(
        update={"incident": name, "incident_lead": False, "counted_in": lead.fingerprint}
    )
    return LedgerEntry(finding=lead), LedgerEntry(finding=other)


def test_findings_of_an_incident_follow_their_lead():
    """Incidents are ordered by the stake of the lead, also if another finding states a higher cost."""
    small, large = (
        incident("small", lead_cost="2", other_cost="90"),
        incident("large", lead_cost="8", other_cost="7"),
    )
    single = LedgerEntry(finding=finding("single", cost="5"))
    shown = build_document(gathered(small[1], small[0], single, large[1], large[0]))["findings"]
    assert [one["resource_id"] for one in shown] == [
        "large lead",
        "large other",
        "single",
        "small lead",
        "small other",
    ]


def test_incident_with_a_suppressed_lead_lists_its_other_findings():
    """They are still open."""
    suppression = Suppression(scope="resource", value="x lead", author="ana", reason="known", since=DAY)
    shown = build_document(
        gathered(*incident("x", lead_cost="9", other_cost="5"), suppressions=(suppression,))
    )["findings"]
    assert [one["resource_id"] for one in shown] == ["x other"]


def test_highest_anomalies_and_security_findings_get_a_chart():
    """Ten of each, one for each incident; no waste, no resolved and no suppressed finding."""
    anomalies = [
        LedgerEntry(finding=finding(str(cost), cost=str(cost), category="anomaly")) for cost in range(1, 20)
    ]
    resolved = anomalies[18].model_copy(update={"state": "resolved"})
    suppression = Suppression(scope="resource", value="18", author="ana", reason="known", since=DAY)
    waste = LedgerEntry(finding=finding("waste", cost="99"))
    pair = incident("x", lead_cost="50", other_cost="40")
    chosen = charted_finding_keys(
        shown_incidents([*anomalies[:18], resolved, waste, *pair], [suppression], as_of=DAY)
    )
    assert [row[-1] for row in chosen] == [*map(str, range(17, 7, -1)), "x lead"]


def luminance(color: str) -> float:
    """Return the relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colors_contrast_with_their_backgrounds(theme):
    """Text by 4.5 to 1 on the page, on cards and on shaded areas; lines, bars and edges by 3 to 1 on cards."""
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE.read_text(encoding="utf-8"))
    colors = {name: (light, dark)[theme] for name, light, dark in pairs}
    weak = [
        (name, ground)
        for names, grounds, least in ((TEXTS, ("paper", "card", "ground"), 4.5), (GRAPHICS, ("card",), 3.0))
        for name in names
        for ground in grounds
        if contrast(colors[name], colors[ground]) < least
    ]
    assert weak == []
