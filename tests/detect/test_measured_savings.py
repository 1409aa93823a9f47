"""The saving of a resolved finding is read from the bill and notified once, from the scan to SNS."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from moto import mock_aws

from focuswatch.authoring.detection_cases import Case, CaseFile, give
from focuswatch.bill.local_tables import create_views
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.notifications_left_pending import with_pending_notifications
from focuswatch.detect.run_detection import DetectionInput
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_engine import DuckDbEngine, connect
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_text import saving_text
from focuswatch.ledger import LedgerEntry, SqliteLedger, Suppression, SuppressionIndex, decide
from focuswatch.ledger.decide_ledger_changes import decide_saving
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from focuswatch.notify.queued_notification_and_turn import QueuedNotification
from focuswatch.owners.owners_file_and_assignment import Owners
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run, saving_of
from tests.given.statements_of_scan import statements_of_scan

CATALOG = Catalog.load()
FOUND = date(2026, 4, 10)  # the scan that reported the finding last
RESOLVED = FOUND + timedelta(days=1)
VERIFIED = RESOLVED + timedelta(days=5)  # three settled days after the resolution
WASTE = finding(on=FOUND, cost="345", team="search")  # 11.50 a day


def bill(*, before: float, after: float, as_of: date) -> DuckDbEngine:
    """A bill of one endpoint with a daily cost before and after the resolution, and of another machine."""
    days = [FOUND - timedelta(days=30 - back) for back in range(31 + (as_of - FOUND).days - 1)]
    charge = {"SubAccountId": WASTE.sub_account_id, "RegionId": "us-east-1", "ServiceName": "s"}
    charges = [{**charge, "charge_date": day, "ResourceId": "other", "EffectiveCost": 1.0} for day in days]
    for day in days:
        cost = before if day < FOUND - timedelta(days=2) else after
        if cost:
            charges.append(
                {**charge, "charge_date": day, "ResourceId": WASTE.resource_id, "EffectiveCost": cost}
            )
    connection = connect()
    case = Case(name="an endpoint", kind="fires", charges=charges)
    give(connection, case, file=CaseFile.model_construct(as_of=as_of, charge={}, activity_row={}, cases=[]))
    create_views(
        connection, CATALOG, values=DetectionInput(as_of=as_of, first_new_day=as_of).values,
        statements=statements_of_scan(CATALOG, WASTE.detection),
    )  # fmt: skip
    return DuckDbEngine(connection)


def scanned(ledger, *, as_of, before=11.5, after=0.0):
    """The notifications of a scan that does not report the finding."""
    return scan(
        bill(before=before, after=after, as_of=as_of), as_of=as_of, currency="USD", catalog=CATALOG,
        detections=[CATALOG.detection(WASTE.detection)], owners=Owners(), ledger=ledger, progress=lambda _text: None,
    )  # fmt: skip


def kinds(scan_result):
    return [notification.kind for notification in scan_result.notifications]


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path):
    """A ledger whose finding was notified."""
    with mock_aws():
        made = (
            SqliteLedger(tmp_path / "ledger.db")
            if request.param == "sqlite"
            else DynamoLedger(ledger_table())
        )
        made.update(lambda known, rules: decide(known, rules, run(WASTE, on=FOUND)), evaluated=())
        yield made


def test_saving_is_notified_once_when_all_measured_days_are_after_the_resolution(ledger):
    """Not on the days between, and not when the scan is repeated or the days go on."""
    told = {}
    for days in (*range(8), 7):
        as_of = RESOLVED + timedelta(days=days)
        told.setdefault(as_of, []).extend(kinds(scanned(ledger, as_of=as_of)))
    assert {day: news for day, news in told.items() if news} == {
        RESOLVED: ["resolved"],
        VERIFIED: ["saving_verified"],
    }
    entry = ledger.entries()[WASTE.fingerprint]
    assert (entry.saved_daily, entry.saving_verified_on) == (Decimal("11.5"), VERIFIED)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (11.5, 0.0, "Verified on the bill: 11.50 USD/day saved since 2026-04-11."),
        # A smaller machine: the saving is the difference, though the resource still costs more than it.
        (40.0, 28.5, "Verified on the bill: 11.50 USD/day saved since 2026-04-11."),
        (
            40.0,
            32.0,
            "Verified on the bill: 8.00 USD/day saved since 2026-04-11. Expected savings: 11.50 USD/day; still "
            "charged: "
            "32.00 USD/day.",
        ),
        (
            11.5,
            12.0,
            "The bill shows no savings since 2026-04-11: the cost is still 12.00 USD/day "
            "(2026-04-11 to 2026-04-13). Expected savings: 11.50 USD/day.",
        ),
    ],
)
def test_notification_states_what_the_bill_shows(ledger, before, after, says):
    """Also that there is no saving."""
    for as_of in (RESOLVED, VERIFIED):
        last = scanned(ledger, as_of=as_of, before=before, after=after)
    (notification,) = last.notifications
    assert notification.kind == "saving_verified"
    assert notification.finding.status == "resolved"
    assert saving_text(notification.finding) == says


def test_finding_that_is_back_before_the_verification_has_no_saving(ledger):
    """It is a new finding, whose own resolution is verified later."""
    scanned(ledger, as_of=RESOLVED)
    back = WASTE.model_copy(update={"as_of": VERIFIED, "first_seen": VERIFIED, "last_seen": VERIFIED})
    ledger.update(lambda known, rules: decide(known, rules, run(back, on=VERIFIED)), evaluated=())
    assert "saving_verified" not in kinds(scanned(ledger, as_of=VERIFIED))
    assert ledger.entries()[WASTE.fingerprint].saving_verified_on is None


RULE = Suppression(scope="fingerprint", value=WASTE.fingerprint, author="ana", reason="known", since=FOUND)


@pytest.mark.parametrize(
    ("rules", "entry"),
    [
        ([RULE], {"notified_on": FOUND}),
        ([RULE.model_copy(update={"until": RESOLVED + timedelta(days=1)})], {"notified_on": FOUND}),
        ([], {"notified_on": None}),
    ],
    ids=["suppressed", "suppressed when it was resolved", "never notified"],
)
def test_saving_of_a_finding_whose_resolution_was_not_notified_is_recorded_only(rules, entry):
    resolved = LedgerEntry(finding=WASTE, state="resolved", resolved_on=RESOLVED, **entry)
    saving = saving_of(WASTE, saved="11.5", on=RESOLVED)
    after, notification = decide_saving(resolved, saving, SuppressionIndex(rules), as_of=VERIFIED)
    assert notification is None
    assert (after.saved_daily, after.saving_verified_on) == (Decimal("11.5"), VERIFIED)


def test_pending_notifications_of_several_scans_are_one(ledger):
    """On a terminal: a resolution that was not written out is stated with its saving."""
    for as_of in (RESOLVED, VERIFIED):
        last = scanned(ledger, as_of=as_of)
    merged = with_pending_notifications(last, ledger.pending_notifications())
    (notification,) = merged.notifications
    assert notification.kind == "new" or notification.finding.status == "resolved"
    for pending in list(ledger.pending_notifications()):
        ledger.mark_notified(pending)
    assert list(ledger.pending_notifications()) == []


def test_saving_is_published_with_the_change_saving_verified():
    """The message is the finding with its saving; a queue reads it back."""
    sent: list[Mapping] = []
    with mock_aws():
        ledger = DynamoLedger(ledger_table())
        ledger.update(lambda known, rules: decide(known, rules, run(WASTE, on=FOUND)), evaluated=())
        for as_of in (RESOLVED, VERIFIED, VERIFIED):
            scanned(ledger, as_of=as_of)
            sns = SimpleNamespace(publish=lambda **message: sent.append(message))
            publish(
                ledger, sns=sns, topics=Topics("findings", {WASTE.detection: "own"}), progress=lambda _: None
            )
    changes = [(one["TopicArn"], one["MessageAttributes"]["change"]["StringValue"]) for one in sent]
    assert changes == [
        ("own", "new"),
        ("findings", "new"),
        ("findings", "resolved"),
        ("findings", "saving_verified"),
    ]
    attributes = {
        name: {"stringValue": value["StringValue"]} for name, value in sent[-1]["MessageAttributes"].items()
    }
    record = {
        "body": sent[-1]["Message"],
        "messageAttributes": attributes,
        "attributes": {"SentTimestamp": "0"},
    }
    queued = QueuedNotification.from_record(record, now=0.0)
    assert queued.kind == "saving_verified"
    assert queued.after == queued.number - 1
    assert queued.finding.verified_saving.daily_saving == Decimal("11.5")


def test_finding_of_an_earlier_version_has_no_saving():
    """Its JSON has no such field."""
    stored = WASTE.model_dump(mode="json", by_alias=True)
    stored.pop("verified_saving")
    assert Finding.model_validate(stored).verified_saving is None
