"""Operational events are shown with a cost increase of the same account and service or resource, not as its cause."""

import json
from datetime import UTC, date, datetime

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables, load_activity_accounts_and_other_files
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.explain.explain_cost_increases import explain_cost_increases
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.errors import ConfigError
from focuswatch.findings.cost_increase_explanation_models import MOST_EVENTS
from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.match_operational_events_to_services_and_resources import service_key
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.page.ai_layer_finding_and_gpu_charts import finding_charts
from focuswatch.reports.page.query_page_data import gather
from focuswatch.reports.query_bill_for_weekly_digests import weeks_of_bill
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.simulate import simulate
from focuswatch.simulate.organization import MIN_ACCOUNTS

CATALOG = Catalog.load()
AS_OF, INCREASE_DAY = date(2026, 6, 1), date(2026, 5, 25)
ACCOUNT, FUNCTION = "111122223333", "arn:aws:lambda:eu-west-1:111122223333:function:checkout"
CHARGE = {
    "SubAccountId": ACCOUNT, "RegionId": "eu-west-1", "ServiceName": "AWS Lambda", "ResourceId": FUNCTION,
    "SkuMeter": "EU-Lambda-GB-Second", "ConsumedQuantity": 1.0, "EffectiveCost": 10.0,
    "days": [date(2026, 4, 1), AS_OF],
}  # fmt: skip
EVENT = {
    "occurred_at": datetime(2026, 5, 25, 14, 20), "sub_account_id": ACCOUNT, "region_id": "eu-west-1",
    "service_name": "AWS Lambda", "kind": "deployment", "reference": "UpdateFunctionCode checkout",
}  # fmt: skip
INCREASE = CostIncrease(
    fingerprint="f" * 20,
    sub_account_id=ACCOUNT,
    region_id=None,
    service_name="AWS Lambda",
    resource_id=None,
    first_day=INCREASE_DAY,
    end_day=date(2026, 5, 27),
    excess=None,
)


def engine_of(*events):
    """Return an engine with 10 USD a day, 100 USD more from 25 May on, and these events."""
    connection = connect()
    more = {"days": [INCREASE_DAY, AS_OF], "EffectiveCost": 100.0}
    case = Case(
        name="given charges", kind="quiet", charges=[{}, more], events=[EVENT | one for one in events]
    )
    create_input_tables(connection, case, file=CaseFile.model_construct(charge=CHARGE))
    create_owner_and_computed_local_tables.load_owners(connection, Owners().tables)
    create_owner_and_computed_local_tables.create_views(connection, CATALOG, values={"as_of": AS_OF})
    return DuckDbEngine(connection)


def explained(*events):
    engine = engine_of(*events)
    return explain_cost_increases([INCREASE], engine=engine, catalog=CATALOG, as_of=AS_OF)[
        INCREASE.fingerprint
    ]


def test_deployment_on_the_first_day_is_shown_with_its_time():
    """A daily bill has no hours, so the text says "same day" and the event's time, and names no cause."""
    explanation = explained({})
    assert explanation.events[0].at == datetime(2026, 5, 25, 14, 20, tzinfo=UTC)
    sentences = explanation_sentences(explanation, currency="USD")
    assert "deployment on the same day, 14:20 UTC: UpdateFunctionCode checkout (AWS Lambda)" in sentences


@pytest.mark.parametrize(
    "event",
    [
        {"service_name": "Lambda"},
        {"service_name": None, "resource_id": FUNCTION},
        {"region_id": None},
        {"occurred_at": datetime(2026, 5, 24, 22, 10)},
        {"kind": "alarm", "reference": None},
    ],
    ids=["short name", "resource only", "no region", "the evening before", "no reference"],
)
def test_event_of_the_service_or_resource_is_shown(event):
    (text,) = [one for one in explanation_sentences(explained(event), currency="USD") if "UTC" in one]
    assert text.startswith(
        ("deployment on the same day, ", "alarm on the same day, ", "deployment on the day before, ")
    )


@pytest.mark.parametrize(
    "event",
    [
        {"sub_account_id": "999900001111"},
        {"service_name": "Amazon Elastic Container Service"},
        {"service_name": None, "resource_id": FUNCTION + "-other"},
        {"service_name": None},
        {"region_id": "us-east-1"},
        {"occurred_at": datetime(2026, 5, 24, 17, 59)},
        {"occurred_at": datetime(2026, 5, 26, 0, 0)},
    ],
    ids=["account", "service", "resource", "names nothing", "region", "hours before", "the day after"],
)
def test_unrelated_event_is_not_shown(event):
    assert explained(event).events == ()


def test_events_of_the_resource_are_shown_first_and_the_number_is_limited():
    """The increased function was deployed once, and other functions of the account ten times."""
    others = [
        {"occurred_at": datetime(2026, 5, 25, 15, minute), "resource_id": f"arn:x:{minute}"}
        for minute in range(10)
    ]
    explanation = explained({"resource_id": FUNCTION}, *others)
    assert len(explanation.events) == MOST_EVENTS and explanation.more_events == 6
    assert FUNCTION in [event.resource_id for event in explanation.events]
    assert "6 more operational events not shown" in explanation_sentences(explanation, currency="USD")


def test_report_shows_spend_before_on_and_after_the_day():
    """The spend is that of the same service in the account. Two deployments on one day are one row."""
    later = {"occurred_at": datetime(2026, 5, 25, 18), "reference": "second"}
    engine = engine_of(
        {}, later, {"service_name": "AWS Glue"}, {"service_name": None, "resource_id": FUNCTION}
    )
    rows = report_rows(CATALOG.report("spend_beside_events"), engine=engine, as_of=AS_OF, owners=Owners())
    shown = [
        tuple(
            row[name]
            for name in (
                "event_date",
                "time_utc",
                "service_name",
                "events",
                "reference",
                "daily_cost_before",
                "daily_cost",
                "daily_cost_after",
                "movement",
            )  # fmt: skip
        )
        for row in rows
    ]
    spend = (10.0, 110.0, 110.0, 100.0)  # settled until 29 May
    assert shown == [
        (INCREASE_DAY, "14:20", "AWS Lambda", 2, "UpdateFunctionCode checkout", *spend),
        (INCREASE_DAY, "14:20", FUNCTION, 1, "UpdateFunctionCode checkout", *spend),
    ]


def test_report_shows_no_spend_after_a_day_without_later_complete_days():
    last = {"occurred_at": datetime(2026, 5, 31, 9)}
    (row,) = report_rows(
        CATALOG.report("spend_beside_events"), engine=engine_of(last), as_of=AS_OF, owners=Owners()
    )
    assert (row["daily_cost"], row["daily_cost_after"], row["movement"]) == (None, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "AWS Lambda",
        "Amazon SageMaker",
        "Amazon SageMaker AI",
        "AmazonCloudWatch",
        "Amazon Bedrock Service",
        "Claude Haiku 4.5 (Amazon Bedrock Edition)",
        "Amazon Bedrock AgentCore",
        "Elastic Load Balancing",
    ],
)
def test_service_names_are_normalized_alike_in_sql_and_python(name):
    """The report matches service names in SQL, and findings match them in Python."""
    engine = engine_of({"service_name": name})
    sql = CATALOG.report("spend_beside_events").render({"as_of": AS_OF})
    keys = (
        sql[: sql.index("recent_events AS (")].rstrip().rstrip(",")
        + f" SELECT service_key FROM service_keys WHERE service_name = '{name}'"
    )
    assert engine.query(keys, label="keys") == [{"service_key": service_key(name)}]


ID = "012345678901"
LINES = {
    "events.csv": "occurred_at,sub_account_id,service_name,kind\n"
    f"2026-05-25T16:20:00+02:00,{ID},AWS Lambda,deployment\n",
    "events.jsonl": f'{{"occurred_at": "2026-05-25T16:20:00+02:00", "sub_account_id": "{ID}", "kind": "deployment"}}\n'
    f'{{"occurred_at": "2026-05-25 14:20:00", "sub_account_id": "{ID}", "kind": "deployment", "reference": "7"}}\n',
}


@pytest.mark.parametrize("name", LINES)
def test_file_of_events_is_read_in_utc(tmp_path, name):
    (tmp_path / name).write_text(LINES[name])
    connection = connect()
    load_activity_accounts_and_other_files.load_events(connection, tmp_path / name)
    rows = connection.execute("SELECT DISTINCT occurred_at, sub_account_id, kind FROM events").fetchall()
    assert rows == [(datetime(2026, 5, 25, 14, 20), "012345678901", "deployment")]


def test_file_of_events_without_a_required_column_is_refused(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"occurred_at": "2026-05-25 14:20:00", "kind": "deployment"}\n')
    with pytest.raises(ConfigError, match=r"events\.jsonl lacks sub_account_id"):
        load_activity_accounts_and_other_files.load_events(connect(), tmp_path / "events.jsonl")


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Yield the scanned bill of a simulated organization with events, its ledger, its owners and its ground truth."""
    folder = tmp_path_factory.mktemp("events")
    written = simulate(folder / "organization", accounts=MIN_ACCOUNTS, days=75, seed=5)
    owners = Owners.load(written.owners)
    inputs = BillInputs(
        str(written.export),
        folder / "state",
        accounts=written.accounts,
        activity=written.activity,
        events=written.events,
    )
    ledger = SqliteLedger(folder / "ledger.db")
    with open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=lambda _text: None) as bill:
        scan(
            BillToScan(bill.engine, as_of=bill.as_of, currency="USD"),
            catalog=CATALOG,
            detections=[CATALOG.detection("cost_anomaly")],
            owners=owners,
            ledger=ledger,
            progress=lambda _text: None,
        )
        yield bill, ledger, owners, json.loads(written.truth.read_text())


def test_simulated_anomalies_show_only_the_events_that_coincide(scanned):
    """Most simulated events are in another account, service or region, on another day, or name no service."""
    _, ledger, _, truth = scanned
    shown = {
        (entry.finding.sub_account_id, entry.finding.service_name): {
            event.reference for event in entry.finding.explanation.events
        }
        for entry in ledger.entries().values()
        if entry.finding.explanation
    }
    relations = {event["reference"]: event["relation"] for event in truth["events"]}
    listed = [relations[reference] for references in shown.values() for reference in references]
    assert len(listed) >= 3 and set(listed) == {"coincides"}
    assert len(truth["events"]) > 4 * len(listed)


def test_weekly_summary_and_page_mark_events_of_the_service(scanned):
    bill, ledger, owners, truth = scanned
    of_service = {
        event["reference"]
        for event in truth["events"]
        if event["relation"] in ("coincides", "other day", "other region")
    }
    entries = ledger.entries().values()
    weeks = weeks_of_bill(bill, entries=entries, catalog=CATALOG, owners=owners)
    lines = [line for week in weeks for line in week.lines]
    assert [line for line in lines if "; in the same week: deployment 2026-0" in line]
    page = gather(
        bill.engine,
        as_of=bill.as_of,
        currency="USD",
        catalog=CATALOG,
        owners=owners,
        ledger=ledger,
        detections=[],
    )
    marks = [
        text for chart in finding_charts(page).values() for mark in chart["events"] for text in mark["events"]
    ]
    assert marks and {text.partition(": ")[2] for text in marks} <= of_service
