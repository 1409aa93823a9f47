"""`focuswatch doctor` detects problems of a deployment and states how to fix each problem."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import boto3
import botocore.session
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES, PARTITION_KEYS
from focuswatch.cli import app
from focuswatch.operations.deployment_toml_sections import BillConfig
from focuswatch.operations.doctor import run_doctor
from focuswatch.operations.function_run_heartbeats import Heartbeat, record
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from tests.given.cloud import LOADER

CONFIG = Path(__file__).parents[2] / "config" / "deployment.toml"
GIB = 1024**3


@pytest.fixture
def deployment():
    return Deployment.load(CONFIG)


@pytest.fixture
def aws(monkeypatch, deployment):
    """Yield a session of an account with a deployment that passes all checks."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "MOTO_ACCOUNT_ID": deployment.accounts.pipeline,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        core = botocore.session.Session()
        core.register_component("data_loader", LOADER)
        session = boto3.Session(botocore_session=core)
        session.events.register("before-call.bcm-data-exports", healthy)
        monkeypatch.setattr(boto3, "Session", lambda: session)
        build(session, deployment)
        yield session


def healthy(**_):
    export = {"ExportName": "focuswatch", "ExportStatus": {"StatusCode": "HEALTHY"}}
    return SimpleNamespace(status_code=200), {"Exports": [export]}


def build(session, deployment):
    """Create the resources of the stacks that the doctor checks."""
    session.client("s3").create_bucket(Bucket=deployment.bucket)
    deliver(session, deployment)
    glue = session.client("glue")
    glue.create_database(DatabaseInput={"Name": deployment.athena.database})
    for name, columns in GLUE_TABLES.items():
        make_table(glue, deployment, name, columns)
    # Glue grants this permission if only IAM policies control access.
    session.client("lakeformation").grant_permissions(
        Principal={"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"},
        Resource={"Table": {"DatabaseName": deployment.athena.database, "Name": "daily_charges"}},
        Permissions=["ALL"],
    )
    limits = {"BytesScannedCutoffPerQuery": deployment.athena.scan_limit_gib * GIB}
    session.client("athena").create_work_group(Name=deployment.athena.workgroup, Configuration=limits)
    for kind in deployment.unattended:
        session.client("sqs").create_queue(QueueName=deployment.dead_letters(kind))
    session.client("dynamodb").create_table(
        TableName=deployment.ledger,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("kind", "id")],
    )
    for kind in deployment.daily:
        beat(session, deployment, kind, ran=("444455556666",))


def deliver(session, deployment):
    key = f"{deployment.export_path}/metadata/billing_period=2026-11/{deployment.export.name}-Manifest.json"
    session.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=b"{}")


def make_table(glue, deployment, name, columns):
    keys = (
        [{"Name": key, "Type": type_} for key, type_ in [PARTITION_KEYS[name]]]
        if name in PARTITION_KEYS
        else []
    )
    table = {
        "Name": name,
        "PartitionKeys": keys,
        "StorageDescriptor": {"Columns": [{"Name": column, "Type": type_} for column, type_ in columns]},
    }
    glue.create_table(DatabaseName=deployment.athena.database, TableInput=table)


def beat(session, deployment, kind, *, hours_ago=1.0, **fields):
    table = session.resource("dynamodb").Table(deployment.ledger)
    ended = datetime.now(UTC) - timedelta(hours=hours_ago)
    record(table, Heartbeat(function=kind, run_id="r", ended_at=ended, seconds=12, **fields))


def checks_of(session, deployment, *, later=timedelta(), http_get=None):
    """Return the checks by name."""
    checks = run_doctor(deployment, session=session, now=datetime.now(UTC) + later, http_get=http_get)
    return {check.name: check for check in checks}


def failures(*arguments, **options):
    checks = checks_of(*arguments, **options)
    assert all(check.fix for check in checks.values() if check.state == "failed")
    return {name: check.found for name, check in checks.items() if check.state == "failed"}


def test_healthy_deployment_has_no_failure(aws, deployment):
    checks = checks_of(aws, deployment)
    assert {name: check.state for name, check in checks.items()} == {
        "credentials": "ok", "bucket": "ok", "delivery": "ok", "export": "ok", "tables": "ok",
        "lake formation": "ok",
        "workgroup": "ok", "refresh": "ok", "collect": "ok", "detect": "ok", "publish": "ok", "page": "ok",
        "pulse": "ok",
        "accounts": "ok", "dead letters": "ok", "slack": "noted", "jira": "noted",
        "teams": "noted", "pagerduty": "noted", "webhook": "noted", "events": "noted",
    }  # fmt: skip


def test_credentials_of_another_account_stop_the_checks(aws, deployment):
    accounts = deployment.accounts.model_copy(update={"pipeline": "999988887777"})
    checks = checks_of(aws, deployment.model_copy(update={"accounts": accounts}))
    assert list(checks) == ["credentials"] and checks["credentials"].state == "failed"


def test_missing_bucket_fails_and_the_other_checks_run(aws, deployment):
    client = aws.client("s3")
    for one in client.list_objects_v2(Bucket=deployment.bucket)["Contents"]:
        client.delete_object(Bucket=deployment.bucket, Key=one["Key"])
    client.delete_bucket(Bucket=deployment.bucket)
    checks = checks_of(aws, deployment)
    assert checks["bucket"].fix == "Run `npx cdk deploy --revert-drift focuswatch-pipeline`."
    assert (checks["delivery"].state, checks["tables"].state) == ("failed", "ok")


def test_old_delivery_and_missing_runs_fail(aws, deployment):
    assert set(failures(aws, deployment, later=timedelta(hours=49))) == {"delivery", *deployment.daily}
    assert set(failures(aws, deployment, later=timedelta(hours=3))) == {"publish"}


def test_lake_formation_must_grant_the_tables_that_it_controls(aws, deployment):
    """Otherwise each query fails with an error that names no setting of focuswatch."""
    lake = aws.client("lakeformation")
    table = {"Table": {"DatabaseName": deployment.athena.database, "Name": "daily_charges"}}
    everybody = {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}
    lake.revoke_permissions(Principal=everybody, Resource=table, Permissions=["ALL"])
    check = checks_of(aws, deployment)["lake formation"]
    assert check.state == "failed" and "functions without access: refresh, detect, page" in check.found
    assert "lake_formation = true" in check.fix
    every = {"Table": {"DatabaseName": deployment.athena.database, "TableWildcard": {}}}
    for kind in ("refresh", "detect", "page"):
        role = f"arn:aws:iam::{deployment.accounts.pipeline}:role/{deployment.function(kind)}"
        principal = {"DataLakePrincipalIdentifier": role}
        lake.grant_permissions(Principal=principal, Resource=every, Permissions=["SELECT", "DESCRIBE"])
    assert checks_of(aws, deployment)["lake formation"].state == "ok"


def test_health_problems_found_by_pulse_do_not_prevent_resolving_findings(aws, deployment):
    """`pulse` reports dead letters in its heartbeat; only warnings of `detect` prevent resolving findings."""
    beat(aws, deployment, "pulse", warnings=("3 events in dead-letter queues",))
    check = checks_of(aws, deployment)["pulse"]
    assert check.state == "noted" and check.found.endswith("; 3 events in dead-letter queues")


def test_lake_formation_must_grant_the_tables_to_bills_too(aws, deployment):
    """Like `refresh`, `bills` reads and changes partitions."""
    lake = aws.client("lakeformation")
    table = {"Table": {"DatabaseName": deployment.athena.database, "Name": "daily_charges"}}
    everybody = {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}
    lake.revoke_permissions(Principal=everybody, Resource=table, Permissions=["ALL"])
    azure = BillConfig(name="azure", prefix="azure")
    check = checks_of(aws, deployment.model_copy(update={"bills": [azure]}))["lake formation"]
    assert "functions without access: refresh, bills, detect, page" in check.found


def test_unhealthy_export_is_a_problem_with_its_reason(aws, deployment):
    def unhealthy(**_):
        status = {"StatusCode": "UNHEALTHY", "StatusReason": "INSUFFICIENT_PERMISSION"}
        export = {"ExportName": "focuswatch", "ExportStatus": status}
        return SimpleNamespace(status_code=200), {"Exports": [export]}

    aws.events.unregister("before-call.bcm-data-exports", healthy)
    aws.events.register("before-call.bcm-data-exports", unhealthy)
    assert failures(aws, deployment) == {"export": "unhealthy: INSUFFICIENT_PERMISSION"}


def test_different_tables_fail_with_the_difference(aws, deployment):
    glue, database = aws.client("glue"), deployment.athena.database
    glue.delete_table(DatabaseName=database, Name="accounts")
    glue.delete_table(DatabaseName=database, Name="activity")
    columns = [(name, "int" if name == "value" else type_) for name, type_ in GLUE_TABLES["activity"]]
    make_table(glue, deployment, "activity", columns[1:])
    missing = columns[0][0]
    problems = failures(aws, deployment)
    assert problems == {
        "tables": f"activity.{missing} is missing; activity.value has type int, expected double; accounts is missing"
    }


def test_workgroup_with_another_scan_limit_fails(aws, deployment):
    stricter = deployment.athena.model_copy(update={"scan_limit_gib": 1})
    problems = failures(aws, deployment.model_copy(update={"athena": stricter}))
    assert problems == {"workgroup": "scan limit per query: 100 GiB, expected 1 GiB"}


def test_function_that_never_ran_or_had_failures_fails(aws, deployment):
    aws.resource("dynamodb").Table(deployment.ledger).delete_item(Key={"kind": "heartbeat", "id": "refresh"})
    beat(aws, deployment, "detect", failed={"new_region": "the query failed"})
    problems = failures(aws, deployment)
    assert problems["refresh"] == "has never completed a run"
    assert problems["detect"].endswith("failed: new_region (the query failed)")


def test_account_that_denies_access_fails_and_a_denied_service_is_noted(aws, deployment):
    beat(
        aws, deployment, "collect", failed={"111122223333": "AccessDenied", "kendra in us-east-1 of 4": "no"}
    )
    checks = checks_of(aws, deployment)
    assert checks["accounts"].found == "1 account denied access: 111122223333 (AccessDenied)"
    assert (checks["collect"].state, checks["not collected"].state) == ("ok", "noted")
    assert "organization.ous" in checks["accounts"].fix


def test_dead_letters_are_counted(aws, deployment):
    client = aws.client("sqs")
    url = client.get_queue_url(QueueName=deployment.dead_letters("publish"))["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="x")
    assert failures(aws, deployment) == {"dead letters": "publish: 1"}


@pytest.mark.parametrize(
    ("response", "state"),
    [((200, b'{"ok": true, "team": "Acme"}'), "ok"), ((200, b'{"ok": false, "error": "invalid_auth"}'), "failed"),
     ((503, b"busy"), "failed"), (OSError("nobody"), "failed")],
)  # fmt: skip
def test_slack_token_is_checked_and_never_shown(aws, deployment, response, state):
    aws.client("secretsmanager").create_secret(
        Name="slack", SecretString='{"token": "xoxb-hidden", "signing_secret": "0123456789abcdef"}'
    )
    with_secret = deployment.model_copy(
        update={"secrets": deployment.secrets.model_copy(update={"slack": "slack"})}
    )

    def http_get(request):
        assert request.headers["Authorization"] == "Bearer xoxb-hidden"
        if isinstance(response, OSError):
            raise response
        return response

    check = checks_of(aws, with_secret, http_get=http_get)["slack"]
    assert check.state == state and "hidden" not in check.found + check.fix


def test_secret_with_only_webhooks_is_noted(aws, deployment):
    """The secret has no token, and a webhook cannot be checked without posting a message."""
    secret = json.dumps({"webhooks": {"search": "https://hooks.slack.com/services/T0/B0/x"}})
    aws.client("secretsmanager").create_secret(Name="slack", SecretString=secret)
    secrets = deployment.secrets.model_copy(update={"slack": "slack"})
    check = checks_of(aws, deployment.model_copy(update={"secrets": secrets}))["slack"]
    assert check.state == "noted" and "webhooks only" in check.found


@pytest.mark.parametrize(
    ("url", "state"), [("https://a.atlassian.net/", "ok"), ("http://a.atlassian.net", "failed")]
)
def test_jira_token_is_sent_only_over_https(aws, deployment, url, state):
    secret = json.dumps({"url": url, "email": "a@example.com", "token": "t"})
    aws.client("secretsmanager").create_secret(Name="jira", SecretString=secret)
    with_secret = deployment.model_copy(
        update={"secrets": deployment.secrets.model_copy(update={"jira": "jira"})}
    )
    requests = []

    def http_get(request):
        requests.append(request.full_url)
        return 200, b'{"displayName": "focuswatch"}'

    assert checks_of(aws, with_secret, http_get=http_get)["jira"].state == state
    assert requests == (["https://a.atlassian.net/rest/api/2/myself"] if state == "ok" else [])


@pytest.mark.parametrize(
    ("secret", "state"),
    [({"hooks.acme.example": "whsec_" + "QUJD" * 12}, "noted"), ({"hooks.acme.example": "hidden"}, "failed")],
)
def test_webhook_secret_is_checked_and_never_shown(aws, deployment, secret, state):
    aws.client("secretsmanager").create_secret(Name="webhook", SecretString=json.dumps(secret))
    secrets = deployment.secrets.model_copy(update={"webhook": "webhook"})
    check = checks_of(aws, deployment.model_copy(update={"secrets": secrets}))["webhook"]
    assert check.state == state and "hidden" not in check.found + check.fix and "QUJD" not in check.found


def mailing(deployment):
    """Return the deployment with a sender of emails."""
    email = deployment.email.model_copy(update={"sender": "focuswatch@acme.example"})
    return deployment.model_copy(update={"email": email})


@pytest.mark.parametrize("identity", ["focuswatch@acme.example", "acme.example"])
def test_sender_or_its_domain_must_be_a_verified_identity(aws, deployment, identity):
    requests, verified = [], []

    def problems(params, **_):
        requests.append(unquote(params["url_path"].rpartition("/")[2]))
        return SimpleNamespace(status_code=200), {"VerifiedForSendingStatus": requests[-1] in verified}

    aws.events.register("before-call.sesv2.GetEmailIdentity", problems)
    aws.events.register("before-call.sesv2.GetAccount", lambda **_: sending(ProductionAccessEnabled=True))
    assert "aws sesv2 create-email-identity" in checks_of(aws, mailing(deployment))["email"].fix
    assert requests == ["focuswatch@acme.example", "acme.example"]
    verified.append(identity)
    assert checks_of(aws, mailing(deployment))["email"].state == "ok"


def sending(**account):
    """Return GetAccount's response for an account in the sandbox, with changes."""
    return SimpleNamespace(status_code=200), {
        "SendingEnabled": True,
        "ProductionAccessEnabled": False,
    } | account


def test_sandbox_is_noted_and_paused_sending_fails(aws, deployment):
    aws.events.register(
        "before-call.sesv2.GetEmailIdentity",
        lambda **_: (SimpleNamespace(status_code=200), {"VerifiedForSendingStatus": True}),
    )
    account = {}
    aws.events.register("before-call.sesv2.GetAccount", lambda **_: sending(**account))
    sandbox = checks_of(aws, mailing(deployment))["email"]
    assert sandbox.state == "noted" and "sandbox" in sandbox.found
    account["ProductionAccessEnabled"] = True
    assert checks_of(aws, mailing(deployment))["email"].state == "ok"
    account["SendingEnabled"] = False
    assert checks_of(aws, mailing(deployment))["email"].state == "failed"


def test_security_hub_must_be_enabled(aws, deployment):
    security = deployment.security.model_copy(update={"security_hub": True})
    with_secret = deployment.model_copy(update={"security": security})
    assert "enable-security-hub" in checks_of(aws, with_secret)["security hub"].fix
    aws.client("securityhub").enable_security_hub()
    assert checks_of(aws, with_secret)["security hub"].state == "ok"


def test_unreadable_secret_fails(aws, deployment):
    with_secret = deployment.model_copy(
        update={"secrets": deployment.secrets.model_copy(update={"slack": "lost"})}
    )
    assert failures(aws, with_secret)["secrets"].startswith("ResourceNotFoundException")


def test_command_exits_with_1_if_a_check_fails(aws, deployment):
    healthy_result = CliRunner().invoke(app, ["doctor", "--config", str(CONFIG), "--format", "json"])
    assert healthy_result.exit_code == 0 and {one["state"] for one in json.loads(healthy_result.stdout)} == {
        "ok",
        "noted",
    }
    beat(aws, deployment, "detect", hours_ago=40)
    failed_result = CliRunner().invoke(app, ["doctor", "--config", str(CONFIG)])
    assert failed_result.exit_code == 1
    assert "aws logs tail /aws/lambda/focuswatch-detect" in " ".join(failed_result.stdout.split())


@pytest.mark.parametrize(
    ("channel", "secret", "expected_text"),
    [
        (
            "teams",
            {"webhooks": {"search": "https://example.com/hidden"}, "signing_secret": "h" * 32},
            "webhooks: search",
        ),
        ("pagerduty", {"routing_keys": {"oncall": "h" * 32}}, "routing keys: oncall"),
    ],
)
def test_names_in_a_secret_that_cannot_be_tested_are_listed(aws, deployment, channel, secret, expected_text):
    """Users compare the names with owners.toml. Testing the secret would post a message."""
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="it", SecretString=json.dumps(secret))
    secrets = deployment.secrets.model_copy(update={channel: "it"})
    with_secret = deployment.model_copy(update={"secrets": secrets})
    check = checks_of(aws, with_secret)[channel]
    assert check.state == "noted" and check.found.startswith(expected_text)
    assert "hidden" not in str(check) and "hhhh" not in str(check)
    manager.put_secret_value(SecretId="it", SecretString="{}")
    assert checks_of(aws, with_secret)[channel].state == "failed"
