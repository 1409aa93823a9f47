"""Scans of Bedrock callers: missing input is reported, findings have owners, and budgets are notified in steps."""

from datetime import date

import pytest
from rich.console import Console

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill.create_owner_and_computed_local_tables import create_views
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli.output import scan_tables
from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from tests.given.statements_of_scan import statements_of_scan

AS_OF = date(2026, 6, 18)
CATALOG = Catalog.load()
IDS = ("new_ai_principal", "principal_budget", "runaway_session")
METER = "USE1-Claude4.6Sonnet-input-tokens"
CHARGE = {
    "SubAccountId": "111122223333", "RegionId": "us-east-1", "ServiceName": "Amazon Bedrock", "SkuMeter": METER,
    "ConsumedUnit": "1M tokens", "ConsumedQuantity": 1000.0, "EffectiveCost": 3000.0,
    "days": [date(2026, 5, 1), AS_OF],
}  # fmt: skip
PRINCIPAL_ROW = {
    "sub_account_id": "111122223333", "region_id": "us-east-1", "sku_meter": METER,
    "iam_principal": "arn:aws:sts::111122223333:assumed-role/AppRole/one", "quantity": 4.0, "effective_cost": 12.0,
    "days": [date(2026, 5, 1), AS_OF],
}  # fmt: skip
OWNERS = {
    "teams": {
        "search": {"channel": "#search"},
        "ml": {"channel": "#ml", "owns": {"accounts": ["111122223333"]}},
    },
    "principal_budgets": {"app": {"roles": ["AppRole"], "monthly_budget": 300, "team": "search"}},
}


@pytest.fixture
def ledger(tmp_path):
    return SqliteLedger(tmp_path / "ledger.db")


def scanned(ledger, principals, *, as_of=AS_OF, owners=OWNERS, ids=IDS):
    """Scan a small bill with these callers."""
    connection = connect()
    case = Case(name="a small bill", kind="quiet", charges=[CHARGE], principals=principals, owners=owners)
    create_input_tables(
        connection,
        case,
        file=CaseFile.model_construct(charge={}, activity_row={}, principal_row=PRINCIPAL_ROW),
    )
    create_views(
        connection,
        CATALOG,
        values=DetectionInput(as_of=as_of, first_new_day=as_of).values,
        statements=statements_of_scan(CATALOG, *ids),
    )
    return scan(
        BillToScan(DuckDbEngine(connection), as_of=as_of, currency="USD"),
        catalog=CATALOG,
        ledger=ledger,
        detections=[CATALOG.detection(id) for id in ids],
        owners=Owners.model_validate(owners),
        progress=lambda _text: None,
    )


def test_without_callers_the_scan_says_what_was_not_evaluated_and_why(ledger):
    """No finding is resolved, and no detection counts as evaluated."""
    result = scanned(ledger, [{}])
    assert [finding.detection for finding in result.findings] == ["principal_budget"]
    result = scanned(ledger, [])
    assert {outcome.detection.id for outcome in result.outcomes if outcome.lacks_input} == set(IDS)
    assert not [one for one in result.notifications if one.kind == "resolved"]
    assert [entry.state for entry in ledger.entries().values()] == ["open"]
    out = Console(record=True, width=200)
    for line in scan_tables._limits(result, next_command=NextCommand()):
        out.print(line)
    assert out.export_text().strip() == (
        "Not evaluated: new_ai_principal, principal_budget, runaway_session: the callers of Bedrock are unknown "
        "without an export with IAM principals (--principals, docs/attribution.md)."
    )


def test_detection_reports_findings_of_the_days_without_input_later(ledger):
    """Scans without input do not advance the detection's last evaluated day."""
    scanned(ledger, [{}], as_of=date(2026, 6, 2))
    scanned(ledger, [], as_of=date(2026, 6, 16))
    late = {"iam_principal": "arn:aws:iam::111122223333:user/bob", "days": [date(2026, 6, 3), AS_OF]}
    result = scanned(ledger, [{}, late])
    assert [one.resource_id for one in result.findings if one.detection == "new_ai_principal"] == [
        late["iam_principal"]
    ]


def test_caller_s_tag_assigns_findings_except_security_findings(ledger):
    """Otherwise an attacker who can tag a user could choose who may suppress the finding about that user."""
    tags = {"iamPrincipal/team": "search"}
    quiet = [
        {
            "iam_principal": f"arn:aws:sts::111122223333:assumed-role/Jobs/{number}",
            "charge_date": date(2026, 6, 1),
        }
        for number in range(9)
    ]
    loop = {
        "iam_principal": "arn:aws:sts::111122223333:assumed-role/Jobs/loop",
        "charge_date": date(2026, 6, 16),
        "effective_cost": 900.0,
        "tags": tags,
    }
    new = {
        "iam_principal": "arn:aws:iam::111122223333:user/bob",
        "charge_date": date(2026, 6, 16),
        "tags": tags,
    }
    result = scanned(ledger, [{}, *quiet, loop, new])
    owned = {finding.detection: (finding.team, finding.owned_by) for finding in result.findings}
    assert owned == {
        "new_ai_principal": ("ml", "account"),
        "principal_budget": ("search", "plan"),
        "runaway_session": ("search", "resource tag"),
    }


def test_caller_budget_is_notified_once_per_step_and_month(ledger):
    """At 12 a day, 300 a month reach 70 % on the 18th, 85 % on the 22nd and 100 % on the 25th; then a month begins."""
    daily_calls = {**PRINCIPAL_ROW, "days": [date(2026, 5, 1), date(2026, 7, 20)]}
    june, july = (
        (5, 6, 18, 19, 20, 22, 23, 24, 25, 26, 27, 30),
        (1, 2, 3, 18, 19),
    )  # the steps, and days around them
    notifications = []
    for day in [*(date(2026, 6, number) for number in june), *(date(2026, 7, number) for number in july)]:
        result = scanned(ledger, [daily_calls], as_of=day, ids=["principal_budget"])
        notifications += [
            (f"{day:%m-%d}", one.kind, one.finding.evidence["reached_percent"])
            for one in result.notifications
        ]
    assert notifications == [
        ("06-05", "new", 0.0), ("06-19", "changed", 70.0), ("06-23", "changed", 85.0), ("06-26", "changed", 100.0),
        ("07-02", "changed", 0.0), ("07-19", "changed", 70.0),
    ]  # fmt: skip
