"""The Lambda `fetch` writes charges of vendors to the bucket, with API keys from Secrets Manager."""

import json
import logging
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from focuswatch.connectors.parse_vendor_api_key import key_in_secret
from focuswatch.connectors.supported_vendor_connectors import CONNECTORS
from focuswatch.errors import ConfigError
from focuswatch.operations.deployment_toml_sections import VendorConfig
from focuswatch.operations.function_run_heartbeats import heartbeats
from tests.fakes.anthropic_usage import KEY as ANTHROPIC_KEY
from tests.fakes.anthropic_usage import AnthropicCost, AnthropicUsage
from tests.fakes.openai_usage import KEY, Cost, OpenAIUsage
from tests.fakes.vendor_server import local_vendor
from tests.given.lambda_context import LambdaContext

BUCKET = "focuswatch-data"
TODAY = datetime.now(UTC).date()
DAYS = [TODAY - timedelta(days=back) for back in range(10, 0, -1)]
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "fetch",
    "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
    "FOCUSWATCH_BUCKET": BUCKET,
    "FOCUSWATCH_LEDGER": "focuswatch-ledger",
}


@pytest.fixture
def aws(monkeypatch):
    """Start a local AWS with the API keys and an empty bucket, and yield the ledger's table."""
    from aws_lambda_powertools.utilities import parameters

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    parameters.clear_caches()
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        secrets = boto3.client("secretsmanager")
        secrets.create_secret(Name="focuswatch/openai", SecretString=KEY)
        secrets.create_secret(
            Name="focuswatch/anthropic", SecretString=json.dumps({"ANTHROPIC_ADMIN_KEY": ANTHROPIC_KEY})
        )
        yield boto3.resource("dynamodb").create_table(
            TableName="focuswatch-ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "kind", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("kind", "id")],
        )


def run(monkeypatch, **servers):
    """Invoke the function for vendors at these servers; return its heartbeat."""
    from lambdas import fetch_vendor_charges

    vendors = [
        VendorConfig(vendor=name, secret=f"focuswatch/{name}", since=DAYS[0]).model_dump()
        | {"path": f"vendors/{name}", "since": str(DAYS[0]), "account": None, "api": server.address}
        for name, server in servers.items()
    ]
    monkeypatch.setenv("FOCUSWATCH_VENDORS", json.dumps(vendors))
    return fetch_vendor_charges.handler({}, LambdaContext())


def totals(folder, prefix):
    """Return the billed cost by day of the files below a prefix."""
    import duckdb

    s3 = boto3.client("s3")
    folder.mkdir(exist_ok=True)
    for number, item in enumerate(s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]):
        body = s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
        (folder / f"{number}.parquet").write_bytes(body)
    columns = "CAST(ChargePeriodStart AS DATE), CAST(sum(BilledCost) AS DOUBLE)"
    return dict(duckdb.sql(f"SELECT {columns} FROM '{folder}/*.parquet' GROUP BY 1").fetchall())


def test_charges_are_written_below_the_prefix_of_the_vendor_and_restated_days_are_replaced(
    aws, monkeypatch, tmp_path
):
    with local_vendor(OpenAIUsage([Cost(str(day), 10.0) for day in DAYS])) as server:
        returned = run(monkeypatch, openai=server)
    assert heartbeats(aws)["fetch"].model_dump(mode="json") == returned
    assert (returned["ran"], returned["failed"]) == (["vendors/openai"], {})
    keys = [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    months = sorted({f"{day:%Y-%m}" for day in DAYS})
    assert keys == [f"vendors/openai/data/billing_period={month}/focus.parquet" for month in months]
    restated = OpenAIUsage([Cost(str(day), 12.0) for day in DAYS])
    with local_vendor(restated) as server:
        run(monkeypatch, openai=server)
    assert totals(tmp_path / "files", "vendors/openai/") == dict.fromkeys(DAYS[:3], 10.0) | dict.fromkeys(
        DAYS[3:], 12.0
    )


def test_a_refusing_vendor_does_not_fail_the_others_and_no_key_is_logged(
    aws, monkeypatch, tmp_path, caplog, capsys
):
    caplog.set_level(logging.INFO)
    openai = OpenAIUsage([Cost(str(day), 10.0) for day in DAYS])
    with (
        local_vendor(openai) as refusing,
        local_vendor(AnthropicUsage([AnthropicCost(str(day), "250") for day in DAYS])) as anthropic,
    ):
        refusing.failures += [(401, {}, {"error": f"bad key {KEY}"})] * 20
        returned = run(monkeypatch, openai=refusing, anthropic=anthropic)
    assert returned["ran"] == ["vendors/anthropic"]
    assert "HTTP 401" in returned["failed"]["vendors/openai"]
    assert totals(tmp_path / "files", "vendors/") == dict.fromkeys(DAYS, 2.5)
    output = json.dumps(returned) + caplog.text + "".join(capsys.readouterr())
    assert KEY not in output and ANTHROPIC_KEY not in output


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "is empty"),
        ('{"other": "sk-hidden"}', "is invalid or has no field OPENAI_ADMIN_KEY"),
        ("{sk-hidden", "is invalid or has no field OPENAI_ADMIN_KEY"),
        ("sk-hidden with spaces", "is not an API key"),
    ],
)
def test_a_secret_without_a_key_is_refused_without_its_text(secret, reason):
    with pytest.raises(ConfigError) as refused:
        key_in_secret(secret, variable="OPENAI_ADMIN_KEY", name="focuswatch/openai")
    assert reason in str(refused.value) and "hidden" not in str(refused.value)


def test_a_secret_is_the_key_as_text_or_in_json():
    for secret in (f" {KEY}\n", json.dumps({"OPENAI_ADMIN_KEY": KEY})):
        assert key_in_secret(secret, variable="OPENAI_ADMIN_KEY", name="s") == KEY


def test_every_connector_can_be_scheduled():
    assert set(VendorConfig.model_fields["vendor"].annotation.__args__) == set(CONNECTORS)
