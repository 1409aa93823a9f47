"""Metamorphic tests: changes that occur in real bills must not change the findings.

A small simulated bill is scanned unchanged and after each change. Each change's docstring says what it models.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.findings.finding import Finding
from focuswatch.simulate import simulate
from focuswatch.simulate.writing.focus_1_2_columns import COLUMNS, MAPS
from tests.given.local_scan import scan_local_bill

DAYS = 90
SMALL = 1_000  # an account with fewer charges is always kept
CHANGE_DAY = "TIMESTAMP '2026-05-13'"  # within a month, weeks before the last charge
LAST_DAYS = "TIMESTAMP '2026-06-01'"  # first charges since then are notified
EVERY_REGION = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1",
    "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
    "il-central-1", "me-south-1", "me-central-1", "af-south-1", "ap-south-1", "ap-south-2", "ap-east-1",
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4",
)  # fmt: skip
COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
PRICES = ("ListUnitPrice", "ContractedUnitPrice")
QUANTITIES, UNITS = ("ConsumedQuantity", "PricingQuantity"), ("ConsumedUnit", "PricingUnit")
PLANNED = re.compile(r"(?<=\bmonthly_budget = )[\d.]+|(?<=\bcap = )[\d.]+")


@dataclass(frozen=True)
class Organization:
    """A simulated bill as the table `bill` of a database, its input files, and the findings of a scan of it."""

    database: Path
    activity: Path
    accounts: Path
    owners: Path
    account_without_incident: str  # without a planted incident
    findings: Mapping[str, Finding]


@dataclass
class Change:
    """A changed copy of the bill in `folder`; costs of findings are multiplied by `findings_cost`."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    organization: Organization
    owners: Path
    findings_cost: float = 1.0

    def write(self, rows: str, *, name: str = "bill.parquet", options: str = "FORMAT parquet") -> None:
        """Write the rows of a query over `bill` as one file of the export."""
        self.folder.mkdir(exist_ok=True)
        target = literal(str(self.folder / name))
        self.connection.execute(f"COPY ({rows}) TO {target} ({options})")

    def replace(self, **values: str) -> None:
        """Write the bill with some columns' values replaced."""
        self.write(f"SELECT {replacing(**values)} FROM bill")

    def add(self, *more: str) -> None:
        """Write the bill and the rows of additional queries."""
        self.write(" UNION ALL BY NAME ".join(["SELECT * FROM bill", *more]))


def replacing(**values: str) -> str:
    """Return SQL for all columns, some of them with other values."""
    return f"* REPLACE ({', '.join(f'{value} AS {name}' for name, value in values.items())})"


def since(day: str, value: str, *, column: str) -> str:
    return f"CASE WHEN ChargePeriodStart >= {day} THEN {value} ELSE {column} END"


def scan(export: Path, *, organization: Organization, owners: Path, state: Path) -> dict[str, Finding]:
    """Return the findings of an export by fingerprint."""
    options = BillOptions(
        export=str(export),
        activity=organization.activity,
        accounts=organization.accounts,
        owners=owners,
        state=state,
    )
    scanned = scan_local_bill(options)
    assert not scanned.failures, [outcome.error for outcome in scanned.failures]
    return {one.fingerprint: one for one in scanned.findings}


@pytest.fixture(scope="session")
def organization(tmp_path_factory) -> Organization:
    """Return a few accounts with planted incidents of every kind, and one account without an incident."""
    root = tmp_path_factory.mktemp("organization")
    simulation = simulate(root / "simulated", accounts=60, days=DAYS, seed=1)
    planted: dict[str, set[str]] = {}  # kinds of incidents by account that the scan still shows
    for incident in json.loads(simulation.truth.read_text())["incidents"]:
        kinds = planted.setdefault(incident["sub_account_id"], set())
        kinds |= {incident["detection"]} if incident["visible_until"] is None else set()
    (root / "focus").mkdir()
    with duckdb.connect(str(root / "bill.db")) as connection:
        files = literal(str(simulation.export / "data" / "*" / "*.parquet"))
        charges = f"read_parquet({files}, hive_partitioning = false)"
        sizes, account_without_incident = sizes_and_account_without_incident(
            connection, charges, planted=planted
        )
        kept = {
            *choose_accounts(planted, sizes=sizes),
            *(one for one, size in sizes.items() if size < SMALL),
            account_without_incident,
        }
        connection.execute(
            f"CREATE TABLE bill AS SELECT {', '.join(COLUMNS)} FROM {charges} "
            f"WHERE SubAccountId IS NULL OR SubAccountId IN ({', '.join(map(literal, sorted(kept)))}) ORDER BY ALL"
        )
        connection.execute(f"COPY bill TO {literal(str(root / 'focus' / 'bill.parquet'))} (FORMAT parquet)")
    unscanned = Organization(
        root / "bill.db",
        simulation.activity,
        simulation.accounts,
        simulation.owners,
        account_without_incident,
        {},
    )
    findings = scan(root / "focus", organization=unscanned, owners=simulation.owners, state=root / "state")
    return replace(unscanned, findings=findings)


def sizes_and_account_without_incident(
    connection: duckdb.DuckDBPyConnection, charges: str, *, planted: Mapping[str, set[str]]
) -> tuple[dict[str, int], str]:
    """Return the number of charges of each account, and the smallest account with daily charges and no incidents."""
    rows = connection.execute(
        f"SELECT SubAccountId, count(*), count(DISTINCT CAST(ChargePeriodStart AS DATE)) FROM {charges} "
        "WHERE SubAccountId IS NOT NULL GROUP BY 1 ORDER BY 2, 1"
    ).fetchall()
    payer = connection.execute(f"SELECT any_value(BillingAccountId) FROM {charges}").fetchall()[0][0]
    busy = {*planted, payer}
    account_without_incident = next(
        id for id, size, days in rows if id not in busy and size > SMALL and days >= DAYS
    )
    return {id: size for id, size, _ in rows}, account_without_incident


def choose_accounts(planted: Mapping[str, set[str]], *, sizes: Mapping[str, int]) -> set[str]:
    """Return accounts with few charges in which each kind of incident is planted twice, if two accounts have it."""
    accounts: set[str] = set()
    for _ in range(2):
        kinds = {one: planted[one] for one in sizes if one in planted and one not in accounts}
        missing_kinds = set().union(*kinds.values())
        while missing_kinds:
            best = max(kinds, key=lambda one: (len(kinds[one] & missing_kinds) / sizes[one] ** 0.5, one))
            accounts.add(best)
            missing_kinds -= kinds[best]
    return accounts


def payer_changes(change: Change) -> None:
    """The organization moves to another management account in the middle of a month."""
    change.replace(
        BillingAccountId=since(CHANGE_DAY, "'999988887777'", column="BillingAccountId"),
        BillingAccountName=since(CHANGE_DAY, "'Another payer'", column="BillingAccountName"),
        InvoiceId=since(CHANGE_DAY, "InvoiceId || '9'", column="InvoiceId"),
    )


def accounts_are_renamed(change: Change) -> None:
    """Every account has another name from a day on."""
    change.replace(
        SubAccountName=since(CHANGE_DAY, "SubAccountName || ' (renamed)'", column="SubAccountName")
    )


def tokens_are_metered_in_millions(change: Change) -> None:
    """AWS once changed this unit: a thousandth of the quantity at a thousand times the price."""
    in_thousands = f"PricingUnit = '1K tokens' AND ChargePeriodStart >= {CHANGE_DAY}"
    values = {name: f"CASE WHEN {in_thousands} THEN {name} / 1000 ELSE {name} END" for name in QUANTITIES}
    values |= {name: f"CASE WHEN {in_thousands} THEN {name} * 1000 ELSE {name} END" for name in PRICES}
    values |= {name: f"CASE WHEN {in_thousands} THEN '1M tokens' ELSE {name} END" for name in UNITS}
    change.replace(**values)


def billed_in(currency: str, *, per_usd: float, rate_in_owners: bool) -> Callable[[Change], None]:
    """Return a change of the bill and of the budgets to another currency.

    The rate is in owners.toml, or follows from the bill, which still has prices in US dollars.
    """

    def changed(change: Change) -> None:
        change.findings_cost = per_usd
        text = PLANNED.sub(lambda amount: f"{float(amount[0]) * per_usd:.6f}", change.owners.read_text())
        if rate_in_owners:
            text += f"\n[exchange_rates]\n{currency} = {per_usd}\n"
        change.owners = change.folder.with_name(f"owners-{currency}.toml")
        change.owners.write_text(text)
        pricing = {"PricingCurrency": literal(currency), "PricingCurrencyEffectiveCost": "NULL"}
        change.replace(
            BillingCurrency=literal(currency),
            **{name: f"{name} * {per_usd}" for name in COSTS},
            **(pricing if rate_in_owners else {}),
        )

    return changed


def a_month_is_restated(change: Change) -> None:
    """Days of an invoiced month are refunded and charged again on the next month's bill."""
    restated = """
        SELECT {values} FROM bill
        WHERE ChargeCategory = 'Usage' AND ChargePeriodStart BETWEEN '2026-04-10' AND '2026-04-14'
    """
    later = {
        "ChargeClass": "'Correction'",
        "BillingPeriodStart": "TIMESTAMP_MS '2026-05-01'",
        "BillingPeriodEnd": "TIMESTAMP_MS '2026-06-01'",
    }
    back = {name: f"-{name}" for name in (*COSTS, *QUANTITIES)}
    change.add(restated.format(values=replacing(**later)), restated.format(values=replacing(**later, **back)))


def a_commitment_is_bought_and_returned(change: Change) -> None:
    """AWS accepts returns of Savings Plans within seven days: a purchase, and its refund two days later."""
    bought = """
        SELECT {values} FROM bill
        WHERE ChargeCategory = 'Usage' AND ServiceName = 'Amazon Elastic Compute Cloud' AND SubAccountId = {account}
            AND ChargePeriodStart = TIMESTAMP '{day}'
        LIMIT 1
    """
    plan = {
        "ChargeCategory": "'Purchase'",
        "ChargeFrequency": "'One-Time'",
        "CommitmentDiscountId": "'arn:aws:savingsplans::111122223333:savingsplan/returned'",
        "CommitmentDiscountCategory": "'Spend'",
        "CommitmentDiscountType": "'Compute Savings Plans'",
        "ResourceId": "'arn:aws:savingsplans::111122223333:savingsplan/returned'",
        "EffectiveCost": "0.0",
        "ListCost": "0.0",
        "ContractedCost": "50000.0",
        "BilledCost": "50000.0",
    }
    returned = {"ChargeClass": "'Correction'", "ContractedCost": "-50000.0", "BilledCost": "-50000.0"}
    account = literal(change.organization.account_without_incident)
    change.add(
        f"FROM ({bought.format(values=replacing(**plan), account=account, day='2026-06-02')})",
        f"FROM ({bought.format(values=replacing(**plan | returned), account=account, day='2026-06-04')})",
    )


def credits_pay_for_everything(change: Change) -> None:
    """Each charge has a credit of the same amount, as in an account with promotional credits."""
    nothing = (*QUANTITIES, *UNITS, "CommitmentDiscountStatus", "CommitmentDiscountId", "PricingCategory")
    credit = {
        "ChargeCategory": "'Credit'",
        **dict.fromkeys(nothing, "NULL"),
        **{name: f"-{name}" for name in COSTS},
    }
    change.add(f"SELECT {replacing(**credit)} FROM bill WHERE ChargeCategory = 'Usage'")


def every_charge_is_taxed(change: Change) -> None:
    """AWS bills value-added tax for the account, region and service of each charge."""
    nothing = (*QUANTITIES, *UNITS, "CommitmentDiscountStatus", "CommitmentDiscountId", "PricingCategory")
    tax = {
        "ChargeCategory": "'Tax'",
        **dict.fromkeys(nothing, "NULL"),
        **{name: f"{name} * 0.19" for name in COSTS},
    }
    change.add(f"SELECT {replacing(**tax)} FROM bill WHERE ChargeCategory = 'Usage'")


def charges_are_split(change: Change) -> None:
    """Each charge becomes two rows with half the usage. AWS splits by operation, price tier or price change."""
    half = replacing(**{name: f"{name} / 2" for name in (*COSTS, *QUANTITIES)})
    change.write(f"SELECT {half} FROM bill UNION ALL SELECT {half} FROM bill")


def viewers_come_from_every_region(change: Change) -> None:
    """CloudFront and Lambda@Edge are charged in the regions of viewers, in accounts that use CloudFront and Lambda."""
    regions = ", ".join(f"({literal(region)})" for region in EVERY_REGION)
    amounts = {**dict.fromkeys(COSTS, "0.000001"), **dict.fromkeys(QUANTITIES, "2.0")}
    one_a_day = f"""
        SELECT {{values}}
        FROM bill CROSS JOIN (VALUES {regions}) AS regions (region)
        WHERE ServiceName = {{service}} AND ChargeCategory = 'Usage' AND ChargePeriodStart >= {LAST_DAYS}
        QUALIFY row_number() OVER (
            PARTITION BY SubAccountId, ChargePeriodStart, region ORDER BY SkuMeter, ResourceId
        ) = 1
    """
    place = {"RegionId": "region", "RegionName": "region"}
    change.add(
        *(
            one_a_day.format(
                values=f"bill.{replacing(**place, **amounts, SkuMeter=meter)}", service=literal(service)
            )
            for service, meter in (("Amazon CloudFront", "SkuMeter"), ("AWS Lambda", "'Lambda-Edge-Request'"))
        )
    )


def an_account_lives_in_a_government_region(change: Change) -> None:
    """An account uses us-gov-west-1 from the bill's first day on, with ARNs of that partition."""
    moved = {
        "SubAccountId": "'111122223333'",
        "SubAccountName": "'government'",
        "RegionId": "CASE WHEN RegionId <> 'global' THEN 'us-gov-west-1' END",
        "RegionName": "'AWS GovCloud (US-West)'",
        "SkuMeter": "regexp_replace(SkuMeter, '^[A-Z]{2,3}[0-9]-', 'UGW1-')",
        "ResourceId": r"regexp_replace(ResourceId, '^arn:aws:([^:]*):[^:]*:', 'arn:aws-us-gov:\1:us-gov-west-1:')",
    }
    account = literal(change.organization.account_without_incident)
    change.add(
        f"SELECT {replacing(**moved)} FROM bill WHERE SubAccountId = {account} "
        "AND ServiceName <> 'Amazon CloudFront' AND CommitmentDiscountId IS NULL"
    )


def another_providers_rows_are_appended(change: Change) -> None:
    """The charges of all accounts are repeated as charges of Microsoft in other accounts, which no team owns."""
    others = dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), "'Microsoft'")
    others |= {"SubAccountId": "reverse(SubAccountId)", "SubAccountName": "'azure ' || SubAccountName"}
    others["Tags"] = "CAST(MAP {} AS MAP(VARCHAR, VARCHAR))"
    change.add(f"SELECT {replacing(**others)} FROM bill")


def columns_are_those_of_focus_1_4(change: Change) -> None:
    """The retired columns are missing, and the marketplace seller is the service provider."""
    change.write(
        """
        SELECT
            * EXCLUDE (ProviderName, PublisherName),
            CASE WHEN PublisherName LIKE 'Amazon%' THEN 'AWS' ELSE PublisherName END AS ServiceProviderName,
            'AWS' AS HostProviderName,
            CAST(NULL AS VARCHAR) AS AllocatedMethodId,
            CAST(NULL AS VARCHAR) AS AllocatedResourceId,
            CAST(NULL AS VARCHAR) AS ContractApplied
        FROM bill
        """
    )


def columns_are_shuffled_and_lower_case(change: Change) -> None:
    """Some tools and query engines rewrite columns in this way."""
    shuffled = sorted(COLUMNS, key=lambda name: name[::-1])
    change.write(f"SELECT {', '.join(f'{name} AS {name.lower()}' for name in shuffled)} FROM bill")


def columns_are_snake_case(change: Change) -> None:
    """Some data warehouses name columns in this way."""
    names = {name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in COLUMNS}
    change.write(f"SELECT {', '.join(f'{old} AS {new}' for old, new in names.items())} FROM bill")


def rows_are_shuffled_between_files(change: Change) -> None:
    """No file contains all charges of an account, a day or a resource."""
    for part in range(4):
        change.write(
            f"SELECT * FROM bill WHERE rowid % 4 = {part} ORDER BY hash(rowid)", name=f"part-{part}.parquet"
        )


def files_are_compressed_csv(change: Change) -> None:
    """There is one file for each month, with maps as JSON."""
    texts = replacing(**{name: f"CAST(to_json({name}) AS VARCHAR)" for name in MAPS})
    months = change.connection.execute("SELECT DISTINCT BillingPeriodStart FROM bill ORDER BY 1").fetchall()
    for (month,) in months:
        change.write(
            f"SELECT {texts} FROM bill WHERE BillingPeriodStart = TIMESTAMP '{month}'",
            name=f"{month:%Y-%m}.csv.gz",
            options="FORMAT csv, HEADER true, COMPRESSION gzip",
        )


CHANGES: dict[str, Callable[[Change], None]] = {
    "another payer": payer_changes,
    "accounts renamed": accounts_are_renamed,
    "tokens in millions": tokens_are_metered_in_millions,
    "in EUR, priced in USD": billed_in("EUR", per_usd=0.9, rate_in_owners=False),
    "in INR, rate in owners.toml": billed_in("INR", per_usd=83.0, rate_in_owners=True),
    "a month restated": a_month_is_restated,
    "a commitment bought and returned": a_commitment_is_bought_and_returned,
    "credits pay for everything": credits_pay_for_everything,
    "tax on every charge": every_charge_is_taxed,
    "charges split in two": charges_are_split,
    "viewers from every region": viewers_come_from_every_region,
    "a government region": an_account_lives_in_a_government_region,
    "another provider's rows": another_providers_rows_are_appended,
    "columns of FOCUS 1.4": columns_are_those_of_focus_1_4,
    "columns shuffled and lower-case": columns_are_shuffled_and_lower_case,
    "columns in snake_case": columns_are_snake_case,
    "rows shuffled between files": rows_are_shuffled_between_files,
    "compressed CSV": files_are_compressed_csv,
}


def test_unchanged_bill_has_findings_of_every_kind(organization):
    """Otherwise the next test would compare too little."""
    kinds = Counter(one.detection for one in organization.findings.values())
    assert len(kinds) >= 20 and kinds.total() >= 40
    assert {one.category for one in organization.findings.values()} == {
        "waste",
        "security",
        "anomaly",
        "governance",
    }


@pytest.mark.parametrize("rule", CHANGES)
def test_change_of_the_bill_does_not_change_findings(organization, tmp_path, rule):
    """The findings are the same, with the same severity and owner, and the same cost in the bill's currency."""
    with duckdb.connect(str(organization.database), read_only=True) as connection:
        change = Change(connection, tmp_path / "focus", organization, organization.owners)
        CHANGES[rule](change)
    scanned = scan(change.folder, organization=organization, owners=change.owners, state=tmp_path / "state")
    findings = {key: one for key, one in scanned.items() if one.provider != "Microsoft"}
    before = organization.findings
    assert descriptions(findings[key] for key in findings.keys() - before.keys()) == []
    assert descriptions(before[key] for key in before.keys() - findings.keys()) == []
    for key, one in before.items():
        now = findings[key]
        assert (now.severity, now.team, now.owned_by) == (one.severity, one.team, one.owned_by), now.reason
        for cost in ("monthly_cost", "cost_so_far", "monthly_cost_if_continues"):
            then, amount = getattr(one, cost), getattr(now, cost)
            expected = (
                None
                if then is None
                else pytest.approx(float(then) * change.findings_cost, rel=1e-4, abs=0.01)
            )
            assert (None if amount is None else float(amount)) == expected, (cost, now.reason, one.reason)


def descriptions(findings: Iterable[Finding]) -> list[tuple[str, str | None, str]]:
    """Return the fields of findings that explain a failed comparison."""
    return sorted((one.detection, one.sub_account_name, one.reason) for one in findings)
