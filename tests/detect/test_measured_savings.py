"""The saving of a resolved finding is read from the bill and notified once, from the scan to SNS."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from moto import mock_aws

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill.create_owner_and_computed_local_tables import create_views
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.merge_pending_notifications import with_pending_notifications
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.findings.finding import Finding
from focuswatch.findings.saving_text import saving_text
from focuswatch.ledger import LedgerEntry, SqliteLedger, Suppression, SuppressionIndex, decide
from focuswatch.ledger.decide_ledger_changes_and_notifications import decide_saving
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from focuswatch.owners.owners_file import Owners
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run, saving_of
from tests.given.statements_of_scan import statements_of_scan

CATALOG = Catalog.load()
LAST_SEEN = date(2026, 4, 10)  # day of the last scan that reported the finding
RESOLVED = LAST_SEEN + timedelta(days=1)
VERIFIED = RESOLVED + timedelta(days=5)  # three settled days after the resolution
WASTE = finding(on=LAST_SEEN, cost="345", team="search")  # 11.50 a day


def bill(*, before: float, after: float, as_of: date) -> DuckDbEngine:
    """Return a bill of an endpoint with a daily cost before and after the resolution, and of another resource."""
    days = [
        LAST_SEEN - timedelta(days=30 - recurrence) for recurrence in range(31 + (as_of - LAST_SEEN).days - 1)
    ]
    charge = {"SubAccountId": WASTE.sub_account_id, "RegionId": "us-east-1", "ServiceName": "s"}
    charges = [{**charge, "charge_date": day, "ResourceId": "other", "EffectiveCost": 1.0} for day in days]
    for day in days:
        cost = before if day < LAST_SEEN - timedelta(days=2) else after
        if cost:
            charges.append(
                {**charge, "charge_date": day, "ResourceId": WASTE.resource_id, "EffectiveCost": cost}
            )
    connection = connect()
    case = Case(name="an endpoint", kind="fires", charges=charges)
    create_input_tables(
        connection, case, file=CaseFile.model_construct(as_of=as_of, charge={}, activity_row={}, cases=[])
    )
    create_views(
        connection,
        CATALOG,
        values=DetectionInput(as_of=as_of, first_new_day=as_of).values,
        statements=statements_of_scan(CATALOG, WASTE.detection),
    )
    return DuckDbEngine(connection)


def scanned(ledger, *, as_of, before=11.5, after=0.0):
    """Return the result of a scan that does not report the finding."""
    return scan(
        BillToScan(bill(before=before, after=after, as_of=as_of), as_of=as_of, currency="USD"),
        catalog=CATALOG,
        detections=[CATALOG.detection(WASTE.detection)],
        owners=Owners(),
        ledger=ledger,
        progress=lambda _text: None,
    )


def kinds(scan_result):
    return [notification.kind for notification in scan_result.notifications]


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path):
    """Return a ledger with a notified finding."""
    with mock_aws():
        created = (
            SqliteLedger(tmp_path / "ledger.db")
            if request.param == "sqlite"
            else DynamoLedger(ledger_table())
        )
        created.update(
            lambda entries, suppressions: decide(entries, suppressions, run(WASTE, on=LAST_SEEN)),
            evaluated=(),
        )
        yield created


def test_saving_is_notified_once_when_all_measured_days_are_after_the_resolution(ledger):
    """Not on the days between, not on later days, and not when a scan is repeated."""
    notified = {}
    for days in (*range(8), 7):
        as_of = RESOLVED + timedelta(days=days)
        notified.setdefault(as_of, []).extend(kinds(scanned(ledger, as_of=as_of)))
    assert {day: kinds_of_day for day, kinds_of_day in notified.items() if kinds_of_day} == {
        RESOLVED: ["resolved"],
        VERIFIED: ["saving_verified"],
    }
    entry = ledger.entries()[WASTE.fingerprint]
    assert (entry.saved_daily, entry.saving_verified_on) == (Decimal("11.5"), VERIFIED)


@pytest.mark.parametrize(
    ("before", "after", "expected_text"),
    [
        (11.5, 0.0, "Verified on the bill: 11.50 USD/day saved since 2026-04-11."),
        # A smaller machine: the saving is the difference, although the resource still has a cost.
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
def test_notification_states_what_the_bill_shows(ledger, before, after, expected_text):
    """The text also says if there is no saving."""
    for as_of in (RESOLVED, VERIFIED):
        last = scanned(ledger, as_of=as_of, before=before, after=after)
    (notification,) = last.notifications
    assert notification.kind == "saving_verified"
    assert notification.finding.status == "resolved"
    assert saving_text(notification.finding) == expected_text


def test_finding_that_recurs_before_the_verification_has_no_saving(ledger):
    """The recurrence is a new finding, whose own resolution is verified later."""
    scanned(ledger, as_of=RESOLVED)
    recurrence = WASTE.model_copy(update={"as_of": VERIFIED, "first_seen": VERIFIED, "last_seen": VERIFIED})
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(recurrence, on=VERIFIED)),
        evaluated=(),
    )
    assert "saving_verified" not in kinds(scanned(ledger, as_of=VERIFIED))
    assert ledger.entries()[WASTE.fingerprint].saving_verified_on is None


RULE = Suppression(
    scope="fingerprint", value=WASTE.fingerprint, author="ana", reason="known", since=LAST_SEEN
)


@pytest.mark.parametrize(
    ("suppressions", "entry"),
    [
        ([RULE], {"notified_on": LAST_SEEN}),
        ([RULE.model_copy(update={"until": RESOLVED + timedelta(days=1)})], {"notified_on": LAST_SEEN}),
        ([], {"notified_on": None}),
    ],
    ids=["suppressed", "suppressed when it was resolved", "never notified"],
)
def test_saving_of_a_finding_whose_resolution_was_not_notified_is_recorded_only(suppressions, entry):
    resolved = LedgerEntry(finding=WASTE, state="resolved", resolved_on=RESOLVED, **entry)
    saving = saving_of(WASTE, saved="11.5", on=RESOLVED)
    after, notification = decide_saving(resolved, saving, SuppressionIndex(suppressions), as_of=VERIFIED)
    assert notification is None
    assert (after.saved_daily, after.saving_verified_on) == (Decimal("11.5"), VERIFIED)


def test_pending_notifications_of_a_finding_are_merged(ledger):
    """Notifications that no scan has written out yet are merged into one for the finding."""
    for as_of in (RESOLVED, VERIFIED):
        last = scanned(ledger, as_of=as_of)
    merged = with_pending_notifications(last, ledger.pending_notifications())
    (notification,) = merged.notifications
    assert notification.kind == "new" or notification.finding.status == "resolved"
    for pending in list(ledger.pending_notifications()):
        ledger.mark_notified(pending)
    assert list(ledger.pending_notifications()) == []


def test_saving_is_published_with_the_change_saving_verified():
    """The message contains the finding with its saving, and the queue's consumer parses it."""
    sent: list[Mapping] = []
    with mock_aws():
        ledger = DynamoLedger(ledger_table())
        ledger.update(
            lambda entries, suppressions: decide(entries, suppressions, run(WASTE, on=LAST_SEEN)),
            evaluated=(),
        )
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
    """Its JSON lacks the field."""
    stored = WASTE.model_dump(mode="json", by_alias=True)
    stored.pop("verified_saving")
    assert Finding.model_validate(stored).verified_saving is None
