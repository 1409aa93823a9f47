"""Changes that occur in real bills change no finding that they should not change.

A small simulated bill is scanned as it is, and again after each change; what a change implies is named with it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from focuswatch.cli.bill_and_ledger_options import BillOptions
from focuswatch.cli.scan_command import run_scan
from focuswatch.engines.sql_values import literal
from focuswatch.findings.finding import Finding
from focuswatch.simulate import simulate
from focuswatch.simulate.writing.focus_1_2_columns import COLUMNS, MAPS

DAYS = 90
SMALL = 1_000  # charges of an account that is kept whatever it shows
CHANGE_DAY = "TIMESTAMP '2026-05-13'"  # within a month, weeks before the last charge
LAST_DAYS = "TIMESTAMP '2026-06-01'"  # first charges since then are news
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
class Organisation:
    """A simulated bill as the table `bill` of a database, what lies beside it, and what a scan of it finds."""

    database: Path
    activity: Path
    accounts: Path
    owners: Path
    quiet_account: str  # in which nothing is planted
    findings: Mapping[str, Finding]


@dataclass
class Change:
    """A copy of the bill that a change writes into `folder`; `findings_cost` is what a unit of money becomes."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    organisation: Organisation
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
        """Write the bill and the rows of more queries."""
        self.write(" UNION ALL BY NAME ".join(["SELECT * FROM bill", *more]))


def replacing(**values: str) -> str:
    """Every column, those named with these values."""
    return f"* REPLACE ({', '.join(f'{value} AS {name}' for name, value in values.items())})"


def since(day: str, value: str, *, column: str) -> str:
    return f"CASE WHEN ChargePeriodStart >= {day} THEN {value} ELSE {column} END"


def scan(export: Path, *, organisation: Organisation, owners: Path, state: Path) -> dict[str, Finding]:
    """The findings of an export, by fingerprint."""
    options = BillOptions(
        export=str(export), activity=organisation.activity, accounts=organisation.accounts, owners=owners,
        state=state,
    )  # fmt: skip
    scanned, _ = run_scan(options)
    assert not scanned.failures, [outcome.error for outcome in scanned.failures]
    return {one.fingerprint: one for one in scanned.findings}


@pytest.fixture(scope="session")
def organisation(tmp_path_factory) -> Organisation:
    """Few accounts, in which something of every kind is planted, and one in which nothing is."""
    root = tmp_path_factory.mktemp("organisation")
    simulation = simulate(root / "simulated", accounts=60, days=DAYS, seed=1)
    planted: dict[str, set[str]] = {}  # kinds by account, those that the scan shows no longer left out
    for incident in json.loads(simulation.truth.read_text())["incidents"]:
        kinds = planted.setdefault(incident["sub_account_id"], set())
        kinds |= {incident["detection"]} if incident["visible_until"] is None else set()
    (root / "focus").mkdir()
    with duckdb.connect(str(root / "bill.db")) as connection:
        files = literal(str(simulation.export / "data" / "*" / "*.parquet"))
        charges = f"read_parquet({files}, hive_partitioning = false)"
        sizes, small_account = sizes_and_quiet_account(connection, charges, planted=planted)
        kept = {
            *chosen(planted, sizes=sizes),
            *(one for one, size in sizes.items() if size < SMALL),
            small_account,
        }
        connection.execute(
            f"CREATE TABLE bill AS SELECT {', '.join(COLUMNS)} FROM {charges} "
            f"WHERE SubAccountId IS NULL OR SubAccountId IN ({', '.join(map(literal, sorted(kept)))}) ORDER BY ALL"
        )
        connection.execute(f"COPY bill TO {literal(str(root / 'focus' / 'bill.parquet'))} (FORMAT parquet)")
    made_of = Organisation(
        root / "bill.db", simulation.activity, simulation.accounts, simulation.owners, small_account, {}
    )
    findings = scan(root / "focus", organisation=made_of, owners=simulation.owners, state=root / "state")
    return replace(made_of, findings=findings)


def sizes_and_quiet_account(
    connection: duckdb.DuckDBPyConnection, charges: str, *, planted: Mapping[str, set[str]]
) -> tuple[dict[str, int], str]:
    """The charges of every account, and the smallest account in which nothing is planted all the time."""
    rows = connection.execute(
        f"SELECT SubAccountId, count(*), count(DISTINCT CAST(ChargePeriodStart AS DATE)) FROM {charges} "
        "WHERE SubAccountId IS NOT NULL GROUP BY 1 ORDER BY 2, 1"
    ).fetchall()
    payer = connection.execute(f"SELECT any_value(BillingAccountId) FROM {charges}").fetchall()[0][0]
    busy = {*planted, payer}
    small_account = next(id for id, size, days in rows if id not in busy and size > SMALL and days >= DAYS)
    return {id: size for id, size, _ in rows}, small_account


def chosen(planted: Mapping[str, set[str]], *, sizes: Mapping[str, int]) -> set[str]:
    """Accounts with few charges, in two of which each kind of incident is planted where there are two."""
    accounts: set[str] = set()
    for _ in range(2):
        kinds = {one: planted[one] for one in sizes if one in planted and one not in accounts}
        left = set().union(*kinds.values())
        while left:
            best = max(kinds, key=lambda one: (len(kinds[one] & left) / sizes[one] ** 0.5, one))
            accounts.add(best)
            left -= kinds[best]
    return accounts


def payer_changes(change: Change) -> None:
    """The organization moves below another management account in the middle of a month."""
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
    """AWS changed this unit once: a thousandth of the quantity at a thousand times the price."""
    in_thousands = f"PricingUnit = '1K tokens' AND ChargePeriodStart >= {CHANGE_DAY}"
    values = {name: f"CASE WHEN {in_thousands} THEN {name} / 1000 ELSE {name} END" for name in QUANTITIES}
    values |= {name: f"CASE WHEN {in_thousands} THEN {name} * 1000 ELSE {name} END" for name in PRICES}
    values |= {name: f"CASE WHEN {in_thousands} THEN '1M tokens' ELSE {name} END" for name in UNITS}
    change.replace(**values)


def billed_in(currency: str, *, per_usd: float, told_by_owners: bool) -> Callable[[Change], None]:
    """Return the change to a bill in another currency, and of plans to that currency.

    The rate is told by owners.toml, or else by the bill, which still prices in US dollars.
    """

    def changed(change: Change) -> None:
        change.findings_cost = per_usd
        text = PLANNED.sub(lambda amount: f"{float(amount[0]) * per_usd:.6f}", change.owners.read_text())
        if told_by_owners:
            text += f"\n[exchange_rates]\n{currency} = {per_usd}\n"
        change.owners = change.folder.with_name(f"owners-{currency}.toml")
        change.owners.write_text(text)
        pricing = {"PricingCurrency": literal(currency), "PricingCurrencyEffectiveCost": "NULL"}
        change.replace(
            BillingCurrency=literal(currency),
            **{name: f"{name} * {per_usd}" for name in COSTS},
            **(pricing if told_by_owners else {}),
        )

    return changed


def a_month_is_restated(change: Change) -> None:
    """Days of an invoiced month are taken back and charged again, in the next month's bill."""
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
    """AWS takes Savings Plans of the last seven days back: a purchase, and its refund two days later."""
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
    account = literal(change.organisation.quiet_account)
    change.add(
        f"FROM ({bought.format(values=replacing(**plan), account=account, day='2026-06-02')})",
        f"FROM ({bought.format(values=replacing(**plan | returned), account=account, day='2026-06-04')})",
    )


def credits_pay_for_everything(change: Change) -> None:
    """Beside each charge stands a credit of the same amount, as in an account with promotional credits."""
    nothing = (*QUANTITIES, *UNITS, "CommitmentDiscountStatus", "CommitmentDiscountId", "PricingCategory")
    credit = {
        "ChargeCategory": "'Credit'",
        **dict.fromkeys(nothing, "NULL"),
        **{name: f"-{name}" for name in COSTS},
    }
    change.add(f"SELECT {replacing(**credit)} FROM bill WHERE ChargeCategory = 'Usage'")


def every_charge_is_taxed(change: Change) -> None:
    """In the account, region and service of the charge, as AWS bills a value-added tax."""
    nothing = (*QUANTITIES, *UNITS, "CommitmentDiscountStatus", "CommitmentDiscountId", "PricingCategory")
    tax = {
        "ChargeCategory": "'Tax'",
        **dict.fromkeys(nothing, "NULL"),
        **{name: f"{name} * 0.19" for name in COSTS},
    }
    change.add(f"SELECT {replacing(**tax)} FROM bill WHERE ChargeCategory = 'Usage'")


def charges_are_split(change: Change) -> None:
    """A charge is two rows of half the usage: by operation, price tier or the hour in which a price changed."""
    half = replacing(**{name: f"{name} / 2" for name in (*COSTS, *QUANTITIES)})
    change.write(f"SELECT {half} FROM bill UNION ALL SELECT {half} FROM bill")


def viewers_come_from_every_region(change: Change) -> None:
    """CloudFront and Lambda@Edge are charged where a viewer is, in accounts that use CloudFront and Lambda."""
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
    """Its everyday use is in us-gov-west-1 from the bill's first day on, with ARNs of that partition."""
    moved = {
        "SubAccountId": "'111122223333'",
        "SubAccountName": "'government'",
        "RegionId": "CASE WHEN RegionId <> 'global' THEN 'us-gov-west-1' END",
        "RegionName": "'AWS GovCloud (US-West)'",
        "SkuMeter": "regexp_replace(SkuMeter, '^[A-Z]{2,3}[0-9]-', 'UGW1-')",
        "ResourceId": r"regexp_replace(ResourceId, '^arn:aws:([^:]*):[^:]*:', 'arn:aws-us-gov:\1:us-gov-west-1:')",
    }
    account = literal(change.organisation.quiet_account)
    change.add(
        f"SELECT {replacing(**moved)} FROM bill WHERE SubAccountId = {account} "
        "AND ServiceName <> 'Amazon CloudFront' AND CommitmentDiscountId IS NULL"
    )


def another_providers_rows_are_appended(change: Change) -> None:
    """The charges of all accounts stand there again as Microsoft's, in other accounts, which no team owns."""
    others = dict.fromkeys(("ProviderName", "PublisherName", "InvoiceIssuerName"), "'Microsoft'")
    others |= {"SubAccountId": "reverse(SubAccountId)", "SubAccountName": "'azure ' || SubAccountName"}
    others["Tags"] = "CAST(MAP {} AS MAP(VARCHAR, VARCHAR))"
    change.add(f"SELECT {replacing(**others)} FROM bill")


def columns_are_those_of_focus_1_4(change: Change) -> None:
    """The retired columns are gone, and a marketplace's seller is the service provider."""
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
    """As a tool or a query engine rewrites them."""
    shuffled = sorted(COLUMNS, key=lambda name: name[::-1])
    change.write(f"SELECT {', '.join(f'{name} AS {name.lower()}' for name in shuffled)} FROM bill")


def columns_are_snake_case(change: Change) -> None:
    """As warehouses name them."""
    names = {name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in COLUMNS}
    change.write(f"SELECT {', '.join(f'{old} AS {new}' for old, new in names.items())} FROM bill")


def rows_are_shuffled_between_files(change: Change) -> None:
    """No file holds an account, a day or a resource as a whole."""
    for part in range(4):
        change.write(
            f"SELECT * FROM bill WHERE rowid % 4 = {part} ORDER BY hash(rowid)", name=f"part-{part}.parquet"
        )


def files_are_compressed_csv(change: Change) -> None:
    """One for each month, with maps as JSON."""
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
    "in EUR, priced in USD": billed_in("EUR", per_usd=0.9, told_by_owners=False),
    "in INR, rate in owners.toml": billed_in("INR", per_usd=83.0, told_by_owners=True),
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


def test_the_unchanged_bill_has_findings_of_every_kind(organisation):
    """Else nothing could change."""
    kinds = Counter(one.detection for one in organisation.findings.values())
    assert len(kinds) >= 20 and kinds.total() >= 40
    assert {one.category for one in organisation.findings.values()} == {
        "waste",
        "security",
        "anomaly",
        "governance",
    }


@pytest.mark.parametrize("rule", CHANGES)
def test_no_finding_changes_with(organisation, tmp_path, rule):
    """The same findings, of the same severity and owner, at the same cost in the bill's currency."""
    with duckdb.connect(str(organisation.database), read_only=True) as connection:
        change = Change(connection, tmp_path / "focus", organisation, organisation.owners)
        CHANGES[rule](change)
    scanned = scan(change.folder, organisation=organisation, owners=change.owners, state=tmp_path / "state")
    findings = {key: one for key, one in scanned.items() if one.provider != "Microsoft"}
    before = organisation.findings
    assert named(findings[key] for key in findings.keys() - before.keys()) == []
    assert named(before[key] for key in before.keys() - findings.keys()) == []
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


def named(findings: Iterable[Finding]) -> list[tuple[str, str | None, str]]:
    """Return the fields of findings that explain a failed comparison."""
    return sorted((one.detection, one.sub_account_name, one.reason) for one in findings)
