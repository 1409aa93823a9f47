"""Scans that are incomplete: out of time, with a failed refresh, or with an invalid row."""

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill.create_owner_and_computed_local_tables import create_views
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.owned_findings_from_rows import owned_findings
from focuswatch.detect.run_detection_and_check_rows import Outcome, run_detection
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import rate_of
from focuswatch.ledger import Decision, LedgerEntry, LedgerSnapshot, SqliteLedger, Suppression, decide
from focuswatch.ledger.ledger_protocol import Decide
from focuswatch.operations.function_run_heartbeats import Heartbeat
from focuswatch.owners.owners_file import Owners
from lambdas import detect_and_record_findings
from lambdas.detect_and_record_findings import _due
from tests.given.one_line_findings import finding, run

DAY = date(2026, 4, 10)
CATALOG = Catalog.load()
CHARGE = {
    "charge_date": DAY,
    "SubAccountId": "111122223333",
    "ServiceName": "Amazon EC2",
    "EffectiveCost": 1.0,
}


def test_detections_without_time_to_run_resolve_nothing(tmp_path):
    """The next scan continues; the results of completed detections are kept."""
    connection = connect()
    case = Case(name="one charge", kind="quiet", charges=[CHARGE])
    create_input_tables(
        connection, case, file=CaseFile.model_construct(as_of=DAY, charge={}, activity_row={}, cases=[])
    )
    create_views(connection, CATALOG, values=DetectionInput(as_of=DAY, first_new_day=DAY).values)
    ledger = SqliteLedger(tmp_path / "ledger.db")
    previous = finding(account="111122223333", on=date(2026, 4, 1))
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(previous, on=previous.as_of)),
        evaluated=(),
    )
    engine = DuckDbEngine(connection)
    engine.at_once = 1
    turns = iter([True, False])
    detections = [CATALOG.detection("new_region"), CATALOG.detection(previous.detection)]
    scanned = scan(
        BillToScan(engine, as_of=DAY, currency="USD"),
        catalog=CATALOG,
        detections=detections,
        owners=Owners(),
        ledger=ledger,
        progress=lambda _text: None,
        may_go_on=lambda: next(turns),
    )
    assert scanned.not_run == (previous.detection,)
    assert [outcome.detection.id for outcome in scanned.outcomes] == ["new_region"]
    assert set(ledger.evaluated_until()) == {"new_region"}
    assert ledger.entries()[previous.fingerprint].state == "open"


class CountingLedger(SqliteLedger):
    """A ledger that counts its reads and decisions."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.reads: Counter[str] = Counter()
        self.decisions = 0

    def snapshot(self) -> LedgerSnapshot:
        self.reads["snapshot"] += 1
        reads = Counter(self.reads)
        snapshot = super().snapshot()
        self.reads = reads  # reads inside snapshot() do not count separately
        return snapshot

    def entries(self) -> dict[str, LedgerEntry]:
        self.reads["entries"] += 1
        return super().entries()

    def suppressions(self) -> list[Suppression]:
        self.reads["suppressions"] += 1
        return super().suppressions()

    def evaluated_until(self) -> dict[str, date]:
        self.reads["evaluated_until"] += 1
        return super().evaluated_until()

    def update(self, decide: Decide, **more: Any) -> Decision:
        def counted(*state: Any) -> Decision:
            self.decisions += 1
            return decide(*state)

        return super().update(counted, **more)


def test_scan_reads_the_ledger_once_and_decides_once(tmp_path):
    """Notifications, explanations, savings and the list of open findings come from the same state."""
    connection = connect()
    charges = [{**CHARGE, "charge_date": DAY - timedelta(days=back)} for back in range(1, 20)]
    first = {**CHARGE, "ServiceName": "Amazon Lightsail", "SkuMeter": "USE1-BundleUsage:2GB"}
    charges += [{**first, "charge_date": DAY - timedelta(days=back)} for back in (1, 2)]
    case = Case(name="a new service", kind="fires", charges=charges)
    create_input_tables(
        connection, case, file=CaseFile.model_construct(as_of=DAY, charge={}, activity_row={}, cases=[])
    )
    create_views(connection, CATALOG, values=DetectionInput(as_of=DAY, first_new_day=DAY).values)
    ledger = CountingLedger(tmp_path / "ledger.db")
    previous, new_detection = finding(account="111122223333", on=date(2026, 4, 1)), "new_service"
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(previous, on=previous.as_of)),
        evaluated=(),
    )
    ledger.reads.clear()
    ledger.decisions = 0
    scanned = scan(
        BillToScan(DuckDbEngine(connection), as_of=DAY, currency="USD"),
        catalog=CATALOG,
        detections=[CATALOG.detection(previous.detection), CATALOG.detection(new_detection)],
        owners=Owners(),
        ledger=ledger,
        progress=lambda _text: None,
    )
    assert {notification.kind for notification in scanned.notifications} == {"new", "resolved"}
    assert (ledger.reads, ledger.decisions) == ({"evaluated_until": 1, "snapshot": 1}, 1)
    assert scanned.ledger.entries == ledger.entries()
    assert ledger.entries()[previous.fingerprint].saved_daily is not None
    explained = [
        entry.finding for entry in ledger.entries().values() if entry.finding.detection == new_detection
    ]
    assert [finding.explanation is not None for finding in explained] == [True]


@pytest.mark.parametrize(
    ("detection", "team", "owned_by"),
    [("gpu_burst", "platform", "account"), ("idle_sagemaker_endpoint", "attackers", "resource tag")],
)
def test_resource_tag_does_not_assign_a_security_finding(detection, team, owned_by):
    """An attacker who can start a GPU can also tag it."""
    owners = Owners.model_validate(
        {
            "teams": {
                "attackers": {"channel": "#a"},
                "platform": {"channel": "#p", "owns": {"accounts": ["111122223333"]}},
            }
        }
    )
    entry = CATALOG.detection(detection)
    fields = re.findall(r"\{(\w+)\}", entry.header.reason + entry.header.action)
    row = dict.fromkeys(fields, "x") | {
        "sub_account_id": "111122223333", "region_id": "us-east-1", "resource_id": "r", "monthly_cost": 9.0,
        "tags": {"team": "attackers"},
    }  # fmt: skip
    engine = SimpleNamespace(query=lambda *_, **__: [])
    (finding,) = owned_findings(
        [Outcome(entry, rows=(row,))],
        engine=engine,
        as_of=DAY,
        rate=rate_of("USD"),
        owners=owners,
        billed_until={},
    )
    assert (finding.team, finding.owned_by) == (team, owned_by)


def test_security_detections_ignore_launches():
    """A planned launch also matches charges by tag, which an attacker can set; it must not mute security findings."""
    security = [one for one in CATALOG.detections.values() if one.header.category == "security"]
    assert security and not [one.id for one in security if "launch" in one.sql]


def test_continued_run_runs_only_the_remaining_detections(tmp_path):
    """Unknown detections are ignored. A run that is not continued runs all enabled detections."""
    a_run = SimpleNamespace(catalog=CATALOG, ledger=SqliteLedger(tmp_path / "ledger.db"))
    left = _due(a_run, {"detail": {"left": ["gpu_burst", "was_renamed"]}}, as_of=DAY)
    assert [one.id for one in left] == ["gpu_burst"]
    assert _due(a_run, {"detail": {"run_id": "r"}}, as_of=DAY) == list(CATALOG.enabled)


def test_cost_that_is_not_finite_omits_only_its_row(monkeypatch):
    """The error names the omitted rows, and the other findings of the detection are notified."""
    rows = [
        {"sub_account_id": account, "region_id": None, "resource_id": None, "monthly_cost": cost}
        for account, cost in (("1", float("inf")), ("2", 5.0), ("3", float("nan")), ("4", None))
    ]
    engine = SimpleNamespace(query=lambda *_, **__: rows)
    question = DetectionInput(as_of=DAY, first_new_day=DAY)
    outcome = run_detection(CATALOG.detection("new_region"), engine=engine, catalog=CATALOG, inputs=question)
    assert [row["sub_account_id"] for row in outcome.rows] == ["2", "4"]
    assert (
        "2 findings were omitted, because the cost is not a finite number (first: sub_account_id 1"
        in outcome.error
    )


@pytest.mark.parametrize(
    ("doubts", "state"), [((), "resolved"), (("billing period 2026-04 could not be refreshed",), "open")]
)
def test_failed_refresh_resolves_nothing(tmp_path, doubts, state):
    """The stored charges can be older than the bill's dates suggest."""
    connection = connect()
    charges = [{**CHARGE, "charge_date": DAY - timedelta(days=back)} for back in range(1, 20)]
    case = Case(name="every day", kind="quiet", charges=charges)
    create_input_tables(
        connection, case, file=CaseFile.model_construct(as_of=DAY, charge={}, activity_row={}, cases=[])
    )
    create_views(connection, CATALOG, values=DetectionInput(as_of=DAY, first_new_day=DAY).values)
    ledger = SqliteLedger(tmp_path / "ledger.db")
    previous = finding(account="111122223333", on=date(2026, 4, 1))
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(previous, on=previous.as_of)),
        evaluated=(),
    )
    scanned = scan(
        BillToScan(DuckDbEngine(connection), as_of=DAY, currency="USD"),
        catalog=CATALOG,
        detections=[CATALOG.detection(previous.detection)],
        owners=Owners(),
        ledger=ledger,
        progress=lambda _text: None,
        doubts=doubts,
    )
    assert scanned.coverage.doubts == doubts
    assert ledger.entries()[previous.fingerprint].state == state


def test_only_failed_periods_that_detections_read_keep_findings_open(monkeypatch):
    """A failed refresh of a period from years ago does not affect any open finding."""
    beat = Heartbeat(
        function="refresh",
        run_id="r",
        ended_at=datetime(2026, 4, 10, tzinfo=UTC),
        seconds=1,
        failed={"2024-01": "broken", "2026-03": "broken", "2026-04": "broken"},
    )
    monkeypatch.setattr(detect_and_record_findings, "heartbeats", lambda _table: {"refresh": beat})
    doubts = detect_and_record_findings._not_refreshed(SimpleNamespace(table=None), as_of=DAY)
    assert [doubt.split()[2] for doubt in doubts] == ["2026-03", "2026-04"]
