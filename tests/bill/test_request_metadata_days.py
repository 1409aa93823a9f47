"""Cost per execution: logged tokens at the day's prices, and a remainder, so that the totals equal the bill."""

from collections import defaultdict
from datetime import date, timedelta
from random import Random

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.query_report_rows import report_rows

AS_OF, DAY = date(2026, 6, 8), date(2026, 6, 1)
CATALOG = Catalog.load()
ACCOUNT, OTHER = "111122223333", "444455556666"
HAIKU_IN, HAIKU_OUT = "USE1-Claude3Haiku-input-tokens", "USE1-Claude3Haiku-output-tokens"
BATCH, MANTLE = "USE1-Claude3Haiku-input-tokens-batch", "USE1-Claude3Haiku-mantle-input-tokens-standard"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/a1b2c3d4e5f6"
AGENT = "arn:aws:sts::111122223333:assumed-role/Agent/s"
CHARGE = {
    "charge_date": DAY, "SubAccountId": ACCOUNT, "RegionId": "us-east-1", "ServiceName": "Amazon Bedrock",
    "SkuMeter": HAIKU_IN, "ConsumedUnit": "1M tokens", "ConsumedQuantity": 10.0, "EffectiveCost": 30.0,
}  # fmt: skip
LOGGED = {
    "usage_date": DAY, "sub_account_id": ACCOUNT, "region_id": "us-east-1", "model_id": HAIKU, "iam_principal": AGENT,
    "metadata": {"run_id": "r1"}, "invocations": 4, "counted_invocations": 4, "input_tokens": 4_000_000,
    "output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def connection():
    opened = connect()
    yield opened
    opened.close()


@pytest.fixture
def days(connection):
    """Return a function that selects columns of request_metadata_days for a small bill."""

    def rows(charges, logs, *columns):
        case = Case(
            name="a small bill",
            kind="quiet",
            charges=[CHARGE | one for one in charges],
            invocations=[LOGGED | one for one in logs],
        )
        create_input_tables(
            connection, case, file=CaseFile.model_construct(charge={}, activity_row={}, principal_row={})
        )
        create_owner_and_computed_local_tables.create_views(connection, CATALOG, values={"as_of": AS_OF})
        return connection.execute(
            f"SELECT {', '.join(columns)} FROM request_metadata_days ORDER BY effective_cost DESC NULLS LAST, recorded"
        ).fetchall()

    return rows


def report(connection):
    return report_rows(
        CATALOG.report("cost_per_execution"), engine=DuckDbEngine(connection), as_of=AS_OF, owners=Owners()
    )


def charges_and_logs(rng, *, each):
    """Return random token charges and token sums of logs; some of the sums match no charge."""
    meters = (
        HAIKU_IN,
        HAIKU_OUT,
        BATCH,
        MANTLE,
        "USE1-Claude4Sonnet-cache-read-input-token-count",
        "USE1-NovaLite-input-tokens",
    )
    called = (HAIKU, PROFILE, "amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-20250514-v1:0")

    def random_place(day, account):
        return {day: date(2026, 6, rng.randint(1, 7)), account: rng.choice((ACCOUNT, OTHER))}

    charges = [
        CHARGE | random_place("charge_date", "SubAccountId") | {
            "SkuMeter": rng.choice(meters), "EffectiveCost": rng.uniform(0, 50),
            "ConsumedQuantity": rng.uniform(0.1, 9), "ResourceId": rng.choice((None, PROFILE)),
        }
        for _ in range(each)
    ]  # fmt: skip
    logs = [
        LOGGED | random_place("usage_date", "sub_account_id") | {
            "model_id": rng.choice(called), "metadata": rng.choice(({}, {"run_id": f"r{rng.randint(1, 9)}"})),
            "input_tokens": rng.randint(0, 10**7), "output_tokens": rng.randint(0, 10**7),
            "cache_read_tokens": rng.randint(0, 10**7),
        }
        for _ in range(each)
    ]  # fmt: skip
    return charges, logs


def test_logged_tokens_cost_what_the_bill_of_the_day_charges_and_the_remainder_is_a_row(days):
    assert days(
        [{}], [{}], "recorded", "iam_principal", "million_tokens", "effective_cost", "invocations"
    ) == [
        ("not logged", None, 6.0, 18.0, 0),
        ("logged", AGENT, 4.0, 12.0, 4),
    ]


def test_each_kind_of_token_has_its_own_price_and_a_call_counts_once(days):
    charges = [{}, {"SkuMeter": HAIKU_OUT, "ConsumedQuantity": 1.0, "EffectiveCost": 15.0}]
    rows = days(
        charges, [{"output_tokens": 1_000_000}], "recorded", "token_kind", "effective_cost", "invocations"
    )
    assert sorted(rows) == [
        ("logged", "input", 12.0, 4),
        ("logged", "output", 15.0, 0),
        ("not logged", "input", 18.0, 0),
    ]


def test_the_price_is_that_of_the_account_and_day(days):
    """A discount of another account or day does not change it."""
    charges = [
        {},
        {"SubAccountId": OTHER, "EffectiveCost": 1.0},
        {"charge_date": DAY + timedelta(days=1), "EffectiveCost": 1.0},
    ]
    logged = [
        cost for recorded, cost in days(charges, [{}], "recorded", "effective_cost") if recorded == "logged"
    ]
    assert logged == [12.0]


def test_batch_and_mantle_are_not_logged_and_do_not_change_the_price(days):
    charges = [{}, {"SkuMeter": BATCH, "EffectiveCost": 15.0}, {"SkuMeter": MANTLE, "EffectiveCost": 60.0}]
    rows = days(charges, [{"input_tokens": 10_000_000}], "recorded", "effective_cost")
    assert rows == [("not logged", 75.0), ("logged", 30.0)]


def test_accounts_and_days_without_a_collected_log_have_rows_of_their_own(days):
    charges = [{}, {"SubAccountId": OTHER}, {"charge_date": DAY + timedelta(days=1)}]
    rows = days(charges, [{"input_tokens": 10_000_000}], "recorded", "effective_cost")
    assert rows == [("logged", 30.0), ("no invocation log", 30.0), ("no invocation log", 30.0)]


def test_tokens_that_the_bill_does_not_have_yet_are_subtracted_in_a_row_of_their_own(days):
    rows = days([{}], [{"input_tokens": 12_000_000}], "recorded", "effective_cost", "million_tokens")
    assert rows == [("logged", 36.0, 12.0), ("not on the bill yet", -6.0, -2.0)]


def test_tokens_of_a_model_that_is_not_on_the_bill_have_no_cost(days, connection):
    """The report states how many tokens have no cost."""
    rows = days([{}], [{"model_id": "amazon.nova-lite-v1:0"}], "recorded", "model", "effective_cost")
    assert rows == [("not logged", "Claude3Haiku", 30.0), ("logged", "amazon.nova-lite-v1:0", None)]
    (value, _) = (row for row in report(connection) if row["metadata_key"] == "run_id")
    assert (value["unpriced_million_tokens"], value["effective_cost"]) == (4.0, 0.0)


@pytest.mark.parametrize(
    ("on_bill", "called"),
    [
        ("USE1-Claude3Haiku-input-tokens", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("USE1-Claude3.5Sonnetv2-input-tokens", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("USE1-Claude4Sonnet-input-tokens-cross-region-global", "global.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("USE1-NovaLite-input-tokens", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"),
        ("USE1-Nova2.0Lite-input-tokens", "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-2-lite-v1:0"),
        ("USE1-Llama3-1-405B-input-tokens", "meta.llama3-1-405b-instruct-v1:0"),
        ("USE1-openai.gpt-oss-120b-input-tokens-standard", "openai.gpt-oss-120b-1:0"),
        ("USE1-anthropic.claude-opus-4-8-input-tokens-global-standard", "global.anthropic.claude-opus-4-8"),
        ("USE1-TitanText-Premier-input-tokens", "amazon.titan-text-premier-v1:0"),
    ],
)  # fmt: skip
def test_a_model_is_recognized_under_its_names_on_the_bill_and_in_the_log(days, on_bill, called):
    rows = days(
        [{"SkuMeter": on_bill}],
        [{"model_id": called, "input_tokens": 10_000_000}],
        "recorded",
        "effective_cost",
    )
    assert rows == [("logged", 30.0)]


@pytest.mark.parametrize(
    ("service", "called"),
    [
        ("Claude Haiku 4.5", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("OpenAI GPT-5.6 Sol", "openai.gpt-5.6-sol"),
    ],
)
def test_a_model_of_the_marketplace_is_recognized_by_its_service(days, service, called):
    sold = {
        "ServiceName": f"{service} (Amazon Bedrock Edition)",
        "SkuMeter": "USE1-MP:USE1_InputTokenCount-Units",
        "ConsumedUnit": "Units",
    }
    rows = days([sold], [{"model_id": called, "input_tokens": 10_000_000}], "recorded", "effective_cost")
    assert rows == [("logged", 30.0)]


def test_another_version_of_a_model_is_another_model(days):
    rows = days(
        [{}], [{"model_id": "us.anthropic.claude-haiku-4-5-20251001-v1:0"}], "recorded", "effective_cost"
    )
    assert rows == [("not logged", 30.0), ("logged", None)]


def test_an_application_inference_profile_is_priced_from_its_own_charges(days):
    charges = [{"ResourceId": PROFILE, "EffectiveCost": 10.0}, {}]
    logs = [{"model_id": PROFILE, "input_tokens": 10_000_000, "metadata": {}}, {"input_tokens": 10_000_000}]
    rows = days(charges, logs, "recorded", "model", "effective_cost")
    assert rows == [("logged", "Claude3Haiku", 30.0), ("logged", "Claude3Haiku", 10.0)]


def test_the_rows_of_each_key_add_up_to_the_bill(days, connection):
    """Calls without the key, values after the first hundred, and spend without a log are rows of their own."""
    logs = [
        {"metadata": {"run_id": f"r{number:03}"}, "input_tokens": 1_000 * (number + 1)}
        for number in range(120)
    ]
    logs.append({"metadata": {"customer": "acme"}, "input_tokens": 1_000_000})
    days([{}, {"SubAccountId": OTHER}], logs, "recorded")
    by_key = defaultdict(list)
    for row in report(connection):
        by_key[row["metadata_key"]].append(row)
    assert by_key.keys() == {"run_id", "customer", "identity.arn"}
    for rows in by_key.values():
        assert sum(row["effective_cost"] for row in rows) == pytest.approx(60.0)
        assert sum(row["share"] for row in rows) == pytest.approx(1.0)
    *values, others, without, not_logged, no_log = by_key["run_id"]
    assert len(values) == 100 and values[0]["metadata_value"] == "r119"
    assert values[0]["effective_cost"] == pytest.approx(3 * 0.12)
    assert (others["counted_as"], others["executions"]) == ("other values", 20)
    assert values[0]["average_cost"] == pytest.approx(3 * 0.0605)
    assert (without["counted_as"], without["effective_cost"]) == ("no value", pytest.approx(3.0))
    assert (not_logged["counted_as"], no_log["counted_as"]) == ("not logged", "no invocation log")
    assert no_log["effective_cost"] == pytest.approx(30.0)
    assert sum(row["invocations"] for row in by_key["run_id"]) == 4 * len(logs)


def test_without_logs_all_spend_is_without_a_log(days, connection):
    days([{}], [], "recorded")
    (row,) = report(connection)
    assert (row["counted_as"], row["effective_cost"], row["average_cost"]) == (
        "no invocation log",
        30.0,
        None,
    )


def test_totals_equal_the_bill_for_any_logs(days, connection):
    """For 200 random charges and 200 token sums, some without a charge, each day and account adds up."""
    charges, logs = charges_and_logs(Random(7), each=200)
    days(charges, logs, "recorded")
    different = connection.execute("""
        SELECT * FROM (
            SELECT charge_date, sub_account_id, token_kind, sum(effective_cost) AS cost, sum(million_tokens) AS tokens
            FROM token_charges GROUP BY ALL
        ) AS billed
        FULL JOIN (
            SELECT charge_date, sub_account_id, token_kind, sum(effective_cost) AS cost,
                sum(million_tokens) FILTER (WHERE effective_cost IS NOT NULL) AS tokens
            FROM request_metadata_days GROUP BY ALL
        ) AS executed USING (charge_date, sub_account_id, token_kind)
        WHERE abs(coalesce(billed.cost, 0) - coalesce(executed.cost, 0)) > 1e-5
            OR abs(coalesce(billed.tokens, 0) - coalesce(executed.tokens, 0)) > 1e-5
    """).fetchall()
    assert different == []
    (total,) = connection.execute(
        "SELECT sum(effective_cost) FROM token_charges CROSS JOIN complete_30_days "
        "WHERE charge_date >= first_day AND charge_date < end_day"
    ).fetchone()
    for key in ("run_id", "identity.arn"):
        costs = [row["effective_cost"] for row in report(connection) if row["metadata_key"] == key]
        assert sum(costs) == pytest.approx(total)
