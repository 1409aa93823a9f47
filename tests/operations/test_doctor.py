"""`focuswatch doctor` sees what keeps a deployment from working, and says how to mend it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.session
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from focuswatch.bill.schema.glue_columns import GLUE_TABLES, PARTITION_KEYS
from focuswatch.cli import app
from focuswatch.operations.deployment_config import Deployment
from focuswatch.operations.doctor import examine
from focuswatch.operations.heartbeat import Heartbeat, record
from tests.given.cloud import LOADER

CONFIG = Path(__file__).parents[2] / "config" / "deployment.toml"
GIB = 1024**3


@pytest.fixture
def deployment():
    return Deployment.load(CONFIG)


@pytest.fixture
def aws(monkeypatch, deployment):
    """An account in which all is well."""
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
    told = {"ExportName": "focuswatch", "ExportStatus": {"StatusCode": "HEALTHY"}}
    return SimpleNamespace(status_code=200), {"Exports": [told]}


def build(session, deployment):
    """What the stacks make, as far as the doctor looks at it."""
    session.client("s3").create_bucket(Bucket=deployment.bucket)
    deliver(session, deployment)
    glue = session.client("glue")
    glue.create_database(DatabaseInput={"Name": deployment.athena.database})
    for name, columns in GLUE_TABLES.items():
        make_table(glue, deployment, name, columns)
    session.client("lakeformation").grant_permissions(  # as Glue does where IAM alone decides
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


def beat(session, deployment, kind, *, hours_ago=1.0, **told):
    table = session.resource("dynamodb").Table(deployment.ledger)
    ended = datetime.now(UTC) - timedelta(hours=hours_ago)
    record(table, Heartbeat(function=kind, run_id="r", ended_at=ended, seconds=12, **told))


def looked_at(session, deployment, *, later=timedelta(), reach=None):
    """The checks by name."""
    checks = examine(deployment, session=session, now=datetime.now(UTC) + later, reach=reach)
    return {check.name: check for check in checks}


def failures(*asked, **options):
    checks = looked_at(*asked, **options)
    assert all(check.mend for check in checks.values() if check.state == "failed")
    return {name: check.found for name, check in checks.items() if check.state == "failed"}


def test_a_deployment_in_order_has_no_failure(aws, deployment):
    checks = looked_at(aws, deployment)
    assert {name: check.state for name, check in checks.items()} == {
        "credentials": "ok", "bucket": "ok", "delivery": "ok", "export": "ok", "tables": "ok",
        "lake formation": "ok",
        "workgroup": "ok", "refresh": "ok", "collect": "ok", "detect": "ok", "publish": "ok", "page": "ok",
        "pulse": "ok",
        "accounts": "ok", "dead letters": "ok", "slack": "noted", "jira": "noted",
    }  # fmt: skip


def test_credentials_of_another_account_end_the_examination(aws, deployment):
    accounts = deployment.accounts.model_copy(update={"pipeline": "999988887777"})
    checks = looked_at(aws, deployment.model_copy(update={"accounts": accounts}))
    assert list(checks) == ["credentials"] and checks["credentials"].state == "failed"


def test_a_bucket_that_is_missing_is_told_and_hides_nothing_else(aws, deployment):
    client = aws.client("s3")
    for one in client.list_objects_v2(Bucket=deployment.bucket)["Contents"]:
        client.delete_object(Bucket=deployment.bucket, Key=one["Key"])
    client.delete_bucket(Bucket=deployment.bucket)
    checks = looked_at(aws, deployment)
    assert checks["bucket"].mend == "Run npx cdk deploy focuswatch-pipeline."
    assert (checks["delivery"].state, checks["tables"].state) == ("failed", "ok")


def test_an_old_delivery_fails_and_so_do_runs_that_stopped(aws, deployment):
    assert set(failures(aws, deployment, later=timedelta(hours=49))) == {"delivery", *deployment.daily}
    assert set(failures(aws, deployment, later=timedelta(hours=3))) == {"publish"}


def test_lake_formation_that_governs_the_tables_must_grant_them(aws, deployment):
    """Else every statement fails with a sentence that names no setting of ours."""
    lake = aws.client("lakeformation")
    table = {"Table": {"DatabaseName": deployment.athena.database, "Name": "daily_charges"}}
    everybody = {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}
    lake.revoke_permissions(Principal=everybody, Resource=table, Permissions=["ALL"])
    check = looked_at(aws, deployment)["lake formation"]
    assert check.state == "failed" and "grants refresh, detect, page none" in check.found
    assert "lake_formation = true" in check.mend
    every = {"Table": {"DatabaseName": deployment.athena.database, "TableWildcard": {}}}
    for kind in ("refresh", "detect", "page"):
        role = f"arn:aws:iam::{deployment.accounts.pipeline}:role/{deployment.function(kind)}"
        principal = {"DataLakePrincipalIdentifier": role}
        lake.grant_permissions(Principal=principal, Resource=every, Permissions=["SELECT", "DESCRIBE"])
    assert looked_at(aws, deployment)["lake formation"].state == "ok"


def test_an_unhealthy_export_says_why(aws, deployment):
    def unhealthy(**_):
        status = {"StatusCode": "UNHEALTHY", "StatusReason": "INSUFFICIENT_PERMISSION"}
        told = {"ExportName": "focuswatch", "ExportStatus": status}
        return SimpleNamespace(status_code=200), {"Exports": [told]}

    aws.events.unregister("before-call.bcm-data-exports", healthy)
    aws.events.register("before-call.bcm-data-exports", unhealthy)
    assert failures(aws, deployment) == {"export": "unhealthy: INSUFFICIENT_PERMISSION"}


def test_tables_that_differ_are_named_with_the_difference(aws, deployment):
    glue, database = aws.client("glue"), deployment.athena.database
    glue.delete_table(DatabaseName=database, Name="accounts")
    glue.delete_table(DatabaseName=database, Name="activity")
    columns = [(name, "int" if name == "value" else type_) for name, type_ in GLUE_TABLES["activity"]]
    make_table(glue, deployment, "activity", columns[1:])
    lacking = columns[0][0]
    found = failures(aws, deployment)
    assert found == {
        "tables": f"activity lacks {lacking}; activity.value is int, expected double; accounts is missing"
    }


def test_a_workgroup_with_another_limit_than_configured_fails(aws, deployment):
    stricter = deployment.athena.model_copy(update={"scan_limit_gib": 1})
    found = failures(aws, deployment.model_copy(update={"athena": stricter}))
    assert found == {"workgroup": "a statement may scan 100 GiB, expected 1 GiB"}


def test_a_function_that_never_ran_and_one_that_failed_on_something(aws, deployment):
    aws.resource("dynamodb").Table(deployment.ledger).delete_item(Key={"kind": "heartbeat", "id": "refresh"})
    beat(aws, deployment, "detect", failed={"new_region": "the query failed"})
    found = failures(aws, deployment)
    assert found["refresh"] == "has never ended a run"
    assert found["detect"].endswith("failed: new_region (the query failed)")


def test_accounts_that_refuse_are_named_and_a_refused_service_is_only_noted(aws, deployment):
    beat(
        aws, deployment, "collect", failed={"111122223333": "AccessDenied", "kendra in us-east-1 of 4": "no"}
    )
    checks = looked_at(aws, deployment)
    assert checks["accounts"].found == "1 refuse: 111122223333 (AccessDenied)"
    assert (checks["collect"].state, checks["not looked at"].state) == ("ok", "noted")
    assert "organisation.ous" in checks["accounts"].mend


def test_dead_letters_are_counted(aws, deployment):
    client = aws.client("sqs")
    url = client.get_queue_url(QueueName=deployment.dead_letters("publish"))["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="x")
    assert failures(aws, deployment) == {"dead letters": "1 of publish"}


@pytest.mark.parametrize(
    ("answer", "state"),
    [((200, b'{"ok": true, "team": "Acme"}'), "ok"), ((200, b'{"ok": false, "error": "invalid_auth"}'), "failed"),
     ((503, b"busy"), "failed"), (OSError("nobody"), "failed")],
)  # fmt: skip
def test_slack_is_asked_whether_it_knows_the_token_which_is_never_shown(aws, deployment, answer, state):
    aws.client("secretsmanager").create_secret(
        Name="slack", SecretString='{"token": "xoxb-hidden", "signing_secret": "0123456789abcdef"}'
    )
    given = deployment.model_copy(
        update={"secrets": deployment.secrets.model_copy(update={"slack": "slack"})}
    )

    def reach(request):
        assert request.headers["Authorization"] == "Bearer xoxb-hidden"
        if isinstance(answer, OSError):
            raise answer
        return answer

    check = looked_at(aws, given, reach=reach)["slack"]
    assert check.state == state and "hidden" not in check.found + check.mend


@pytest.mark.parametrize(
    ("url", "state"), [("https://a.atlassian.net/", "ok"), ("http://a.atlassian.net", "failed")]
)
def test_jira_is_asked_over_https_alone(aws, deployment, url, state):
    secret = json.dumps({"url": url, "email": "a@example.com", "token": "t"})
    aws.client("secretsmanager").create_secret(Name="jira", SecretString=secret)
    given = deployment.model_copy(update={"secrets": deployment.secrets.model_copy(update={"jira": "jira"})})
    asked = []

    def reach(request):
        asked.append(request.full_url)
        return 200, b'{"displayName": "focuswatch"}'

    assert looked_at(aws, given, reach=reach)["jira"].state == state
    assert asked == (["https://a.atlassian.net/rest/api/2/myself"] if state == "ok" else [])


def test_a_secret_that_cannot_be_read_is_a_failure(aws, deployment):
    given = deployment.model_copy(update={"secrets": deployment.secrets.model_copy(update={"slack": "lost"})})
    assert failures(aws, given)["secrets"].startswith("ResourceNotFoundException")


def test_the_command_exits_1_where_something_failed(aws, deployment):
    fine = CliRunner().invoke(app, ["doctor", "--config", str(CONFIG), "--format", "json"])
    assert fine.exit_code == 0 and {one["state"] for one in json.loads(fine.stdout)} == {"ok", "noted"}
    beat(aws, deployment, "detect", hours_ago=40)
    ill = CliRunner().invoke(app, ["doctor", "--config", str(CONFIG)])
    assert ill.exit_code == 1
    assert "aws logs tail /aws/lambda/focuswatch-detect" in " ".join(ill.stdout.split())
