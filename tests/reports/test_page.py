"""The page's document and its HTML file, also with hostile names in the bill."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import DetectionSummary
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.findings.fill_action_with_safe_commands import action_of
from focuswatch.ledger import SqliteLedger, Suppression, decide
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.page import build_document, gather, render_page
from tests.fakes.waiting import patience
from tests.given.one_line_findings import DAY, finding, run
from tests.given.page_inputs import CATALOG, HOSTILE, data_of, days_before, gathered, hostile, many

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "focuswatch" / "reports" / "page" / "vendor"
PACKAGES = {"d3.min.js": "d3/dist", "plot.umd.min.js": "@observablehq/plot/dist"}
MOST_BYTES = 3_000_000


class Parsed(HTMLParser):
    """The tags of a page, and the text of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.where = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.where = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag):
        self.where = ""

    def handle_data(self, data):
        if self.where in self.inside:
            self.inside[self.where][-1] += data


def test_names_in_a_bill_are_never_markup():
    """A page with hostile names has exactly the tags of an empty page and contains the names unchanged, as data."""
    page, empty = render_page(build_document(hostile())), render_page(build_document(gathered()))
    assert [tag for tag, _ in Parsed(page).tags] == [tag for tag, _ in Parsed(empty).tags]
    assert "pwned" not in page
    assert data_of(page)["findings"][0]["resource_id"] == HOSTILE.replace("\u202e", "\ufffd")


def test_policy_allows_only_the_scripts_and_styles_of_the_file():
    """They are allowed by hash; no origin, inline handler or eval is allowed."""
    page = Parsed(render_page(build_document(gathered())))
    (policy,) = [attrs["content"] for tag, attrs in page.tags if "http-equiv" in attrs]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    _, *scripts = page.inside["script"]  # the first is the data
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts
    ]
    assert rules["script-src"].split() == hashes
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name == "style"]


def test_the_file_fetches_nothing():
    """Scripts and styles are inline."""
    page = Parsed(render_page(build_document(gathered())))
    assert not [attrs for _, attrs in page.tags if "src" in attrs]
    assert {tag for tag, _ in page.tags}.isdisjoint({"link", "iframe", "img", "object"})


def test_five_thousand_findings_fit_in_three_megabytes():
    """Each with its own evidence, action and names."""
    page = render_page(build_document(many(5_000)))
    assert len(data_of(page)["findings"]) == 5_000
    assert len(page.encode()) < MOST_BYTES


def test_the_same_document_gives_the_same_file(monkeypatch):
    """The file does not depend on the time of writing, so a page changes only if its data changes."""
    monkeypatch.setattr("time.time", lambda: 1.0)
    before = render_page(build_document(hostile()))
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert render_page(build_document(hostile())) == before


def test_findings_are_ordered_by_cost():
    """Highest cost first."""
    shown = build_document(gathered(finding("small", cost="1"), finding("large", cost="9")))["findings"]
    assert [one["resource_id"] for one in shown] == ["large", "small"]


def test_suppressed_findings_are_counted_and_not_listed():
    """They are listed again when the suppression ends."""
    suppression = Suppression(scope="resource", value="quiet", author="ana", reason="known", since=DAY)
    listed = (finding("quiet", cost="70"), finding("loud", cost="5"))
    shown = build_document(gathered(*listed, suppressions=(suppression,)))
    assert [one["resource_id"] for one in shown["findings"]] == ["loud"]
    assert shown["coverage"]["suppressed"] == {"findings": 1, "waste": 70.0}
    ended = suppression.model_copy(update={"until": DAY})
    assert len(build_document(gathered(*listed, suppressions=(ended,)))["findings"]) == 2


@pytest.mark.parametrize(
    ("resource", "commands"),
    [
        ("old", ["aws sagemaker delete-endpoint --endpoint-name old --region us-east-1"]),
        ("old; rm -rf ~", []),
    ],
)
def test_a_command_is_listed_only_if_every_name_is_a_plain_word(resource, commands):
    """Users paste the command into a shell unchanged."""
    template = "3. Nobody needs it: aws sagemaker delete-endpoint --endpoint-name {name} --region us-east-1"
    action = action_of(template, {"name": resource}, words={})
    listed = finding(resource).model_copy(update={"action": action})
    assert build_document(gathered(listed))["findings"][0]["commands"] == commands


def test_action_without_a_command_lists_none():
    """A resource name with a space is not mistaken for a command."""
    assert build_document(gathered(finding("team search")))["findings"][0]["commands"] == []


def test_all_five_layers_have_every_day():
    """A layer without charges is 0. The cost that a Bedrock filter shows is summed over all layers of a day."""
    row = {"charge_date": days_before(1), "effective_cost": 4.0, "seen_by_bedrock_filter": 3.0}
    rows = [
        {**row, "charge_date": days_before(3), "layer": "retrieval", "seen_by_bedrock_filter": 0.0},
        {**row, "layer": "model inference"},
        {**row, "layer": "tools and data", "seen_by_bedrock_filter": 1.5},
    ]
    shown = build_document(gathered(layer_days=rows))["layers"]
    assert shown["days"] == [str(days_before(back)) for back in (3, 2, 1)]
    assert {one["layer"]: one["costs"] for one in shown["layers"]} == {
        "model inference": [0, 0, 4],
        "retrieval": [4, 0, 0],
        "orchestration and compute": [0, 0, 0],
        "observability": [0, 0, 0],
        "tools and data": [0, 0, 4],
    }
    assert shown["bedrock_filter"] == [0, 0, 4.5]


def test_chart_of_a_finding_has_its_anomalous_days_and_expected_cost():
    """From the evidence; days without charges between the first and the last are 0."""
    evidence = {
        "anomalous_from": "2026-03-28", "anomalous_until": "2026-03-29", "first_day": "2026-01-01",
        "last_day": "2026-03-30", "daily_expected": 8.0, "causes": ["OutBytes (eu-west-1): 12.00 a day, 100%"],
    }  # fmt: skip
    unusual = finding("s", category="anomaly").model_copy(update={"evidence": evidence})
    rows = [
        {"fingerprint": unusual.fingerprint, "charge_date": days_before(back), "effective_cost": float(back)}
        for back in (4, 2)
    ]
    document = build_document(gathered(unusual, finding_days=rows))
    assert document["series"] == {
        unusual.fingerprint: {
            "anomalous_from": "2026-03-28", "anomalous_until": "2026-03-29", "expected": 8.0,
            "first_day": str(days_before(4)), "costs": [4.0, 0.0, 2.0], "events": [],
        }
    }  # fmt: skip
    assert document["findings"][0]["root_cause"] == evidence["causes"]


def test_gpu_without_a_metric_is_not_idle():
    """Without a metric, utilization is None and not 0. A day on which the GPU did not run has 0 hours."""
    row = {
        "place": 1, "sub_account_id": "1", "region_id": "r", "resource_id": "i-1", "instance_types": "p4d",
        "charge_date": days_before(3), "gpu_hours": 24.0, "utilization": 0.0, "effective_cost": 50.0,
    }  # fmt: skip
    rows = [row, {**row, "charge_date": days_before(1), "utilization": None}]
    shown = build_document(gathered(gpu_days=rows, account_names={"1": "search"}))["gpus"]
    (machine,) = shown["machines"]
    assert (machine["hours"], machine["utilization"]) == ([24.0, 0.0, 24.0], [0.0, None, None])
    assert (machine["account"], machine["cost"]) == ("search", 100.0)


def test_nan_and_infinity_become_null():
    """A forecast of too few days has no interval; the page is still written."""
    row = {
        "of": "all",
        "name": "all",
        "spent": 1.0,
        "forecast": 3.0,
        "low": float("nan"),
        "high": float("inf"),
    }
    page = render_page(build_document(gathered(reports={"month_forecast": [row]})))
    assert data_of(page)["reports"]["month_forecast"]["rows"] == [{**row, "low": None, "high": None}]


def test_coverage_lists_what_was_not_evaluated():
    """Detections that failed, were not run by the last scan or lack usage metrics, and services not on the bill."""
    detection, other = CATALOG.detections["underused_gpu"], CATALOG.detections["gpu_burst"]
    outcomes = (
        Outcome(detection, not_evaluated=({"monthly_cost": 7.5}, {"monthly_cost": Decimal("2.5")})),
        Outcome(other, error="gpu_burst: no such column"),
        Outcome(CATALOG.detections["idle_ai_seat"], services_not_on_bill=("Kiro",)),
    )
    listed = build_document(
        gathered(
            detections=tuple(DetectionSummary.of(outcome) for outcome in outcomes),
            evaluated_until={"underused_gpu": DAY, "idle_ai_seat": DAY},
            coverage=Coverage(("late",), frozenset(["1", None])),  # type: ignore[list-item]
            account_names={"1": "search"},
        )
    )["coverage"]
    assert listed["failures"] == ["gpu_burst: no such column"]
    assert listed["not_run"] == ["gpu_burst (last run: never)"]
    assert listed["services_not_on_bill"] == {"detections": ["idle_ai_seat"], "services": ["Kiro"]}
    (skipped,) = listed["not_evaluated"]
    assert (skipped["detection"], skipped["resources"], skipped["monthly_cost"]) == ("underused_gpu", 2, 10.0)
    assert listed["missing_accounts"] == ["charges without an account", "search (1)"]
    assert listed["doubts"] == ["late"]


def bill(
    *charges: dict[str, object],
    owners: Owners = Owners(),  # noqa: B008  it is frozen
    as_of: date = DAY,
    statements: Sequence[str] = (),
    connection: duckdb.DuckDBPyConnection | None = None,
) -> DuckDbEngine:
    """Return an engine over these charges; `statements` limits the views to those that these statements read."""
    connection = connection or connect()
    charge = {
        "SubAccountId": "111122223333", "SubAccountName": "search", "RegionId": "us-east-1",
        "SkuMeter": "USE1-SearchOCU",
        "ServiceName": "Amazon OpenSearch Service", "x_ServiceCode": "AmazonES", "EffectiveCost": 10.0,
        "ConsumedQuantity": 1.0, "charge_date": days_before(5),
    }  # fmt: skip
    case = Case(name="given charges", kind="quiet", charges=list(charges))
    create_input_tables(connection, case, file=CaseFile.model_construct(charge=charge, activity_row={}))
    create_owner_and_computed_local_tables.load_owners(connection, owners.tables)
    create_owner_and_computed_local_tables.create_views(
        connection, CATALOG, values={"as_of": as_of}, statements=statements
    )
    return DuckDbEngine(connection)


def gather_page_data(engine, *findings, catalog=CATALOG, tmp_path):
    """Return the page data of a bill whose ledger has these findings."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.update(lambda entries, suppressions: decide(entries, suppressions, run(*findings)), evaluated=[])
    return gather(engine, as_of=DAY, currency="USD", catalog=catalog, owners=Owners(), ledger=ledger)


def test_series_of_an_anomaly_covers_its_account_and_service(tmp_path):
    """In all regions if the finding names none, without other services."""
    unusual = finding(None, category="anomaly", detection="cost_anomaly").model_copy(
        update={"region_id": None, "service_name": "Amazon OpenSearch Service"}
    )
    engine = bill({}, {"RegionId": "eu-west-1"}, {"ServiceName": "Amazon S3"}, {"SubAccountId": "9"})
    (row,) = gather_page_data(engine, unusual, tmp_path=tmp_path).finding_days
    assert (row["charge_date"], row["effective_cost"]) == (days_before(5), 20.0)


def test_failed_report_leaves_out_its_own_section_only(tmp_path):
    """The page shows the error."""
    broken = CATALOG.report("weekly_deltas")
    reports = {
        **CATALOG.reports,
        broken.id: type(broken)(broken.id, broken.header, "SELECT nothing", broken.path),
    }
    catalog = type(CATALOG)(CATALOG.detections, reports, CATALOG.tables, CATALOG.lookups)
    page_data = gather_page_data(bill({}), catalog=catalog, tmp_path=tmp_path)
    assert [failure.partition(":")[0] for failure in page_data.failures] == ["weekly_deltas"]
    shown = build_document(page_data)
    assert shown["reports"]["weekly_deltas"]["rows"] == []
    assert shown["reports"]["unowned_spend"]["rows"]
    assert any("weekly_deltas" in one for one in shown["coverage"]["failures"])


def test_failed_query_of_account_names_leaves_out_only_the_names(tmp_path):
    """The page shows the error, and an account without charges by its ID."""
    missing = [{"SubAccountId": "9", "charge_date": days_before(back)} for back in range(20, 40)]
    engine = bill(*({"charge_date": days_before(back)} for back in range(1, 40)), *missing)
    assert build_document(gather_page_data(engine, tmp_path=tmp_path))["coverage"]["missing_accounts"] == [
        "search (9)"
    ]
    engine = engine.over({**engine.tables, "daily_services": "SELECT nothing"})
    shown = build_document(gather_page_data(engine, tmp_path=tmp_path))
    assert shown["coverage"]["missing_accounts"] == ["9"]
    assert any(failure.startswith("names of accounts: ") for failure in shown["coverage"]["failures"])


def test_daily_layers_add_up_to_the_report(tmp_path):
    """The complete days of the chart and the table have the same charges."""
    engine = bill(
        {},
        {"charge_date": days_before(3)},
        {"ServiceName": "Amazon Bedrock", "SkuMeter": "USE1-x-input-tokens"},
    )
    shown = build_document(gather_page_data(engine, tmp_path=tmp_path))["layers"]
    drawn = sum(sum(one["costs"]) for one in shown["layers"])
    assert drawn == pytest.approx(30) == sum(row["effective_cost"] for row in shown["month"])
    assert (
        sum(shown["bedrock_filter"])
        == pytest.approx(10)
        == sum(row["seen_by_bedrock_filter"] for row in shown["month"])
    )


def test_daily_spend_adds_up_to_the_report(tmp_path):
    """Usage and fees of the last 30 complete days, without credits and tax."""
    engine = bill(
        {},
        {"charge_date": days_before(2)},
        {"charge_date": days_before(40), "EffectiveCost": 7.0},
        {"ChargeCategory": "Purchase", "EffectiveCost": 3.0},
        {"ChargeCategory": "Tax", "EffectiveCost": 1.0},
        {"ChargeCategory": "Credit", "EffectiveCost": -2.0},
    )
    shown = build_document(gather_page_data(engine, tmp_path=tmp_path))
    rows = shown["reports"]["spend_by_team"]["rows"]
    for sum_of, column in (("cost", "effective_cost"), ("cost_before", "effective_cost_before")):
        assert 0 < shown["spend"][sum_of] == pytest.approx(sum(row[column] for row in rows)), column


def focuswatch(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the installed command and return its result."""
    program = Path(sys.executable).parent / "focuswatch"
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=patience(120)
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def test_command_writes_the_page_of_the_last_scan_and_prints_its_address(tmp_path):
    """The page has the scan's findings, and the output folder is created."""
    sample, state = Path(__file__).parents[1] / "data" / "focus_sample.csv", ("--state", tmp_path / "state")
    findings = json.loads(focuswatch("scan", sample, "--format", "json", *state).stdout)
    out = tmp_path / "pages" / "report.html"
    assert focuswatch("page", "-o", out, *state).stdout.strip() == out.as_uri()
    shown = data_of(out.read_text(encoding="utf-8"))
    assert {one["fingerprint"] for one in shown["findings"]} == {one["fingerprint"] for one in findings}
    callers = ("new_ai_principal", "principal_budget", "runaway_session")
    without_input = ("aws_recommendation", *callers)  # the scan has no input file for them
    assert set(shown["coverage"]["not_run"]) <= {f"{id} (last run: never)" for id in without_input}
    assert not shown["coverage"]["failures"]


def test_page_without_a_scan_fails_with_one_sentence(tmp_path):
    """Without a scan there is no ledger."""
    sample = Path(__file__).parents[1] / "data" / "focus_sample.csv"
    done = focuswatch("page", sample, "-o", tmp_path / "p.html", "--state", tmp_path / "state", code=2)
    assert "Scan the export first" in done.stderr
    assert not (tmp_path / "p.html").exists()


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_vendored_libraries_are_those_of_npm(name):
    """Compare the checksum and, if npm has installed the package, every byte."""
    kept = (VENDOR / name).read_bytes()
    sums = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    assert hashlib.sha256(kept).hexdigest() == sums[name]
    assert b"</script" not in kept
    assert b"<!--" not in kept
    delivered = ROOT / "node_modules" / PACKAGES[name] / name
    if delivered.exists():
        assert delivered.read_bytes() == kept


def test_vendored_versions_are_those_of_package_json():
    """Versions in LICENSES.txt equal those in the headers of the files."""
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    licences = (VENDOR / "LICENSES.txt").read_text()
    assert re.search(rf"^d3 {re.escape(pinned['d3'])} ", licences, re.MULTILINE)
    assert re.search(rf"^Observable Plot {re.escape(pinned['@observablehq/plot'])} ", licences, re.MULTILINE)
    assert f"v{pinned['d3']} " in (VENDOR / "d3.min.js").read_text(encoding="utf-8")[:80]
    assert (
        f"v{pinned['@observablehq/plot']} " in (VENDOR / "plot.umd.min.js").read_text(encoding="utf-8")[:80]
    )
