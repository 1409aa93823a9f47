"""Bills of several providers are scanned as one: each keeps its own days, and sums are in one currency."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs, OtherBill
from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.joint_bill import open_joint_bill
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import DeliveryRow
from focuswatch.bill.union_tables_of_several_bills import RefreshedBill, account_ids, joined_deliveries
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import bill_to_scan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.errors import ConfigError, ExportError
from focuswatch.findings.finding import Finding
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.query_report_rows_per_group import split_rows
from tests.given.exports import write
from tests.given.provider_bills import SUBSCRIPTION, billed, write_bills

FOCUSWATCH = Path(sys.executable).parent / "focuswatch"
CATALOG = Catalog.load()
RATES = "[exchange_rates]\nEUR = 0.8\nJPY = 150\n"
USD_RATES = {"aws": 1, "azure": 1 / 0.8, "google": 1 / 150, "litellm": 1}
PLANTED = {
    ("cost_anomaly", "111122223333", "Amazon Elastic Compute Cloud", "AWS"),
    ("cost_anomaly", SUBSCRIPTION, "Virtual Machines", "Microsoft"),
    ("new_service", "shop-prod", "Vertex AI", "Google Cloud"),
    ("untagged_ai_spend", "shop-prod", "Vertex AI", "Google Cloud"),
}


def discard_progress(_: str) -> None:
    """Ignore a progress message."""


def opened(*exports: Path, state: Path, owners: Owners):
    """Open one bill that consists of several bills, each with its own state."""
    others = tuple(OtherBill(str(export), state / export.name) for export in exports[1:])
    inputs = BillInputs(str(exports[0]), state=state / exports[0].name, others=others)
    return open_joint_bill(inputs, catalog=CATALOG, owners=owners, progress=discard_progress)


def scanned(
    bill: Bill, ledger: SqliteLedger, *, owners: Owners, only: str | None = None
) -> tuple[Finding, ...]:
    return scan(
        bill_to_scan(bill, owners=owners),
        catalog=CATALOG,
        detections=[CATALOG.detection(only)] if only else CATALOG.enabled,
        owners=owners,
        ledger=ledger,
        progress=discard_progress,
    ).findings


def sums(bill: Bill, measure: str) -> dict[str, float]:
    rows = bill.engine.query(
        f"SELECT ProviderName AS p, {measure} AS v FROM folded_charges GROUP BY 1", label="t"
    )
    return {row["p"]: row["v"] for row in rows}


@pytest.fixture(scope="module")
def bills(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bills")
    (root / "owners.toml").write_text(RATES)
    return write_bills(root)


@pytest.fixture(scope="module")
def owners(bills) -> Owners:
    return Owners.load(bills["aws"].parent / "owners.toml")


@pytest.fixture(scope="module")
def joint(bills, owners) -> Iterator[Bill]:
    with opened(*bills.values(), state=bills["aws"].parent / "state", owners=owners) as bill:
        yield bill


def test_each_total_equals_plain_sql_over_the_files(bills, joint):
    """Totals agree to the cent, at the rates in owners.toml."""
    expected = {
        provider: float(cost) * USD_RATES[name]
        for name, path in bills.items()
        for provider, cost in billed(path).items()
    }
    assert sums(joint, "sum(BilledCost)") == {
        provider: pytest.approx(cost, abs=0.005) for provider, cost in expected.items()
    }
    assert set(sums(joint, "min(BillingCurrency)").values()) == {"USD"}
    notes = [one for one in joint.summary.warnings if "converted" in one]
    assert notes == [
        "amounts in the bill azure are converted from EUR to USD: 1 EUR is 1.25 USD (owners.toml)",
        "amounts in the bill google are converted from JPY to USD: 1 JPY is 0.00666667 USD (owners.toml)",
    ]


def test_reports_are_split_by_provider_and_add_up(bills, joint, owners):
    """All reports of spend have the same total, and each part belongs to one provider."""
    options = {"engine": joint.engine, "as_of": joint.as_of, "owners": owners}
    providers = report_rows(CATALOG.report("spend_by_provider"), **options)
    services = report_rows(CATALOG.report("spend_by_service"), **options)
    assert [row["provider"] for row in providers] == [
        "Microsoft",
        "AWS",
        "Google Cloud",
        "openai",
        "anthropic",
    ]
    assert sum(row["effective_cost"] for row in providers) == pytest.approx(
        sum(row["effective_cost"] for row in services)
    )
    split = split_rows(CATALOG.report("ai_spend"), by="provider", catalog=CATALOG, **options)
    assert {(row["provider"], row["service_name"], row["layer"]) for row in split} == {
        ("Microsoft", "Azure OpenAI", "model inference"),
        ("Google Cloud", "Vertex AI", "model inference"),
        ("openai", "chat", "model inference"),
        ("anthropic", "agents", "model inference"),
    }


def test_units_of_azure_tokens_are_single_tokens(joint):
    rows = joint.engine.query(
        "SELECT model, token_kind, max(million_tokens) AS millions FROM token_charges GROUP BY 1, 2",
        label="t",
    )
    assert rows == [{"model": "gpt 4o 0513", "token_kind": "input", "millions": 12.0}]


def test_days_are_complete_as_of_the_end_of_each_bill(joint):
    """Azure's bill ends a day before the others. Charges of providers other than AWS change for one more day."""
    rows = joint.engine.query(
        "SELECT sub_account_id AS id, max(last_settled_day) AS day, max(bill_began) AS began "
        "FROM completeness GROUP BY 1",
        label="t",
    )
    assert {row["id"]: (row["day"], row["began"]) for row in rows} == {
        "111122223333": (date(2026, 5, 29), date(2026, 3, 18)),
        SUBSCRIPTION: (date(2026, 5, 27), date(2026, 3, 18)),
        "shop-prod": (date(2026, 5, 28), date(2026, 3, 18)),
        "team-7": (date(2026, 5, 28), date(2026, 4, 22)),
        "litellm": (date(2026, 5, 28), date(2026, 4, 22)),  # charges without an account
    }


def test_scan_finds_the_planted_incidents_of_every_provider_and_no_other(bills, joint, owners, tmp_path):
    """Recall and precision are 1. Services of a bill that starts later are not new, and only AWS has AWS commands."""
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        findings = scanned(joint, ledger, owners=owners)
        actual = {(one.detection, one.sub_account_id, one.service_name, one.provider) for one in findings}
        assert actual == PLANTED
        assert {one.provider for one in findings if "aws " in one.action} == {"AWS"}
        assert not any(
            "AWS" in one.action or "CloudTrail" in one.action for one in findings if one.provider != "AWS"
        )
        assert {one.currency for one in findings} == {"USD"}


def test_scan_of_one_bill_resolves_no_finding_of_another(bills, owners, tmp_path):
    """Both bills share a ledger. A scan of both resolves findings that no longer occur."""
    for name in ("azure", "calm"):
        rows = [{"BilledCost": cost, "EffectiveCost": cost} for cost in _costs(spikes=name == "azure")]
        _write_days(tmp_path / name, rows, account="sub-1", provider="Microsoft")
    _write_days(tmp_path / "aws", [{} for _ in range(45)], account="111122223333", provider="AWS")
    with closing(SqliteLedger(tmp_path / "ledger.db")) as ledger:
        with opened(tmp_path / "aws", tmp_path / "azure", state=tmp_path / "s", owners=owners) as bill:
            (anomaly,) = scanned(bill, ledger, owners=owners, only="cost_anomaly")
        assert (anomaly.sub_account_id, anomaly.provider) == ("sub-1", "Microsoft")
        inputs = BillInputs(str(tmp_path / "aws"), state=tmp_path / "s" / "aws")
        with open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=discard_progress) as bill:
            scanned(bill, ledger, owners=owners, only="cost_anomaly")
        assert [entry.state for entry in ledger.entries().values()] == ["open"]
        with opened(tmp_path / "aws", tmp_path / "calm", state=tmp_path / "s", owners=owners) as bill:
            scanned(bill, ledger, owners=owners, only="cost_anomaly")
        assert [entry.state for entry in ledger.entries().values()] == ["resolved"]


def _costs(*, spikes: bool) -> list[str]:
    return ["50.0" if day < 38 or not spikes else "400.0" for day in range(45)]


def _write_days(folder: Path, rows: list[dict[str, str]], *, account: str, provider: str) -> None:
    """Write a charge for each day from 2026-05-01, with the values of the rows."""
    days = [date.fromordinal(date(2026, 5, 1).toordinal() + number) for number in range(len(rows) + 1)]
    identity = {"SubAccountId": account, "ProviderName": provider, "ServiceName": f"{provider} compute"}
    charges = [
        {
            **identity,
            "ChargePeriodStart": f"{first} 00:00:00",
            "ChargePeriodEnd": f"{last} 00:00:00",
            "BillingPeriodStart": f"{first.replace(day=1)} 00:00:00",
            **row,
        }
        for first, last, row in zip(days, days[1:], rows, strict=False)
    ]
    write(folder / "focus.parquet", *charges)


def test_bills_without_a_rate_between_their_currencies_are_refused(bills, tmp_path):
    """Amounts of two currencies are never added. XXX stands for no currency in ISO 4217, so no table has its rate."""
    write(tmp_path / "other" / "focus.parquet", {"BillingCurrency": "XXX", "SubAccountId": "x"})
    with (
        pytest.raises(
            ConfigError,
            match=r"The bill other is in XXX and the bill aws is in USD.*Set the exchange rate for XXX under "
            r"\[exchange_rates\]",
        ),
        opened(bills["aws"], tmp_path / "other", state=tmp_path / "s", owners=Owners.load(None)),
    ):
        pass


def test_same_charges_in_two_bills_are_refused(bills, owners, tmp_path):
    write(tmp_path / "copy" / "focus.parquet", {})
    write(tmp_path / "part" / "focus.parquet", {"ResourceId": "i-9"})
    with (
        pytest.raises(
            ConfigError, match="The bills copy and part both contain AWS charges for account 111122223333"
        ),
        opened(tmp_path / "copy", tmp_path / "part", state=tmp_path / "s", owners=owners),
    ):
        pass


def ten_days(path: Path, *providers: str, account: str) -> Path:
    """Write the charges of ten days in May."""
    return write(
        path,
        *(
            {
                "ChargePeriodStart": f"2026-05-{day:02} 00:00:00",
                "ChargePeriodEnd": f"2026-05-{day + 1:02} 00:00:00",
                "ProviderName": provider,
                "SubAccountId": account,
            }
            for day in range(1, 11)
            for provider in providers
        ),
    ).parent


def test_aws_charges_of_a_mixed_bill_settle_as_in_one_bill(tmp_path):
    """They settle after 2 days, the whole bill after 3: detections of AWS resources read only AWS charges."""
    mixed = ten_days(tmp_path / "mixed" / "a.parquet", "AWS", "Microsoft", "Microsoft", account="1")
    other = ten_days(tmp_path / "other" / "a.parquet", "AWS", account="2")
    statement = (
        "SELECT sub_account_id AS id, max(last_settled_day) AS day FROM completeness GROUP BY 1 ORDER BY 1"
    )
    with opened(mixed, other, state=tmp_path / "s", owners=Owners()) as bill:
        days = [
            {row["id"]: row["day"].day for row in engine.query(statement, label="t")}
            for engine in (bill.engine, bill.aws_engine)
        ]
    assert days == [{"1": 7, "2": 8}, {"1": 8, "2": 8}]


def test_views_that_several_detections_read_are_computed_once(tmp_path):
    """This holds for one bill and for joint bills, for all charges and for AWS charges."""
    mixed = ten_days(tmp_path / "mixed" / "a.parquet", "AWS", "Microsoft", account="1")
    other = ten_days(tmp_path / "other" / "a.parquet", "Oracle", account="2")
    one = BillInputs(str(mixed), state=tmp_path / "one")
    with (
        opened(mixed, other, state=tmp_path / "s", owners=Owners()) as joint,
        open_local_bill(one, catalog=CATALOG, owners=Owners(), progress=discard_progress) as single,
    ):
        for engine in (joint.engine, joint.aws_engine, single.engine, single.aws_engine):
            engine.query("SELECT count(*) FROM owned_days", label="t")
            tables = engine.query("SELECT table_name FROM duckdb_tables()", label="t")
            assert "owned_days" in {row["table_name"] for row in tables}


def refreshed(name: str, **values) -> RefreshedBill:
    defaults = {
        "prefix": "b_",
        "as_of": date(2026, 6, 1),
        "settle_days": 2,
        "aws_settle_days": 2,
        "currency": "USD",
        "factor": 1.0,
        "accounts": {},
        "has_aws": True,
        "others": frozenset(),
        "deliveries": (),
    }
    return RefreshedBill(name, **{**defaults, **values})


def test_accounts_of_different_providers_stay_apart():
    """Charges without an account get the name of their bill."""
    ids = account_ids(
        [
            refreshed("aws", accounts={"shared": "AWS", None: "AWS"}),
            refreshed("gateway", accounts={"shared": "openai", None: "openai", "own": "openai"}),
        ]
    )
    assert ids == {"aws": {None: "aws"}, "gateway": {None: "gateway", "shared": "gateway/shared"}}


def test_a_change_of_one_bill_does_not_look_like_a_loss_of_the_others():
    """The deliveries of a billing period are those of all bills together."""

    def row(charges: int, hour: int) -> DeliveryRow:
        moment = datetime(2026, 6, 1, hour, tzinfo=UTC)
        return DeliveryRow(
            billing_period=date(2026, 5, 1),
            delivered_at=moment,
            refreshed_at=moment,
            charges=charges,
            billed_cost=1.0,
        )

    joined = joined_deliveries(
        [
            refreshed("a", deliveries=[row(100, 1), row(110, 3)]),
            refreshed("b", deliveries=[row(5, 2)], factor=2.0),
        ]
    )
    assert [(one.charges, one.billed_cost) for one in joined] == [(100, 1.0), (105, 3.0), (115, 3.0)]


def test_hourly_files_of_litellm_are_refused(tmp_path, owners):
    """Each file has the spend since midnight. Files of tokens contain each request once, so they are accepted."""
    inputs = BillInputs(str(tmp_path / "litellm"), state=tmp_path / "s")
    for unit in ("token", "Requests"):
        for hour in ("01", "02"):
            path = (
                f"litellm/date=2026-05-02/hour={hour}/usage_20260502T{hour}0000Z_20260502T{hour}5959Z.parquet"
            )
            row = {"ConsumedUnit": unit, "ProviderName": "openai", "ResourceId": f"key-{hour}"}
            write(tmp_path / path, row, types={"ConsumedUnit": "VARCHAR"})
        if unit == "token":
            with open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=discard_progress) as bill:
                assert bill.summary.charges == 2
    with (
        pytest.raises(ExportError, match="hourly LiteLLM files.*FOCUS_FREQUENCY=daily"),
        open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=discard_progress),
    ):
        pass


def test_later_commands_read_the_bills_of_the_last_scan(bills, tmp_path):
    """They use the ledger of the first bill."""

    def focuswatch(*arguments):
        done = subprocess.run([FOCUSWATCH, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    state = ("--state", tmp_path / "state", "--format", "json")
    owners = bills["aws"].parent / "owners.toml"
    focuswatch("scan", bills["aws"], bills["google"], "--owners", owners, *state)
    rows, notes = focuswatch("report", "spend_by_provider", *state)
    assert "google are converted from JPY to USD: 1 JPY is 0.00666667 USD" in notes
    assert [row["provider"] for row in rows["rows"]] == ["AWS", "Google Cloud"]
    listed, _ = focuswatch("findings", "--export", bills["aws"], *state)
    assert {one["provider"] for one in listed} == {"AWS", "Google Cloud"}
