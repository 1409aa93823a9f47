"""The simulated bill: its format, its planted incidents, and that a scan reports exactly these incidents."""

import json
import tomllib
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.errors import ConfigError
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import DEFAULT_END, simulate
from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.expected import truth_of
from focuswatch.simulate.incidents_and_lookalikes.plant_incidents import KINDS
from focuswatch.simulate.organization import MIN_ACCOUNTS
from focuswatch.simulate.simulate_and_write_bill import plan_bill
from focuswatch.simulate.usual_and_planted_bedrock_callers import BUDGET, NEW, SESSION
from focuswatch.simulate.write_hourly_tokens_with_planted_spikes import DETECTION as ESTIMATE
from focuswatch.simulate.writing import export_files
from focuswatch.simulate.writing.focus_1_2_columns import COLUMNS, DOUBLES, MAPS, TIMESTAMPS

SHORT = Calendar(first=DEFAULT_END - timedelta(days=3), as_of=DEFAULT_END)
# Hard negatives of each detection: what resembles a finding but must not be reported. A spike that is already open
# stays one finding, so it has no hard negative.
REASONS_NOT_TO_REPORT = {
    "experiment_overdue": {
        "an experiment within its term",
        "a cap with on_cap",
        "an experiment that ended",
        "production",
    },
    "policy_violation": {"usage that keeps the rules", "a use case without rules", "less than 1 a month"},
    "spend_cap": {
        "a cap that experiment_overdue reports",
        "less than 70 % spent",
        "an experiment that ended long ago",
    },
    "budget_pace": {"a plan that lasts", "what has ended"},
    "aws_recommendation": {
        "no savings",
        "another currency",
        "withdrawn",
        "below the threshold",
        "purchase",
        "no charges",
    },
    "orphaned_opensearch_collection": {
        "collection younger than the lookback",
        "one Bedrock call of any family",
        "NextGen groups that scaled to zero",
        "search requests seen in `activity`",
    },
    "idle_sagemaker_endpoint": {
        "a call to any one variant on any one day",
        "endpoint younger than the lookback",
        "no activity collected for it",
        "async and serverless endpoints",
        "training, notebooks, studio",
    },
    "idle_bedrock_provisioned_throughput": {"use on one day"},
    "idle_custom_model": {"any invocation", "not evaluated"},
    "idle_floor_service": {"request metric above 0", "not evaluated"},
    "abandoned_volume": {"any compute there", "snapshots", "waste under 1 a month"},
    "unused_commitment": {"used commitments", "purchase rows themselves"},
    "new_region": {
        "`global`, null and no-region rows",
        "regions that no one chose",
        "regions of the account's history however old",
        "the approved regions during a new account's first days",
        "restated rows of old periods",
        "a region is reported once unless it is reset",
        "the first 14 days of the bill",
    },
    "new_service": {
        "tax, support, credits",
        "a rename of a service already known (mapping)",
        "new accounts in their warm-up, other than GPU, Bedrock and data transfer",
        "a commitment's purchase",
        "all names of Bedrock are one service",
        "the first 14 days of the bill",
    },
    "gpu_burst": {
        "an account's regular training rhythm",
        "reserved capacity starting on its date",
        "the first 14 days of the bill",
    },
    "data_transfer_spike": {
        "growth that compute shares",
        "a weekly rhythm",
        "tiny volumes",
        "not inter-region",
        "not inter-AZ",
        "CloudFront's own meters left out",
    },
    "dormant_account_woke": {"accounts in their first month", "month-start fees and support"},
    "security_service_went_dark": {
        "a region where everything ended",
        "an account that closed",
        "incomplete days",
        "charged every day for weeks",
    },
    "cost_anomaly": {
        "month-start purchases and fees",
        "weekly rhythm",
        "steady growth",
        "series without enough history",
        "amounts below the threshold",
        "credits, refunds, tax, fees and purchases",
    },
    "untagged_ai_spend": {"the row is tagged", "the account is tagged", "not AI"},
    "stale_export": {"an account with `closed_on`", "without charges for 30 days"},
    "on_demand_training": {"spot (`TrSpt`) already the larger part", "short, small jobs"},
    "underused_gpu": {"training bursts on any day above 60 %", "not evaluated"},
    "realtime_batchable": {"interactive workloads", "batch already used"},
    "uncached_prompts": {
        "prompts that are cached",
        "more output than repeated input",
        "a model without cache charges on the bill",
    },
    "unread_prompt_cache": {"a cache that is read", "a premium under 25 a month"},
    "token_burst": {
        "a weekly rhythm",
        "tokens that move from one model to another",
        "less than 10 a day above the expected",
    },
    "unannounced_ai_launch": {
        "a use case names the charges",
        "a model replaces another of its family",
        "an account's first weeks",
        "amounts below the threshold",
    },
    "idle_ai_seat": {
        "credits used on one day",
        "a user subscribed within the lookback",
        "a subscription that ended",
    },
    "extended_support": {
        "standard support",
        "upgraded to a supported version",
        "a charge at a price of 0",
    },
    "unit_cost_regression": {"mix shifts between models are reported as mix, not price", "tiny volumes"},
    "new_ai_principal": {"a service role", "a new person of a known role", "the first days of callers"},
    "runaway_session": {"less than four times the median", "a session name of every day"},
    "principal_budget": {"a pace within the budget"},
    "live_burn": {
        "a launch that a plan announces",
        "a scheduled hour of each day",
        "a Monday after a weekend",
    },
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("organization"))


@pytest.fixture(scope="module")
def truth(simulated):
    return json.loads(simulated.truth.read_text())


@pytest.fixture(scope="module")
def focus(simulated):
    """Return a connection with the charges as `focus` and the truth's incidents as `incidents`."""
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW focus AS {charges(simulated.export)}")
    connection.execute(
        "CREATE VIEW usage AS SELECT * FROM focus WHERE ChargeCategory = 'Usage' AND ChargeClass IS NULL"
    )
    connection.execute(
        f"CREATE TABLE incidents AS SELECT unnest(incidents, recursive := true) FROM read_json('{simulated.truth}')"
    )
    return connection


def charges(folder: Path) -> str:
    return f"SELECT * FROM read_parquet('{folder}/data/*/*.parquet', hive_partitioning = false)"


def fetch_one(connection, sql):
    row = connection.execute(sql).fetchone()
    return row[0] if len(row) == 1 else row


def visible(truth):
    """Return the incidents that a scan as of the bill's end must report."""
    return [
        incident
        for incident in truth["incidents"]
        if incident["expected_by"] <= truth["as_of"] <= (incident["visible_until"] or truth["as_of"])
    ]


def identity(row):
    names = ("detection", "sub_account_id", "region_id", "service_name", "resource_id")
    return tuple(row[name] for name in names)


def digest(folder: Path) -> tuple[int, int]:
    return fetch_one(
        duckdb.connect(), f"SELECT count(*), sum(hash(focus)::HUGEINT) FROM ({charges(folder)}) AS focus"
    )


@cache
def plan_of(seed, rows=None):
    return plan_bill(SHORT, accounts=MIN_ACCOUNTS, seed=seed, rows=rows)


def written(folder: Path, *, seed: int = 1, grain="daily", file_format="parquet", rows=None):
    plan = plan_of(seed, rows)
    payer = plan.organization.payer
    bill = export_files.SimulatedBill(
        plan.lines, SHORT, payer, seed=seed, grain=grain, file_format=file_format
    )
    return export_files.write_export(bill, folder)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return written(tmp_path_factory.mktemp("short"))


def test_file_has_the_60_columns_of_focus_1_2_with_their_types(simulated):
    rows = duckdb.execute(f"FROM parquet_schema('{simulated.files[0]}')").fetchdf().to_dict("records")
    columns = [row for row in rows if row["name"] in COLUMNS]
    assert [row["name"] for row in columns] == list(COLUMNS)
    assert len(columns) == 60
    for row in columns:
        if row["name"] in TIMESTAMPS:
            assert (row["type"], row["converted_type"]) == ("INT64", "TIMESTAMP_MILLIS")
        elif row["name"] in MAPS:
            assert row["converted_type"] == "MAP"
        else:
            assert row["type"] == ("DOUBLE" if row["name"] in DOUBLES else "BYTE_ARRAY")


def test_discounts_map_to_numbers_and_tags_to_text(focus):
    types = {name: kind for name, kind, *_ in focus.execute("DESCRIBE focus").fetchall()}
    assert types["x_Discounts"] == "MAP(VARCHAR, DOUBLE)"
    assert types["Tags"] == types["SkuPriceDetails"] == "MAP(VARCHAR, VARCHAR)"


def test_manifests_list_exactly_the_files(simulated):
    """dataFiles are full URIs that end in the file's path below the folder of the export."""
    listed = set()
    for path in simulated.export.glob("metadata/billing_period=*/focus-Manifest.json"):
        manifest = json.loads(path.read_text())
        assert [column["name"] for column in manifest["columns"]] == list(COLUMNS)
        assert all(uri.startswith("s3://") for uri in manifest["dataFiles"])
        listed |= {simulated.export / uri.split("/focus/", 1)[1] for uri in manifest["dataFiles"]}
    assert listed == set(simulated.files) == set(simulated.export.glob("data/*/*"))


def test_same_seed_gives_same_rows_with_any_number_of_threads(short, tmp_path, monkeypatch):
    connect = export_files._connection

    def with_one_thread(scratch):
        connection = connect(scratch)
        connection.execute("SET threads = 1")
        return connection

    monkeypatch.setattr(export_files, "_connection", with_one_thread)
    assert digest(written(tmp_path).folder) == digest(short.folder)


def test_different_seed_gives_different_rows(short, tmp_path):
    assert digest(written(tmp_path, seed=2).folder) != digest(short.folder)


def test_number_of_rows_and_size_of_files_follow_the_options(tmp_path, monkeypatch):
    monkeypatch.setattr(export_files, "FILE_ROWS", 200_000)
    export = written(tmp_path, rows=40_000)
    assert export.rows == digest(export.folder)[0]
    assert abs(export.rows - 40_000) < 4_000
    assert [file.name for file in export.files] == [
        "focus-00001.snappy.parquet",
        "focus-00002.snappy.parquet",
    ]


def test_csv_has_the_same_rows_as_parquet(short, tmp_path):
    as_csv = written(tmp_path, file_format="csv")
    measures = "count(*), sum(BilledCost), sum(EffectiveCost), count(RegionId), count(DISTINCT ResourceId)"
    files = f"read_csv('{as_csv.folder}/data/*/*.csv.gz', hive_partitioning = false, all_varchar = true)"
    typed = f"SELECT * REPLACE ({', '.join(f'{name}::DOUBLE AS {name}' for name in DOUBLES)}) FROM {files}"
    connection = duckdb.connect()
    assert fetch_one(connection, f"SELECT {measures} FROM ({typed})") == pytest.approx(
        fetch_one(connection, f"SELECT {measures} FROM ({charges(short.folder)})")
    )
    teams = "count_if(Tags::JSON->>'team' IS NOT NULL)"
    assert fetch_one(connection, f"SELECT {teams} FROM {files}") == fetch_one(
        connection, f"SELECT count_if(Tags['team'] IS NOT NULL) FROM ({charges(short.folder)})"
    )


def test_hourly_charges_add_up_to_daily_ones(short, tmp_path):
    """An hourly export has 24 charges a day of a resource that always runs, and the same daily cost."""
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW hourly AS {charges(written(tmp_path, grain='hourly').folder)}")
    connection.execute(f"CREATE VIEW daily AS {charges(short.folder)}")
    running_all_day = "SkuMeter LIKE '%BoxUsage:m6i.large' AND ChargePeriodStart::DATE = '2026-06-05'"
    counts = connection.execute(
        f"SELECT ResourceId, count(*) FROM hourly WHERE {running_all_day} GROUP BY 1"
    ).fetchall()
    assert {count for _, count in counts} == {24}
    cost = "SELECT ChargePeriodStart::DATE AS day, SubAccountId, sum(EffectiveCost) FROM {} GROUP BY ALL ORDER BY ALL"
    by_hour, by_day = (connection.execute(cost.format(name)).fetchall() for name in ("hourly", "daily"))
    assert [row[:2] for row in by_hour] == [row[:2] for row in by_day]
    assert [row[2] for row in by_hour] == pytest.approx([row[2] for row in by_day])


def test_every_detection_has_incidents(truth):
    planted = {*KINDS, NEW, SESSION, BUDGET, ESTIMATE}
    assert {incident["detection"] for incident in visible(truth)} == planted == set(REASONS_NOT_TO_REPORT)


@pytest.mark.parametrize("detection", REASONS_NOT_TO_REPORT)
def test_every_reason_not_to_report_has_a_hard_negative(truth, detection):
    kinds = {negative["kind"] for negative in truth["hard_negatives"] if negative["detection"] == detection}
    assert kinds >= REASONS_NOT_TO_REPORT[detection]


@pytest.mark.parametrize("seed", [2])
def test_no_planted_case_is_contradicted_by_the_lines_of_the_plan(seed):
    """Every named incident follows from the lines, and no hard negative is an incident."""
    calendar = Calendar(first=DEFAULT_END - timedelta(days=120), as_of=DEFAULT_END)
    truth = truth_of(plan_bill(calendar, accounts=MIN_ACCOUNTS, seed=seed))
    assert truth.unmet == ()
    assert len(truth.either) <= 5


def test_a_first_scan_reports_the_incidents_of_the_truth_and_nothing_else(simulated, truth, tmp_path):
    """The incidents are found in the complete bill, among all other charges."""
    inputs = BillInputs(
        str(simulated.export),
        state=tmp_path,
        activity=simulated.activity,
        accounts=simulated.accounts,
        recommendations=simulated.recommendations,
        principals=simulated.principals,
        token_hours=simulated.token_hours,
        as_of=simulated.as_of,
    )
    catalog, owners = Catalog.load(), Owners.load(simulated.owners)
    with open_local_bill(inputs, catalog=catalog, owners=owners, progress=lambda _text: None) as bill:
        scanned = scan(
            BillToScan(bill.engine, as_of=simulated.as_of, currency=bill.summary.currency),
            catalog=catalog,
            detections=catalog.enabled,
            owners=owners,
            ledger=SqliteLedger(tmp_path / "ledger.db"),
            progress=lambda _text: None,
        )
    reported = {identity(notification.finding.model_dump()) for notification in scanned.notifications}
    allowed = {identity(incident) for incident in truth["either"]}
    assert reported - allowed == {identity(incident) for incident in visible(truth)} - allowed


def test_no_hard_negative_is_an_incident_too(truth):
    incidents = {identity(incident) for incident in visible(truth)}
    assert incidents.isdisjoint(identity(negative) for negative in truth["hard_negatives"])


def test_incidents_have_charges_on_their_days(focus):
    plans = ("budget_pace", "experiment_overdue", "spend_cap")  # without charges of their own
    without_charges = (
        "stale_export",
        "security_service_went_dark",
        *plans,
        NEW,
        SESSION,
        BUDGET,
        ESTIMATE,
    )
    rows = focus.execute(
        """
        SELECT incidents.detection, count(DISTINCT focus.ChargePeriodStart::DATE) AS days
        FROM incidents
        LEFT JOIN focus ON focus.SubAccountId = incidents.sub_account_id
            AND (incidents.region_id IS NULL OR focus.RegionId = incidents.region_id)
            AND (incidents.service_name IS NULL OR focus.ServiceName = incidents.service_name)
            AND (
                incidents.resource_id IS NULL
                OR incidents.resource_id LIKE 'model %'
                OR incidents.resource_id IN (focus.ResourceId, focus.CommitmentDiscountId)
            )
            AND focus.ChargePeriodStart::DATE >= incidents.start
            AND (incidents."end" IS NULL OR focus.ChargePeriodStart::DATE < incidents."end")
        GROUP BY incidents.rowid, incidents.detection
        """
    ).fetchall()
    assert [(id, days) for id, days in rows if (days == 0) != (id in without_charges)] == []


def test_cloudfront_is_charged_where_its_viewers_are(focus):
    """The public sample has eight regions of viewers, Lambda@Edge under CloudFront's name, and no `global`."""
    regions, globals_, functions = fetch_one(
        focus,
        """
        SELECT
            count(DISTINCT RegionId),
            count(*) FILTER (WHERE RegionId IS NULL OR RegionId = 'global'),
            count(DISTINCT RegionId) FILTER (WHERE SkuMeter LIKE '%Lambda-Edge-GB-Second')
        FROM usage WHERE ServiceName = 'Amazon CloudFront'
        """,
    )
    assert (regions >= 8, globals_, functions) == (True, 0, 4)


def test_first_charges_in_a_region_are_all_in_the_truth(focus):
    """Compare them with this week's first charges of each account in a region, without new accounts."""
    charged = focus.execute(
        """
        SELECT SubAccountId, RegionId
        FROM usage
        WHERE RegionId <> 'global' AND ServiceName <> 'Amazon CloudFront'  -- the viewer's region
        GROUP BY ALL
        HAVING min(ChargePeriodStart) >= DATE '2026-06-01'
        EXCEPT
        SELECT usage.SubAccountId, usage.RegionId
        FROM usage INNER JOIN (
            SELECT SubAccountId, RegionId FROM usage
                WHERE ServiceName <> 'Amazon CloudFront'
                GROUP BY ALL HAVING min(ChargePeriodStart) < DATE '2026-06-01'
        ) AS earlier USING (RegionId)
        WHERE usage.SubAccountId IN (
            SELECT SubAccountId FROM usage GROUP BY 1 HAVING min(ChargePeriodStart) >= DATE '2026-05-25'
        )
        """
    ).fetchall()
    stated = focus.execute(
        "SELECT sub_account_id, region_id FROM incidents WHERE detection = 'new_region' AND start >= '2026-06-01'"
    ).fetchall()
    assert sorted(charged) == sorted(stated)


def test_gpu_bursts_cost_as_stated_in_the_truth(focus):
    """Compare the EffectiveCost of GPUs on the first day of a burst, for complete days only; 20 % allow for noise."""
    rows = focus.execute(
        """
        SELECT incidents.daily_cost, sum(usage.EffectiveCost)
        FROM incidents INNER JOIN usage ON usage.SubAccountId = incidents.sub_account_id
            AND usage.RegionId = incidents.region_id AND usage.ChargePeriodStart::DATE = incidents.start
        WHERE incidents.detection = 'gpu_burst' AND incidents.start < '2026-06-06'
            AND regexp_matches(usage.SkuMeter, '[:.](p|g)[3-9][a-z]*\\.')
        GROUP BY ALL
        """
    ).fetchall()
    assert len(rows) >= 4
    assert all(cost == pytest.approx(expected, rel=0.2) for expected, cost in rows)


def test_the_newest_two_days_are_not_complete(focus):
    """Of an instance's 24 hours, the newest day has 35 to 60 %, the day before 85 to 97 %."""
    hours = dict(
        focus.execute(
            """
            SELECT ChargePeriodStart::DATE, [min(ConsumedQuantity), max(ConsumedQuantity)] FROM usage
            WHERE ResourceId IN (
                SELECT ResourceId FROM usage WHERE SkuMeter LIKE '%BoxUsage:m6i.large' GROUP BY 1
                HAVING count(*) = 120 AND max(ConsumedQuantity) = 24
            ) AND SkuMeter LIKE '%BoxUsage:m6i.large'
            GROUP BY 1
            """
        ).fetchall()
    )
    assert hours[date(2026, 6, 5)] == [24, 24]
    assert 24 * 0.85 <= hours[date(2026, 6, 6)][0] <= hours[date(2026, 6, 6)][1] <= 24 * 0.97
    assert 24 * 0.35 <= hours[date(2026, 6, 7)][0] <= hours[date(2026, 6, 7)][1] <= 24 * 0.60


@pytest.mark.parametrize(
    ("claim", "condition", "violation"),
    [
        ("covered usage is not billed again", "CommitmentDiscountStatus = 'Used'", "BilledCost <> 0"),
        ("covered usage is amortized", "CommitmentDiscountStatus = 'Used'", "EffectiveCost <= 0"),
        ("an unused commitment has no consumed quantity", "CommitmentDiscountStatus = 'Unused'",
         "ConsumedQuantity IS NOT NULL"),
        ("a commitment's purchase has no effective cost",
         "ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NOT NULL",
         "EffectiveCost <> 0 OR BilledCost <= 0"),
        ("Marketplace models have no service code", "ServiceName LIKE '%(Amazon Bedrock Edition)'",
         "x_ServiceCode <> '' OR ListCost <> 0 OR ServiceCategory <> 'Other' OR PublisherName LIKE 'Amazon%'"),
        ("credits are negative", "ChargeCategory = 'Credit'", "BilledCost >= 0 OR SkuPriceId IS NOT NULL"),
        ("a recurring fee is charged on the first, for the month",
         "ChargeFrequency = 'Recurring' AND SkuMeter NOT LIKE 'ComputeSP:%'",
         "day(ChargePeriodStart) <> 1 OR ChargePeriodEnd <> ChargePeriodStart + INTERVAL 1 MONTH"),
        ("the payer's tax belongs to no account", "SubAccountId IS NULL",
         "ChargeCategory <> 'Tax' OR RegionId IS NOT NULL"),
        ("list cost is at least contracted cost",
         "ChargeCategory = 'Usage' AND x_ServiceCode <> '' AND ChargeClass IS NULL",
         "ListCost < ContractedCost - 1e-9"),
        ("a discount is list cost minus contracted cost",
         "map_contains(x_Discounts, 'PrivateRateDiscount') AND ContractedCost <> 0",
         "abs(ListCost - ContractedCost - x_Discounts['PrivateRateDiscount']) > 1e-6"),
        ("free usage has a quantity", "ServiceName = 'AWS CloudTrail'", "ConsumedQuantity <= 0 OR BilledCost <> 0"),
        ("only closed months have an invoice", "true",
         "(InvoiceId IS NULL) <> (BillingPeriodStart = DATE '2026-06-01')"),
        ("Marketplace tokens are priced per million, others per thousand",
         "SkuMeter LIKE '%oken%' AND ServiceName LIKE '%Bedrock%'",
         "PricingUnit <> CASE WHEN SkuMeter LIKE '%-MP:%' THEN '1M tokens' ELSE '1K tokens' END"),
    ],
)  # fmt: skip
def test_the_bill_follows_the_rules_of_aws(focus, claim, condition, violation):
    rows, violations = fetch_one(
        focus, f"SELECT count(*), count_if({violation}) FROM focus WHERE {condition}"
    )
    assert rows > 0, claim
    assert violations == 0, claim


def test_the_previous_month_is_restated(focus):
    """Corrections are in its own billing period, and in the next one with a charge period of the previous month."""
    where = (
        "ChargeClass = 'Correction' AND ChargeCategory = 'Usage' AND ChargePeriodStart >= DATE '2026-05-29'"
    )
    periods = focus.execute(f"SELECT DISTINCT BillingPeriodStart::DATE FROM focus WHERE {where}").fetchall()
    assert {date(2026, 5, 1), date(2026, 6, 1)} <= {period for (period,) in periods}


def test_meters_have_the_region_prefix_of_their_service(focus):
    seen = {meter for (meter,) in focus.execute("SELECT DISTINCT SkuMeter FROM focus").fetchall()}
    assert {"BoxUsage:m6i.large", "EU-BoxUsage:m6i.large", "USW2-BoxUsage:m6i.large"} <= seen
    assert {"USE1-SearchOCU", "APN1-SearchOCU", "DataTransfer-Out-Bytes", "US-DataTransfer-Out-Bytes"} <= seen
    assert any(meter and meter.endswith("-AWS-Out-Bytes") for meter in seen)


def test_activity_and_accounts_have_the_columns_that_a_scan_reads(simulated):
    def columns(path):
        return [name for name, *_ in duckdb.execute(f"DESCRIBE FROM '{path}'").fetchall()]

    assert columns(simulated.activity) == [
        "activity_date",
        "sub_account_id",
        "region_id",
        "namespace",
        "resource_id",
        "metric",
        "value",
    ]
    assert columns(simulated.accounts) == [
        "sub_account_id",
        "name",
        "email",
        "ou_path",
        "tags",
        "joined_on",
        "closed_on",
    ]
    zeros = fetch_one(duckdb, f"SELECT count_if(value = 0), count(*) FROM '{simulated.activity}'")
    assert 0 < zeros[0] < zeros[1]


def test_callers_account_for_part_of_the_charges_on_the_bill(simulated, focus):
    """Callers never exceed an account's charges of a day and meter; some spend has no caller."""
    called = f"read_parquet('{simulated.principals}')"
    shares = focus.execute(
        f"""
        SELECT coalesce(sum(called.cost), 0) / sum(billed.cost) AS share, max(called.cost - billed.cost) AS excess
        FROM (
            SELECT
                ChargePeriodStart::DATE AS day, SubAccountId AS account, SkuMeter AS meter,
                sum(EffectiveCost) AS cost
            FROM focus
            WHERE ServiceName LIKE '%Bedrock%' AND ChargeCategory = 'Usage' AND ChargePeriodStart >= '2026-04-09'
            GROUP BY ALL
        ) AS billed
        FULL JOIN (
            SELECT
                line_item_usage_start_date::DATE AS day, line_item_usage_account_id AS account,
                line_item_usage_type AS meter, sum(line_item_unblended_cost) AS cost
            FROM {called}
            GROUP BY ALL
        ) AS called USING (day, account, meter)
        """
    ).fetchone()
    assert 0.2 < shares[0] < 0.9
    assert shares[1] < 1e-6


def test_metrics_and_invocation_logs_name_a_model_by_the_same_id(simulated):
    """Metrics count all accounts, and logs only some. Metrics name an inference profile by the end of its ARN."""
    with duckdb.connect() as connection:
        counted, logged = (
            {
                model_id.rpartition("/")[2]
                for (model_id,) in connection.execute(f"SELECT DISTINCT model_id FROM '{path}'").fetchall()
            }
            for path in (simulated.token_hours, simulated.invocations)
        )
    assert logged
    assert logged <= counted


@pytest.mark.parametrize("seed", [1, 2])
def test_use_cases_over_budget_cost_at_least_as_much_as_their_case_states(seed):
    """The shares must hold at the prices of every Region."""
    plan = plan_of(seed)
    shares = {
        name: line.daily_cost * 30 / plan.use_cases[name]["monthly_budget"]
        for line in plan.lines
        if "monthly_budget" in plan.use_cases.get(name := line.tags.get("use_case", ""), {})
    }
    assert shares["claims-triage"] >= 1.99
    assert shares["tutor"] >= 1.33
    assert shares["old-tutor"] >= 1.24
    assert shares["glossary"] < 0.75


def test_every_team_owns_existing_accounts(simulated):
    owners = tomllib.loads(simulated.owners.read_text())
    existing = {
        id for (id,) in duckdb.execute(f"SELECT sub_account_id FROM '{simulated.accounts}'").fetchall()
    }
    assert owners["routing"]["required_tags"] == ["team"]
    assert all(set(team["owns"]["accounts"]) <= existing for team in owners["teams"].values())


def test_too_few_accounts_for_the_incidents_are_rejected(tmp_path):
    with pytest.raises(ConfigError, match=f"Specify at least {MIN_ACCOUNTS}"):
        simulate(tmp_path, accounts=MIN_ACCOUNTS - 1)
