"""Charges belong to the owner of the account on their day, also after it changes OU or tags; renamed OUs are noted."""

from datetime import date

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables, load_activity_accounts_and_other_files
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.errors import ConfigError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import rate_of
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.warn_of_renamed_ous import renamed_ou_notes
from focuswatch.reports.chargeback import chargeback, team_rows
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.query_report_rows_per_group import split_rows
from tests.given.exports import write

CATALOG = Catalog.load()
AS_OF, MOVED_ON = date(2026, 6, 1), date(2026, 5, 16)
ACCOUNT, OTHER = "111122223333", "444455556666"
OWNERS = Owners.model_validate(
    {
        "teams": {
            "search": {"channel": "#s", "owns": {"ous": ["/prod/search"]}},
            "fraud": {"channel": "#f", "owns": {"ous": ["/prod/fraud"], "tags": {"team": ["fraud"]}}},
        }
    }
)
CHARGE = {
    "SubAccountId": ACCOUNT,
    "ServiceName": "AWS Lambda",
    "EffectiveCost": 1.0,
    "BilledCost": 1.0,
    "billing_period": date(2026, 5, 1),
    "days": [date(2026, 5, 1), AS_OF],
}
IN_FRAUD = {"sub_account_id": ACCOUNT, "name": "shop", "ou_path": "/prod/fraud", "tags": {}}
BEFORE = {"sub_account_id": ACCOUNT, "ou_path": "/prod/search", "tags": {}, "valid_to": MOVED_ON}


def engine_of(*, accounts=(IN_FRAUD,), history=(BEFORE,), charges=({},), owners=OWNERS):
    """Return an engine over a charge of 1 USD a day in May."""
    connection = connect()
    case = Case(
        name="given charges",
        kind="quiet",
        charges=list(charges),
        accounts=list(accounts),
        account_history=list(history),
    )
    create_input_tables(connection, case, file=CaseFile.model_construct(charge=CHARGE))
    create_owner_and_computed_local_tables.load_owners(connection, owners.tables)
    create_owner_and_computed_local_tables.create_views(connection, CATALOG, values={"as_of": AS_OF})
    return DuckDbEngine(connection)


def days_by_team(engine):
    """Return the first day and the number of days with a charge of each team."""
    rows = engine.query(
        "SELECT team, count(*) AS days, min(charge_date) AS first_day, sum(effective_cost) AS cost "
        "FROM owned_days GROUP BY 1",
        label="teams",
    )
    assert all(row["days"] == row["cost"] for row in rows)  # no charge is counted twice
    return {row["team"]: (row["first_day"], row["days"]) for row in rows}


def test_account_that_changes_its_ou_keeps_earlier_days_with_the_earlier_owner():
    assert days_by_team(engine_of()) == {"search": (date(2026, 5, 1), 15), "fraud": (MOVED_ON, 16)}


def test_account_without_earlier_periods_has_one_owner():
    assert days_by_team(engine_of(history=())) == {"fraud": (date(2026, 5, 1), 31)}


def test_each_day_belongs_to_one_of_several_periods():
    """The second period has a tag of another team. The first period has no start and includes all earlier days."""
    second = BEFORE | {"tags": {"team": "fraud"}, "valid_from": MOVED_ON, "valid_to": date(2026, 5, 20)}
    engine = engine_of(accounts=[IN_FRAUD | {"ou_path": "/lab"}], history=[second, BEFORE])
    assert days_by_team(engine) == {
        "search": (date(2026, 5, 1), 15),
        "fraud": (MOVED_ON, 4),
        None: (date(2026, 5, 20), 12),
    }


def test_reports_count_each_period_for_its_owner():
    """The last 30 settled days are 30 April to 29 May: 15 of search and 14 of fraud."""
    engine = engine_of()
    rows = report_rows(CATALOG.report("spend_by_team"), engine=engine, as_of=AS_OF, owners=OWNERS)
    assert {row["team"]: row["effective_cost"] for row in rows} == {"search": 15.0, "fraud": 14.0}
    weeks = report_rows(CATALOG.report("team_weeks"), engine=engine, as_of=AS_OF, owners=OWNERS)
    spent = {row["team"]: (row["effective_cost_before"], row["effective_cost"]) for row in weeks}
    assert spent["fraud"] == (7.0, 7.0)


def test_split_report_counts_each_period_for_its_owner():
    """The result equals the report `spend_by_team`."""
    rows = split_rows(
        CATALOG.report("spend_by_service"),
        by="team",
        engine=engine_of(),
        catalog=CATALOG,
        owners=OWNERS,
        as_of=AS_OF,
    )
    assert {row["team"]: row["effective_cost"] for row in rows} == {"search": 15.0, "fraud": 14.0}


RENAMED = {"accounts": [IN_FRAUD | {"ou_path": "/prod/discovery"}], "history": [BEFORE]}


def test_renamed_ou_is_reported_with_its_spend(tmp_path):
    engine = engine_of(**RENAMED)
    result = scan(
        BillToScan(engine, as_of=AS_OF, currency="USD"),
        catalog=CATALOG,
        detections=[],
        owners=OWNERS,
        ledger=SqliteLedger(tmp_path / "ledger.db"),
        progress=lambda _text: None,
    )
    assert (
        "owners.toml: the OU /prod/search of team search has not contained any accounts since 2026-05-16. Its former "
        "account is now in /prod/discovery. Spend since 2026-05-16 (limited to the last 30 days): 16.00 USD, of which "
        "16.00 USD is unallocated. If the OU was renamed, change its name in owners.toml"
    ) in result.notes
    (row,) = report_rows(CATALOG.report("unowned_spend"), engine=engine, as_of=AS_OF, owners=OWNERS)
    assert row["unowned_because"] == (
        "the account was in the OU /prod/search of team search until 2026-05-16; no team owns its current OU"
    )


@pytest.mark.parametrize(
    "inputs",
    [
        {"accounts": [IN_FRAUD, IN_FRAUD | {"sub_account_id": OTHER, "ou_path": "/prod/search/eu"}]},
        {"history": []},
        {"owners": Owners()},
        RENAMED | {"charges": [{"EffectiveCost": 0.01}]},
    ],
    ids=["another account is still in it", "never in it", "no OU in owners.toml", "below a dollar"],
)
def test_ou_that_was_not_renamed_is_not_reported(inputs):
    owners = inputs.get("owners", OWNERS)
    notes = renamed_ou_notes(
        engine_of(**inputs), catalog=CATALOG, owners=owners, as_of=AS_OF, rate=rate_of("USD")
    )
    assert list(notes) == []


HEADER = "sub_account_id,name,email,ou_path,tags,joined_on,closed_on,valid_from,valid_to\n"
PERIODS = {
    "one period": (f"{ACCOUNT},a,,/b,{{}},,,,", [("/b", None)], []),
    "two periods, in any order": (
        f"{ACCOUNT},a,,/b,{{}},,,2026-05-16,\n{ACCOUNT},a,,/a,{{}},,,,2026-05-16",
        [("/b", None)], [("/a", "2026-05-16")],
    ),
    "only ended periods": (f"{ACCOUNT},a,,/a,{{}},,,,2026-05-16", [("/a", None)], []),
    "lists of two organizations": (
        f"{ACCOUNT},a,,/left,{{}},,2026-05-10,,\n{ACCOUNT},a,,/joined,{{}},,,,",
        [("/joined", None)], [("/left", "2026-05-10")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "current", "history"), PERIODS.values(), ids=PERIODS)
def test_file_of_accounts_has_the_periods_of_each_account(tmp_path, rows, current, history):
    """A file without valid_from and valid_to has one row for each account."""
    (tmp_path / "accounts.csv").write_text(HEADER + rows + "\n")
    connection = connect()
    load_activity_accounts_and_other_files.load_accounts(connection, tmp_path / "accounts.csv")
    current_rows = connection.execute("SELECT ou_path, CAST(closed_on AS varchar) FROM accounts").fetchall()
    assert current_rows == current
    ended = "SELECT ou_path, CAST(valid_to AS varchar) FROM account_history"
    assert connection.execute(ended).fetchall() == history


@pytest.mark.parametrize(
    ("rows", "periods"),
    [
        (
            f"{ACCOUNT},a,,/a,{{}},,,,\n{ACCOUNT},a,,/b,{{}},,,,",
            "one row has no valid_to, and another row has no valid_to",
        ),
        (
            f"{ACCOUNT},a,,/a,{{}},,,,2026-05-16\n{ACCOUNT},a,,/b,{{}},,,2026-05-10,",
            "one row is valid before 2026-05-16, and another row is valid from 2026-05-10",
        ),
        (
            f"{ACCOUNT},a,,/a,{{}},,,,2026-05-16\n{ACCOUNT},a,,/b,{{}},,,,2026-05-16",
            "one row is valid before 2026-05-16, and another row is valid before 2026-05-16",
        ),
        (
            f"{ACCOUNT},a,,/a,{{}},,2026-05-16,,\n{ACCOUNT},a,,/b,{{}},,,,2026-05-16",
            "one row is valid before 2026-05-16, and another row is valid before 2026-05-16",
        ),
        (
            f"{ACCOUNT},a,,/a,{{}},,,2026-03-01,\n{ACCOUNT},a,,/b,{{}},,,2026-02-15,\n"
            f"{ACCOUNT},a,,/c,{{}},,,,2026-02-01",
            "one row has no valid_to, and another row is valid from 2026-02-15",
        ),
    ],
    ids=[
        "two current rows",
        "overlapping",
        "the same end",
        "closed at the end",
        "two current rows and an earlier one",
    ],
)
def test_overlapping_periods_are_refused(tmp_path, rows, periods):
    """A join with overlapping periods would count charges twice."""
    (tmp_path / "accounts.csv").write_text(HEADER + rows + "\n")
    with pytest.raises(ConfigError, match=f"lists account {ACCOUNT} twice for the same days: {periods}"):
        load_activity_accounts_and_other_files.load_accounts(connect(), tmp_path / "accounts.csv")


@pytest.fixture(scope="module")
def two_payers(tmp_path_factory):
    """Yield a bill of two payers' exports; an account moves from one payer to the other on 16 May."""
    folder = tmp_path_factory.mktemp("payers")
    for payer, days in (("100000000001", range(1, 16)), ("200000000002", range(16, 32))):
        rows = [
            {
                "ChargePeriodStart": f"2026-{month:02}-{day:02} 00:00:00",
                "ChargePeriodEnd": f"2026-{month:02}-{day:02} 12:00:00",
                "BillingPeriodStart": f"2026-{month:02}-01 00:00:00",
                "BillingAccountId": payer, "SubAccountId": ACCOUNT, "Tags": "{}", "BilledCost": "1.0",
                "EffectiveCost": "100.0", "ServiceName": "AWS Lambda",
            }
            for month in ((3, 4, 5) if payer.startswith("1") else (5,))
            for day in (range(1, 31) if month < 5 else days)
        ]  # fmt: skip
        write(folder / "export" / f"{payer}.parquet", *rows, types={"BillingAccountId": "VARCHAR"})
    accounts = f"{ACCOUNT},a,,/prod/search,{{}},,2026-05-16,,\n{ACCOUNT},a,,/prod/fraud,{{}},,,,\n"
    (folder / "accounts.csv").write_text(HEADER + accounts)
    inputs = BillInputs(str(folder / "export"), folder / "state", accounts=folder / "accounts.csv")
    with open_local_bill(inputs, catalog=CATALOG, owners=OWNERS, progress=lambda _text: None) as bill:
        yield bill


def test_account_that_moves_to_another_payer_is_one_account(two_payers, tmp_path):
    """Its regions and services are not new, and the account was not dormant."""
    detections = [
        CATALOG.detection(id) for id in ("new_region", "new_service", "dormant_account_woke", "stale_export")
    ]
    result = scan(
        BillToScan(two_payers.engine, as_of=two_payers.as_of, currency="USD"),
        catalog=CATALOG,
        detections=detections,
        owners=OWNERS,
        ledger=SqliteLedger(tmp_path / "ledger.db"),
        progress=lambda _text: None,
    )
    assert not result.failures
    assert [finding.detection for finding in result.findings] == []
    assert two_payers.summary.warnings == ()


def test_chargeback_of_a_month_follows_the_days(two_payers):
    """Each half of May belongs to the team that owned the account on its days."""
    lines = chargeback(two_payers, billing_period=date(2026, 5, 1), owners=OWNERS, catalog=CATALOG)
    assert {row["team"]: float(row["total"]) for row in team_rows(lines)} == {"search": 15.0, "fraud": 16.0}
