"""Callers of Bedrock: the export with IAM principals is read, and principal_days assigns charges to callers."""

import json
from datetime import date
from pathlib import Path
from random import Random

import duckdb
import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables, load_activity_accounts_and_other_files
from focuswatch.bill.schema.columns_of_all_tables import PRINCIPAL_EXPORT
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.errors import ConfigError

AS_OF, DAY = date(2026, 6, 8), date(2026, 6, 1)
CATALOG = Catalog.load()
SONNET, OPUS = "USE1-Claude4.6Sonnet-input-tokens", "USE1-Claude4.6Opus-output-tokens"
MARKETPLACE = "USE1-MP:USE1_InputTokenCount-Units"
ALICE = "arn:aws:iam::111122223333:user/alice"
CHARGE = {
    "charge_date": DAY, "SubAccountId": "111122223333", "RegionId": "us-east-1", "ServiceName": "Amazon Bedrock",
    "SkuMeter": SONNET, "ConsumedUnit": "1M tokens", "ConsumedQuantity": 10.0, "EffectiveCost": 30.0,
}  # fmt: skip
CALLED = {
    "charge_date": DAY, "sub_account_id": "111122223333", "region_id": "us-east-1", "sku_meter": SONNET,
    "iam_principal": ALICE, "quantity": 4.0, "effective_cost": 12.0,
}  # fmt: skip
EXPORTED = {
    "bill_billing_period_start_date": "2026-06-01 00:00:00", "line_item_usage_start_date": "2026-06-01 00:00:00",
    "line_item_usage_account_id": "111122223333", "line_item_line_item_type": "Usage", "line_item_usage_type": SONNET,
    "line_item_iam_principal": ALICE, "line_item_usage_amount": 4.0, "line_item_unblended_cost": 12.0,
    "line_item_net_unblended_cost": None, "product": {"product_name": "Amazon Bedrock"},
    "product_region_code": "us-east-1", "tags": {"iamPrincipal/team": "search"},
}  # fmt: skip


@pytest.fixture
def connection():
    opened = connect()
    yield opened
    opened.close()


def days(connection, *, charges, principals=(), accounts=(), owners=None, select="*"):
    """Return the rows of principal_days for a small bill."""
    case = Case(
        name="a small bill",
        kind="quiet",
        charges=[CHARGE | one for one in charges],
        principals=[CALLED | one for one in principals],
        accounts=list(accounts),
        owners=owners or {},
    )
    create_input_tables(
        connection, case, file=CaseFile.model_construct(charge={}, activity_row={}, principal_row={})
    )
    create_owner_and_computed_local_tables.create_views(connection, CATALOG, values={"as_of": AS_OF})
    cursor = connection.execute(
        f"SELECT {select} FROM principal_days ORDER BY effective_cost DESC, principal"
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_spend_without_a_caller_is_a_row_of_its_own(connection):
    """Cost and tokens of a day, account and model add up to the bill's."""
    rest, alice = days(connection, charges=[{}], principals=[{}])
    assert (alice["principal"], alice["principal_type"], alice["model"], alice["token_kind"]) == (
        ALICE,
        "user",
        "Claude4.6Sonnet",
        "input",
    )
    assert (alice["million_tokens"], alice["effective_cost"]) == (4.0, 12.0)
    assert (rest["principal"], rest["principal_type"], rest["model"]) == (None, "none", "Claude4.6Sonnet")
    assert (rest["million_tokens"], rest["effective_cost"]) == (6.0, 18.0)


def test_charges_of_callers_that_are_not_on_the_bill_yet_do_not_exceed_its_total(connection):
    """The two exports are delivered at different times."""
    ahead = {"charge_date": date(2026, 6, 2)}
    alice, _, later = days(
        connection, charges=[{}], principals=[{"effective_cost": 30.0, "quantity": 10.0}, ahead]
    )
    assert alice["effective_cost"] == 30.0
    assert (later["charge_date"], later["principal_type"], later["effective_cost"]) == (
        ahead["charge_date"],
        "not on the bill yet",
        -12.0,
    )


def test_marketplace_models_that_share_a_meter_are_distinguished_by_product(connection):
    """Their meter names no model."""
    sold = {"SkuMeter": MARKETPLACE, "ConsumedUnit": "Units"}
    charges = [
        {**sold, "ServiceName": f"{name} (Amazon Bedrock Edition)"}
        for name in ("Claude Opus 5.5", "Claude Haiku 4.5")
    ]
    called = {"sku_meter": MARKETPLACE, "product_name": "Claude Opus 5.5 (Amazon Bedrock Edition)"}
    rows = days(connection, charges=charges, principals=[called])
    assert {(row["model"], row["principal_type"], row["effective_cost"]) for row in rows} == {
        ("Claude Opus 5.5", "user", 12.0),
        ("Claude Opus 5.5", "none", 18.0),
        ("Claude Haiku 4.5", "none", 30.0),
    }


def test_totals_equal_the_bill_for_any_charges_of_callers(connection):
    """For 200 random charges and 200 callers, some without a charge, each day, account and meter adds up."""
    rng = Random(7)

    def random_place():
        meter = rng.choice((SONNET, OPUS, MARKETPLACE, "USE1-Guardrail-ContentPolicyUnitsConsumed"))
        return rng.choice(("111122223333", "444455556666")), date(2026, 6, rng.randint(1, 7)), meter

    charges, principals = [], []
    for _ in range(200):
        account, day, meter = random_place()
        charges.append(
            {
                "SubAccountId": account,
                "charge_date": day,
                "SkuMeter": meter,
                "EffectiveCost": rng.uniform(0, 50),
            }
        )
        account, day, meter = random_place()
        principals.append(
            {
                "sub_account_id": account,
                "charge_date": day,
                "sku_meter": meter,
                "effective_cost": rng.uniform(0, 50),
            }
        )
    days(connection, charges=charges, principals=principals)
    different = connection.execute("""
        SELECT * FROM (
            SELECT charge_date, SubAccountId AS account, SkuMeter AS meter, sum(EffectiveCost) AS cost
            FROM ai_charges GROUP BY ALL
        ) AS billed
        FULL JOIN (
            SELECT charge_date, sub_account_id AS account, sku_meter AS meter, sum(effective_cost) AS cost
            FROM principal_days GROUP BY ALL
        ) AS called USING (charge_date, account, meter)
        WHERE abs(coalesce(billed.cost, 0) - coalesce(called.cost, 0)) > 1e-5
    """).fetchall()
    assert different == []


@pytest.mark.parametrize(
    ("arn", "principal", "kind", "name", "session"),
    [
        (ALICE, ALICE, "user", "alice", None),
        ("arn:aws:iam::1:user/a/b/carol", "arn:aws:iam::1:user/a/b/carol", "user", "carol", None),
        ("arn:aws:iam::1:user/BedrockAPIKey-234s", "arn:aws:iam::1:user/BedrockAPIKey-234s", "API key",
         "BedrockAPIKey-234s", None),
        ("arn:aws:sts::1:assumed-role/App/i-0abc", "arn:aws:sts::1:assumed-role/App", "role", "App", "i-0abc"),
        ("arn:aws:sts::1:assumed-role/Sso/ana@acme.org", "arn:aws:sts::1:assumed-role/Sso", "role", "Sso",
         "ana@acme.org"),
        ("arn:aws-us-gov:sts::1:assumed-role/Gov/s", "arn:aws-us-gov:sts::1:assumed-role/Gov", "role", "Gov", "s"),
        ("arn:aws:iam::1:role/path/AppRole", "arn:aws:iam::1:role/path/AppRole", "role", "AppRole", None),
        ("arn:aws:sts::1:federated-user/eve", "arn:aws:sts::1:federated-user/eve", "federated user", "eve", None),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root", "root user", "arn:aws:iam::1:root", None),
        ("bedrock.amazonaws.com", "bedrock.amazonaws.com", "other", "bedrock.amazonaws.com", None),
    ],
)  # fmt: skip
def test_each_form_of_a_caller_is_named(connection, arn, principal, kind, name, session):
    """AWS lists these forms: https://aws.amazon.com/blogs/machine-learning/introducing-granular-cost-attribution-for-amazon-bedrock/"""
    rows = days(connection, charges=[{}], principals=[{"iam_principal": arn}])
    (row,) = [row for row in rows if row["principal"]]
    assert (row["principal"], row["principal_type"], row["principal_name"], row["session"]) == (
        principal,
        kind,
        name,
        session,
    )


@pytest.mark.parametrize(
    ("tags", "team"),
    [
        ({"iamPrincipal/Team": "SRCH", "resourceTags/user:team": "ml"}, "search"),
        ({"resourceTags/user:team": "search"}, "ml"),  # a tag of the inference profile
        ({"iamPrincipal/team": "nobody"}, "ml"),
        ("null", "ml"),
    ],
)
def test_the_tag_of_the_caller_decides_the_team_before_the_account(connection, tags, team):
    """The owner of a finding about the caller is determined in the same way."""
    teams = {
        "search": {"channel": "#s", "owns": {"tags": {"team": ["srch"]}}},
        "ml": {"channel": "#m", "owns": {"accounts": ["111122223333"]}},
    }
    rows = days(connection, charges=[{}], principals=[{"tags": tags}], owners={"teams": teams})
    assert {row["team"] for row in rows if row["principal"]} == {team}


AS_TEXT = ", ".join(f"CAST(CAST({name} AS JSON) AS varchar) AS {name}" for name in ("product", "tags"))


def write(path: Path, rows) -> Path:
    """Write rows of the export as CSV or Parquet."""
    lines = path.with_suffix(".json")
    lines.write_text("\n".join(map(json.dumps, rows)))
    shape = f"format = 'newline_delimited', columns = {PRINCIPAL_EXPORT}"
    select = f"SELECT * REPLACE ({AS_TEXT})" if path.suffix == ".csv" else "SELECT *"
    with duckdb.connect() as writer:
        writer.execute(
            f"COPY ({select} FROM read_json({literal(str(lines))}, {shape})) TO {literal(str(path))}"
        )
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_export_is_read_as_aws_delivers_it(connection, tmp_path, ending):
    """Rows without a caller and other line items are left out; the cost is after discounts where it is stated."""
    rows = [
        EXPORTED,
        {**EXPORTED, "line_item_net_unblended_cost": 9.0, "line_item_usage_amount": 1.0},
        {**EXPORTED, "line_item_iam_principal": ""},
        {**EXPORTED, "line_item_iam_principal": None},
        {**EXPORTED, "line_item_line_item_type": "Tax"},
    ]
    load_activity_accounts_and_other_files.load_principals(
        connection, write(tmp_path / f"callers{ending}", rows), catalog=CATALOG
    )
    (row,) = connection.execute("SELECT * FROM principal_charges").fetchall()
    assert row == (
        DAY,
        "111122223333",
        "us-east-1",
        SONNET,
        "Amazon Bedrock",
        ALICE,
        {"iamPrincipal/team": "search"},
        5.0,
        21.0,
    )


def test_an_export_without_iam_principals_is_refused_with_the_missing_column(connection, tmp_path):
    """Without INCLUDE_IAM_PRINCIPAL_DATA, AWS delivers the export without this column."""
    path = tmp_path / "cur.csv"
    path.write_text(",".join(name for name in PRINCIPAL_EXPORT if name != "line_item_iam_principal") + "\n")
    with pytest.raises(ConfigError, match=r"cur\.csv lacks line_item_iam_principal; expected the columns"):
        load_activity_accounts_and_other_files.load_principals(connection, path, catalog=CATALOG)


def test_optional_columns_of_the_export_may_be_missing(connection, tmp_path):
    """Net costs exist for accounts with discounts, tags only after they are activated."""
    kept = {name for name in EXPORTED if name not in ("tags", "product", "line_item_net_unblended_cost")}
    path = tmp_path / "cur.csv"
    path.write_text(
        ",".join(sorted(kept)) + "\n" + ",".join(str(EXPORTED[name]) for name in sorted(kept)) + "\n"
    )
    load_activity_accounts_and_other_files.load_principals(connection, path, catalog=CATALOG)
    assert connection.execute("SELECT tags, effective_cost FROM principal_charges").fetchall() == [
        (None, 12.0)
    ]
