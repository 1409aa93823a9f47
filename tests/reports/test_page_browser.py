"""The page in a browser without network: content, accessibility, keyboard use, printing and phones."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.reports.page import build_document, render_page
from tests.fakes.local_browser import AXE, NPM_BRINGS_ONE, browser, lacking, must_be_there
from tests.fakes.waiting import patience
from tests.given.one_line_findings import finding
from tests.given.page_inputs import data_of, days_before, gathered, hostile, many
from tests.reports.test_page import focuswatch

SAMPLE = Path(__file__).parents[1] / "data" / "focus_sample.csv"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SERIOUS_IMPACTS = {"serious", "critical"}
PAGES = ("organization", "sample", "hostile", "empty")
SECTIONS = {"spend", "forecast", "ai", "findings", "gpus", "movers", "portfolio", "unallocated", "coverage"}
# Pixels of the demo's page: half of its height when every row was visible in one list, and on the desktop 400 more for
# the section "Spend rate", which the demo shows since it passes hourly token counts.
MOST_HEIGHT = {"desktop": 8_000, "phone": 15_100}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return a browser. Without one, skip the tests that need it, or fail where a browser is required."""
    if missing := lacking():
        if must_be_there():
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=patience(30) * 1000)
    with browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Return pages by name: the demo and the public sample, written by the command, and constructed page data."""
    folder = tmp_path_factory.mktemp("pages")
    output = focuswatch("demo", "--out", folder / "demo").stdout
    assert f"Page: {(folder / 'demo' / 'page.html').as_uri()}" in output.splitlines()
    (folder / "demo" / "page.html").rename(folder / "organization.html")
    state = ("--state", folder / "state")
    focuswatch("scan", SAMPLE, *state)
    focuswatch("page", "-o", folder / "sample.html", *state)
    without_ai = folder / "without_ai.csv"
    lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    without_ai.write_text("".join(one for one in lines if "Machine Learning" not in one), encoding="utf-8")
    focuswatch("scan", without_ai, *state)
    focuswatch("page", "-o", folder / "without_ai.html", *state)
    for name, content in (("hostile", hostile()), ("empty", gathered()), ("many", many(120))):
        (folder / f"{name}.html").write_text(render_page(build_document(content)), encoding="utf-8")
    return {path.stem: path for path in folder.glob("*.html")}


@contextmanager
def opened(chromium: Browser, path: Path, *, at: str = "", **context: object) -> Iterator[Page]:
    """Return the drawn page in a context without network. Errors in the console fail the test."""
    lines: list[str] = []
    browser_context = chromium.new_context(offline=True, **{"viewport": DESKTOP, **context})  # type: ignore[arg-type]
    try:
        browser_context.set_default_timeout(patience(60) * 1000)
        page = browser_context.new_page()
        page.on("console", lambda message: lines.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: lines.append(str(error)))
        page.on("request", lambda request: request.url.startswith(path.as_uri()) or lines.append(request.url))
        page.goto(path.as_uri() + at)
        page.wait_for_selector("html[data-ready]")
        yield page
        assert lines == []
    finally:
        browser_context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(chromium, pages, name, viewport, scheme):
    """With open findings, nothing is wider than the screen and axe reports no serious violation."""
    with opened(chromium, pages[name], viewport=viewport, color_scheme=scheme) as page:
        for summary in page.locator(".finding summary").all()[:2]:
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert not re.search(r"\b(null|undefined|NaN)\b|\[object", page.locator("main").inner_text())
        # evaluate() bypasses the page's Content-Security-Policy.
        page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
        violations = page.evaluate("axe.run({resultTypes: ['violations']}).then((seen) => seen.violations)")
        assert [
            (one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in SERIOUS_IMPACTS
        ] == []


@pytest.mark.skipif(
    not NPM_BRINGS_ONE or "FOCUSWATCH_BROWSER" in os.environ, reason="runs the machine's own browser"
)
def test_packaged_browser_uses_only_its_own_fonts(chromium):
    """The page looks the same on a machine without fonts."""
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.set_content('<p style="font-family: sans-serif">Monthly cost: 4,492 USD</p>')
        protocol = context.new_cdp_session(page)
        protocol.send("DOM.enable")
        protocol.send("CSS.enable")
        root = protocol.send("DOM.getDocument")["root"]["nodeId"]
        node = protocol.send("DOM.querySelector", {"nodeId": root, "selector": "p"})["nodeId"]
        fonts = protocol.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    finally:
        context.close()
    assert [font["familyName"] for font in fonts] == ["Open Sans"]


def test_page_of_an_organization_has_each_section(chromium, pages):
    """Each section has a title and a link at the top; each chart is drawn and labeled."""
    with opened(chromium, pages["organization"]) as page:
        shown = {one.get_attribute("id") for one in page.locator("main section").all()}
        assert shown >= SECTIONS
        linked = {one.get_attribute("href") for one in page.locator("nav a").all()}
        assert linked == {f"#{id}" for id in shown}
        for section in ("spend", "forecast", "ai", "anomaly", "security", "gpus", "portfolio"):
            drawn = page.locator(f"#{section} svg[role=img]")
            assert drawn.count() >= 1
            assert drawn.first.get_attribute("aria-label")
        assert page.locator("#ai figure rect").count() > 60
        assert page.locator("#anomaly .sparkline circle").count() >= page.locator("#anomaly .finding").count()


def test_first_screen_shows_the_numbers_of_the_bill(chromium, pages):
    """The month so far and its forecast, AI share, waste, security and unallocated spend, linked to their sections."""
    document = data_of(pages["organization"].read_text(encoding="utf-8"))
    with opened(chromium, pages["organization"]) as page:
        names = page.locator("main > .tiles dt").all_inner_texts()
        assert names == [
            "June so far",
            "June forecast",
            "AI share",
            "Waste",
            "Security findings to review",
            "Unallocated",
        ]
        figures = page.locator("main > .tiles .figure").all_inner_texts()
        spent, forecast, share, waste, security, unallocated = figures
        assert spent == f"{document['month']['spent']:,.0f} USD"
        assert forecast == f"{document['month']['forecast']:,.0f} USD"
        assert share == f"{document['spend']['ai_cost'] / document['spend']['cost']:.0%}"
        assert waste == f"{document['waste']:,.0f} USD/month"
        assert security.endswith(" incidents")
        rows = document["reports"]["unowned_spend"]["rows"]
        assert unallocated == f"{sum(row['effective_cost'] for row in rows):,.0f} USD"
        for link in page.locator("main > .tiles dt a").all():
            assert page.locator(link.get_attribute("href") or "").count() == 1
        last = page.locator("main > .tiles .tile").last.bounding_box()
        assert last is not None and last["y"] + last["height"] < DESKTOP["height"]


@pytest.mark.parametrize(
    ("viewport", "name"), [(DESKTOP, "desktop"), (PHONE, "phone")], ids=["desktop", "phone"]
)
def test_page_height_is_limited(chromium, pages, viewport, name):
    """Long tables and lists show further rows on demand."""
    with opened(chromium, pages["organization"], viewport=viewport) as page:
        assert page.evaluate("document.documentElement.scrollHeight") <= MOST_HEIGHT[name]


def test_table_wider_than_a_phone_shows_that_it_scrolls(chromium, pages):
    """A line above the table and a shaded edge show that columns are hidden; a table that fits has neither."""
    with opened(chromium, pages["organization"], viewport=PHONE) as page:
        wide = page.locator("#movers .scrolling")
        assert wide.locator(".scroll-cue").is_visible()
        edge = "(element, side) => getComputedStyle(element, `::${side}`).content"
        frame = wide.locator(".frame")
        assert (frame.evaluate(edge, "before"), frame.evaluate(edge, "after")) == ("none", '""')
        wide.locator(".scroll").evaluate("element => element.scrollTo(9999, 0)")
        page.wait_for_selector("#movers [data-hidden-left]")
        assert (frame.evaluate(edge, "before"), frame.evaluate(edge, "after")) == ('""', "none")
    with opened(chromium, pages["organization"]) as page:
        assert not page.locator("#movers .scroll-cue").is_visible()


def test_table_shows_all_rows_on_demand(chromium, pages):
    """The focus stays on the table."""
    with opened(chromium, pages["organization"]) as page:
        table = page.locator("#movers")
        assert table.locator("tbody tr:visible").count() == 6
        table.get_by_role("button", name="more row").press("Enter")
        assert table.locator("tbody tr:visible").count() == table.locator("tbody tr").count() > 6
        assert page.evaluate("document.activeElement.matches('#movers .scroll')")


def test_page_without_ai_spend_has_the_other_sections(chromium, pages):
    """Coverage states that there is no AI spend; neither a section nor a number is empty."""
    with opened(chromium, pages["without_ai"]) as page:
        assert "No AI charges in the last 60 days" in page.locator("#coverage").inner_text()
        for section in ("spend", "findings", "unallocated", "coverage"):
            assert page.locator(f"#{section}").inner_text().strip()
        assert page.locator("#ai, #gpus").count() == 0
        assert "AI share" not in page.locator("main > .tiles").inner_text()


def test_ai_spend_by_team_ends_with_its_total(chromium, tmp_path):
    """The table has tokens, price and forecast. The first screen and the section's note state the same forecast."""
    team = {"team": "search", "effective_cost": 40.0, "effective_cost_before": 20.0, "million_tokens": 8.0,
            "cost_per_million": 2.5, "forecast": 60.0, "low": 50.0, "high": 70.0, "idle_monthly": 0.0,
            "waste_monthly": 3.0}  # fmt: skip
    rows = [team, {**team, "team": "(total)"}]
    days = [
        {
            "charge_date": days_before(back),
            "effective_cost": 4.0,
            "layer": "retrieval",
            "seen_by_bedrock_filter": 0.0,
        }
        for back in range(1, 40)
    ]
    document = build_document(gathered(spend_days=days, layer_days=days))
    document["reports"]["ai_by_team"] = {"title": "AI by team", "basis": "EffectiveCost", "rows": rows}
    path = tmp_path / "p.html"
    path.write_text(render_page(document), encoding="utf-8")
    with opened(chromium, path) as page:
        cells = [row.locator("td").all_inner_texts() for row in page.locator("#ai .part table tr").all()]
        assert cells[1:] == [[name, "40.00", "8.00", "2.50", "60.00", "3.00"] for name in ("search", "Total")]
        assert (
            "The forecast of AI spend for March is 60.00 USD (80% prediction interval: 50.00 to 70.00 USD)"
            in page.locator("#ai > .note").inner_text()
        )
        assert "forecast for March: 60.00 USD" in page.locator("main > .tiles").inner_text()


def test_spend_is_split_by_intent_use_case_and_team(chromium, pages):
    """The chart changes, and its label states the split."""
    with opened(chromium, pages["organization"]) as page:
        for axis in ("Use case", "Team", "Intent"):
            page.get_by_label("Split by").select_option(axis)
            drawn = page.locator("#portfolio svg[role=img]")
            assert drawn.count() == 1
            assert f"by {axis.lower()} in" in (drawn.get_attribute("aria-label") or "")


def test_filters_work_by_keyboard(chromium, pages):
    """An incident is listed if one of its findings matches; screen readers announce the number of matches."""
    findings = data_of(pages["organization"].read_text(encoding="utf-8"))["findings"]
    keys = {
        "Team": lambda one: one["team"] or "no owner",
        "Account": lambda one: (
            account_label(one["sub_account_name"], one["sub_account_id"]) or "(whole organization)"
        ),
        "Use case": lambda one: one["use_case"] or "(no use case)",
        "Intent": lambda one: one["intent"] or ("(no intent)" if one["team"] else "(unallocated)"),
        "Severity": lambda one: one["severity"],
    }
    for name, value_of in keys.items():
        with opened(chromium, pages["organization"]) as page:
            page.get_by_label(name, exact=True).focus()
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Tab")
            chosen = page.locator(f"select[name={name.lower().replace(' ', '_')}]").input_value()
            wanted = [one for one in findings if value_of(one) == chosen]
            assert 0 < len(wanted) < len(findings)
            assert f"{len(wanted)} finding" in page.get_by_role("status").inner_text()
            listed = {one.get_attribute("id") for one in page.locator(".finding:visible").all()}
            incidents = {one["incident"] for one in wanted}
            assert listed
            assert {one["incident"] for one in findings if one["fingerprint"] in listed} <= incidents
            page.get_by_role("button", name="Clear filters").press("Enter")
            assert page.get_by_role("status").inner_text() == f"{len(findings)} open findings."


def test_search_matches_findings(chromium, pages):
    """By resource, account or fingerprint; an unknown word matches nothing."""
    one = data_of(pages["organization"].read_text(encoding="utf-8"))["findings"][3]
    with opened(chromium, pages["organization"]) as page:
        page.get_by_role("searchbox", name="Search").fill(one["fingerprint"][:10].upper())
        assert [item.get_attribute("id") for item in page.locator(".finding").all()] == [one["fingerprint"]]
        page.get_by_role("searchbox", name="Search").fill(one["sub_account_name"])
        assert one["fingerprint"] in [item.get_attribute("id") for item in page.locator(".finding").all()]
        page.get_by_role("searchbox", name="Search").fill("no such thing anywhere")
        assert page.get_by_role("status").inner_text().startswith("0 findings of")
        assert page.locator(".finding").count() == 0


def test_incident_is_one_row_that_opens_to_its_findings(chromium, pages):
    """The group counts both, its sum counts a dollar once, and a link to a related finding opens both rows."""
    findings = data_of(pages["organization"].read_text(encoding="utf-8"))["findings"]
    related = next(one for one in findings if not one["incident_lead"] and one["counted_in"])
    lead = next(one for one in findings if one["incident"] == related["incident"] and one["incident_lead"])
    with opened(chromium, pages["organization"]) as page:
        assert page.locator(f"[id='{related['fingerprint']}']").count() == 0
    with opened(chromium, pages["organization"], at=f"#{related['fingerprint']}") as page:
        row = page.locator(f"#{lead['category']} > ol > [id='{lead['fingerprint']}']")
        assert "1 related finding" in row.locator("summary").first.inner_text()
        nested = row.locator(f".inside [id='{related['fingerprint']}'] .inside")
        assert related["action"].splitlines()[0] in nested.inner_text()
        security = [one for one in findings if one["category"] == "security"]
        here = {one["fingerprint"] for one in security}
        charged = sum(one["cost_so_far"] for one in security if one["counted_in"] not in here)
        assert f"{charged:,.0f} USD charged so far" in page.locator("#security > .note").inner_text()
        assert f"incidents with {len(security)}" not in page.locator("#waste > .note").inner_text()


def test_running_finding_is_marked_through_the_last_day(chromium, tmp_path):
    """Days that are not complete are faded; the marking of a finding that ended stops on its last day."""
    days = {"anomalous_from": str(days_before(6)), "anomalous_until": str(days_before(4))}
    running = finding("running", cost="9", category="anomaly").model_copy(
        update={"evidence": days, "cost_so_far": Decimal(9), "monthly_cost_if_continues": Decimal(90)}
    )
    ended = finding("ended", cost="8", category="anomaly").model_copy(
        update={
            "evidence": days,
            "cost_so_far": Decimal(8),
            "monthly_cost_if_continues": Decimal(0),
            "ended_on": days_before(4),
        }
    )
    rows = [
        {"fingerprint": one.fingerprint, "charge_date": days_before(back), "effective_cost": 3.0}
        for one in (running, ended)
        for back in range(1, 20)
    ]
    path = tmp_path / "p.html"
    path.write_text(
        render_page(build_document(gathered(running, ended, finding_days=rows))), encoding="utf-8"
    )
    with opened(chromium, path) as page:
        marks = {}
        for one in (running, ended):
            drawn = page.locator(f"[id='{one.fingerprint}'] .sparkline svg")
            assert drawn.locator("[stroke-dasharray]").count() == 1  # the incomplete days
            boxes = [mark.bounding_box() for mark in drawn.locator("rect").all()]
            marks[one.resource_id] = max(box["x"] + box["width"] for box in boxes if box)
            frame = drawn.bounding_box()
            assert frame is not None
        assert marks["running"] >= frame["x"] + frame["width"] - 5 > marks["ended"] + 5
        assert "not ended" in (page.locator(".sparkline svg").first.get_attribute("aria-label") or "")


def test_finding_opens_with_evidence_and_a_command_to_copy(chromium, pages):
    """By keyboard; the complete command is copied."""
    one = next(
        one
        for one in data_of(pages["organization"].read_text(encoding="utf-8"))["findings"]
        if one["commands"]
    )
    with opened(chromium, pages["organization"], permissions=["clipboard-read", "clipboard-write"]) as page:
        page.locator(f"[id='{one['fingerprint']}'] summary").first.focus()
        page.keyboard.press("Enter")
        inside = page.locator(f"[id='{one['fingerprint']}'] .inside")
        assert one["action"].splitlines()[0] in inside.inner_text()
        assert inside.locator("dt").count() >= len(one["evidence"])
        inside.get_by_role("button", name="Copy").first.press("Enter")
        # The button's text changes when the clipboard has the command.
        expect(inside.locator(".command button").first).not_to_have_text("Copy")
        assert page.evaluate("navigator.clipboard.readText()") == one["commands"][0]


def test_link_opens_its_finding(chromium, pages):
    """Also if the finding is far down the list."""
    last = data_of(pages["many"].read_text(encoding="utf-8"))["findings"][-1]["fingerprint"]
    with opened(chromium, pages["many"], at=f"#{last}") as page:
        assert page.locator(f"[id='{last}'] .inside").is_visible()


def test_long_list_is_extended_on_demand(chromium, pages):
    """By ten findings; the focus moves to the first new one."""
    with opened(chromium, pages["many"]) as page:
        assert page.locator(".finding").count() == 10
        page.get_by_role("button", name="Show 10 more of 110").press("Enter")
        assert page.locator(".finding").count() == 20
        assert page.evaluate("document.activeElement === document.querySelectorAll('.finding summary')[10]")
        for _ in range(10):
            page.get_by_role("button", name="Show 10 more").press("Enter")
        assert page.locator(".finding").count() == 120
        assert page.locator("#waste .show-more").is_hidden()


def test_chosen_theme_is_kept(chromium, pages):
    """The chosen theme overrides the system's theme and is kept after a reload."""
    with opened(chromium, pages["empty"], color_scheme="light") as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.get_by_role("button", name="Switch to dark theme").press("Enter")
        dark = page.evaluate(ground)
        assert dark != light
        page.reload()
        page.wait_for_selector("html[data-ready]")
        assert page.evaluate(ground) == dark
        assert page.get_by_role("button", name="Switch to light theme").is_visible()


def test_printed_page_is_light_and_expanded(chromium, pages):
    """Also with a dark theme. Controls are hidden, findings show their evidence, and the browser writes a PDF."""
    with opened(chromium, pages["organization"], color_scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert not page.locator("nav").is_visible()
        assert not page.get_by_label("Team", exact=True).is_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".finding .inside").first.is_visible()
        assert page.pdf().startswith(b"%PDF")


def test_hostile_names_are_shown_as_text(chromium, pages):
    """No script runs, and no command contains a hostile name."""
    with opened(chromium, pages["hostile"]) as page:
        for summary in page.locator(".finding summary").all():
            summary.click()
        assert page.evaluate("window.pwned") is None
        assert page.locator("main img, main script").count() == 0
        assert "<img src=x onerror=" in page.locator(".finding").first.inner_text()
        assert page.get_by_role("button", name="Copy").count() == 0
        assert page.locator("#portfolio table").count() == 1


def test_sections_without_data_are_omitted(chromium, pages):
    """Without anomalies, GPUs and reports, the page has no empty frames."""
    with opened(chromium, pages["empty"]) as page:
        shown = {one.get_attribute("id") for one in page.locator("main section").all()}
        assert shown == {"findings", "coverage"}
        assert "No open findings." in page.locator("#findings").inner_text()
        assert page.locator(".tile").count() == 0


def test_filtered_list_is_ordered_by_cost(chromium, tmp_path):
    """A filter changes the list but not its order; each category states its own sum."""
    content = gathered(
        finding("a", cost="1", team="t"),
        finding("b", cost="9", team="t"),
        finding("c", cost="5"),
        finding("d", cost="7", team="t", category="security"),
    )
    path = tmp_path / "p.html"
    path.write_text(render_page(build_document(content)), encoding="utf-8")
    with opened(chromium, path) as page:
        page.get_by_label("Team", exact=True).select_option("t")
        assert [one.split("\n")[0] for one in page.locator(".finding .money").all_inner_texts()] == [
            "9.00 USD/month",
            "1.00 USD/month",
            "7.00 USD",
        ]
        assert page.get_by_role("status").inner_text() == "3 findings of 4 match the filters."
        assert (
            page.locator("#waste > .note").inner_text() == "2 findings: 10.00 USD/month in potential savings"
        )
        assert page.locator("#security > .note").inner_text() == "1 finding"
