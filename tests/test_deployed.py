"""The whole way, deployed: `cdk deploy` to a local AWS, an export's manifest arrives, findings come out of SNS.

What comes out is what the same scan says on a laptop about the same files.
"""

import io
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from focuswatch.command.scan import run as scan_here
from focuswatch.deployment import Deployment
from focuswatch.literals import literal
from focuswatch.scan import Scanned
from focuswatch.simulate import simulate
from focuswatch.simulate.simulation import Simulated
from tests.local_aws import ACCOUNT, CDK, ROOT, LocalAws, deployable, local_aws

ROOMS = ("focuswatch", "athena_sql", "lambdas", "infra", "config")
FILES = ("app.py", "cdk.json", "constraints.txt")
QUEUES: tuple[tuple[str, str, dict[str, list[str]]], ...] = (  # name, topic, the attributes that are wanted
    ("everything", "-findings", {}),
    ("security", "-findings", {"category": ["security"]}),
    ("regions", "-new-region", {}),
)
CLOSED = "closed to us"  # an account without the member role
CHAIN_SECONDS = 120  # for one manifest's refresh, detect and publish

pytestmark = pytest.mark.skipif(
    not CDK.exists() and not os.environ.get("CI"), reason="needs the CDK's command line: npm ci"
)


@dataclass
class Deployed:
    """focuswatch in a local AWS."""

    aws: LocalAws
    deployment: Deployment
    manifests: int = 0

    def deliver(self, export: Path, *, period: str = "") -> list[dict[str, Any]]:
        """Deliver an export's files as AWS does, each manifest after all data; the messages that follow."""
        paths = [path for path in export.rglob(f"*{period}*/*") if path.is_file()]
        for path in sorted(paths, key=lambda path: (path.suffix == ".json", path)):
            key = f"{self.deployment.export_path}/{path.relative_to(export)}"
            self.aws.client("s3").upload_file(str(path), self.deployment.bucket, key)
            self.manifests += path.name.endswith("-Manifest.json")
        self._await_end()
        return self.heard("everything")

    def invoke(self, function: str) -> Any:
        """What a function answers."""
        answer = self.aws.client("lambda").invoke(FunctionName=self.deployment.function(function))
        told = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, told
        return told

    def put(self, key: str, body: bytes) -> None:
        """An object of the data bucket."""
        self.aws.client("s3").put_object(Bucket=self.deployment.bucket, Key=key, Body=body)

    def table(self, prefix: str) -> Any:
        """The rows of the Parquet objects of a table that the collector wrote."""
        listed = self.aws.client("s3").list_objects_v2(
            Bucket=self.deployment.bucket, Prefix=f"tables/{prefix}"
        )
        return [row for found in listed.get("Contents", []) for row in self._rows(found["Key"])]

    def _rows(self, key: str) -> list[dict[str, Any]]:
        body = self.aws.client("s3").get_object(Bucket=self.deployment.bucket, Key=key)["Body"].read()
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(body)).to_pylist()
        return rows

    def put_table(self, key: str, rows: Any) -> None:
        """A Parquet object of a table that the collector writes."""
        body = io.BytesIO()
        pq.write_table(rows, body)
        self.put(f"tables/{key}", body.getvalue())

    def dead_letters(self, function: str) -> list[str]:
        """What came to a function's dead-letter queue, where something must come."""
        until = time.monotonic() + CHAIN_SECONDS
        while not (found := self._receive(self.deployment.dead_letters(function))):
            assert time.monotonic() < until, self._said()
        return [message["Body"] for message in found]

    def heard(self, queue: str) -> list[dict[str, Any]]:
        """The messages of a queue, each with its attributes and its finding."""
        return [
            {
                "finding": json.loads(message["Body"]),
                **{name: one["StringValue"] for name, one in message["MessageAttributes"].items()},
            }
            for message in self._receive(queue)
        ]

    def _await_end(self) -> None:
        """Every manifest sets a refresh off, which sets off detect, which sets off publish."""
        until = time.monotonic() + CHAIN_SECONDS
        while self._ended("publish") < self.manifests:
            assert time.monotonic() < until, self._said()
            time.sleep(0.5)

    def _ended(self, function: str) -> int:
        return sum(line.startswith("REPORT ") for line in self._lines(function))

    def _lines(self, function: str) -> Iterator[str]:
        group = f"/aws/lambda/{self.deployment.function(function)}"
        for page in self.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
            yield from (event["message"] for event in page["events"])

    def _said(self) -> str:
        lines = [
            f"{function}: {line[:2000]}"
            for function in ("refresh", "detect", "publish")
            for line in list(self._lines(function))[-15:]
        ]
        return "\n".join(["the chain did not come to its end", *lines])

    def _receive(self, name: str) -> list[dict[str, Any]]:
        sqs, received = self.aws.client("sqs"), []
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        while found := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        ).get("Messages"):
            received += found
            for message in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return received


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """An organisation of 40 accounts, and the bill of two months but for the last day."""
    return simulate(tmp_path_factory.mktemp("organisation") / "it", days=60, end=date(2026, 5, 31))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, simulated: Simulated) -> Iterator[Deployed]:
    """What `cdk deploy --all` makes of the config of one account, with the organisation's owners."""
    folder = tmp_path_factory.mktemp("deployed")
    with local_aws(folder / "aws") as aws, ThreadPoolExecutor() as at_once:
        repository = copied(folder / "repository", owners=simulated.owners, organisation=founded(aws))
        bootstrap = at_once.submit(aws.bootstrap, cwd=folder)
        command = f"{sys.executable} app.py"
        aws.cdk("synth", "--quiet", "--app", command, "--output", str(folder / "synthesized"), cwd=repository)
        bootstrap.result()
        left_out = deployable(folder / "synthesized", folder / "assembly")
        assert "AWS::Athena::NamedQuery" in left_out
        aws.deploy(folder / "assembly")
        for queue, topic, wanted in QUEUES:
            subscribe(aws, queue, topic=topic, wanted=wanted)
        yield Deployed(aws, Deployment.load(repository / "config" / "deployment.toml"))


def founded(aws: LocalAws) -> str:
    """The id of an organisation of two accounts: the payer's, and one without the member role."""
    organizations = aws.client("organizations")
    id = organizations.describe_organization()["Organization"]["Id"]
    organizations.create_account(AccountName=CLOSED, Email="closed@example.com")
    return str(id)


def copied(folder: Path, *, owners: Path, organisation: str) -> Path:
    """The repository as an operator has it who edited the config."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (ROOT / "build").mkdir(exist_ok=True)
    (folder / "build").symlink_to(ROOT / "build")  # our layer is built once
    config = folder / "config" / "deployment.toml"
    config.write_text(
        config.read_text().replace("123456789012", ACCOUNT).replace("o-a1b2c3d4e5", organisation)
    )
    shutil.copy(owners, folder / "config" / "owners.toml")
    return folder


def subscribe(aws: LocalAws, queue: str, *, topic: str, wanted: dict[str, list[str]]) -> None:
    """Make a queue that hears a topic as far as its attributes are wanted, and whose policy lets the topic write."""
    sqs, sns = aws.client("sqs"), aws.client("sns")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (source,) = [one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(topic)]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    attributes = {"RawMessageDelivery": "true", **({"FilterPolicy": json.dumps(wanted)} if wanted else {})}
    sns.subscribe(TopicArn=source, Protocol="sqs", Endpoint=arn, Attributes=attributes)


def put_beside(deployed: Deployed, simulated: Simulated) -> None:
    """What the collector would have written: a file of activity for every day, one of accounts."""
    activity = pq.read_table(simulated.activity)
    days = activity.column("activity_date")
    for day in days.unique().to_pylist():
        deployed.put_table(f"activity/activity_date={day}/all.parquet", activity.filter(pc.equal(days, day)))
    deployed.put_table("accounts/accounts.parquet", pq.read_table(simulated.accounts))


def next_day(simulated: Simulated, *, without: str) -> None:
    """The bill goes on for a day, and the resource `without` was switched off as the month began."""
    (june,) = simulated.export.glob(f"data/*{simulated.as_of:%Y-%m}/*.parquet")
    last = simulated.as_of - timedelta(days=1)
    changed = june.with_suffix(".changed")
    duckdb.execute(f"""
        COPY (
            WITH kept AS (
                SELECT * FROM read_parquet({literal(str(june))}, hive_partitioning = false)
                WHERE ResourceId IS DISTINCT FROM {literal(without)}
            )
            FROM kept
            UNION ALL
            SELECT * REPLACE (
                ChargePeriodStart + INTERVAL 1 DAY AS ChargePeriodStart,
                ChargePeriodEnd + INTERVAL 1 DAY AS ChargePeriodEnd
            )
            FROM kept
            WHERE CAST(ChargePeriodStart AS date) = {literal(last)}
        ) TO {literal(str(changed))} (FORMAT parquet)
    """)
    changed.replace(june)


def news_of(scanned: Scanned) -> dict[str, tuple[str, dict[str, Any]]]:
    """What a scan told: kind and finding by fingerprint."""
    return {
        news.finding.fingerprint: (news.kind, json.loads(news.finding.model_dump_json(by_alias=True)))
        for news in scanned.news
    }


def told_of(messages: list[dict[str, Any]]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The same of messages; each is told once."""
    assert len(messages) == len({message["news_id"] for message in messages})
    return {
        message["finding"]["fingerprint"]: (message["change"], message["finding"]) for message in messages
    }


def differences(
    told: dict[str, tuple[str, dict[str, Any]]], here: dict[str, tuple[str, dict[str, Any]]]
) -> list[str]:
    """Where deployment and laptop tell different things, a line each; sums may differ by the order of their terms."""
    found = []
    for fingerprint in sorted(told.keys() | here.keys()):
        kind, finding = told.get(fingerprint, ("nothing", {}))
        kind_here, finding_here = here.get(fingerprint, ("nothing", {}))
        detection = (finding or finding_here)["detection"]
        if kind != kind_here:
            found.append(f"{detection} {fingerprint}: {kind} deployed, {kind_here} here")
        elif _rounded(finding) != _rounded(finding_here):
            differing = [name for name in finding if _rounded(finding[name]) != _rounded(finding_here[name])]
            found += [
                f"{detection} {fingerprint}: {name} is {finding[name]} deployed, {finding_here[name]} here"
                for name in differing
            ]
    return found


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list():
            return [
                _rounded(one) for one in value if not str(one).endswith(": 0.00 a day, 0%")
            ]  # rounding alone
    return value


def test_the_whole_way_from_the_manifest_to_sns(
    deployed: Deployed, simulated: Simulated, tmp_path: Path
) -> None:
    """One test, since it has one deployment; its steps build on each other."""

    def here() -> dict[str, tuple[str, dict[str, Any]]]:
        scanned, _ = scan_here(
            str(simulated.export), as_of=None, activity=simulated.activity, accounts=simulated.accounts,
            owners=simulated.owners, only=None, ledger=None, state=tmp_path,
        )  # fmt: skip
        assert not scanned.failures
        return news_of(scanned)

    the_collector_looks_where_it_may_and_names_who_refuses(deployed)
    put_beside(deployed, simulated)
    told = told_of(deployed.deliver(simulated.export))
    assert differences(told, here()) == []
    subscribers_hear_what_they_asked_for(deployed, told)
    newest = f"{simulated.as_of:%Y-%m}"
    assert deployed.deliver(simulated.export, period=newest) == []
    costliest = next(
        finding
        for _, finding in sorted(told.values(), key=lambda one: -float(one[1]["monthly_cost"]))
        if finding["category"] == "waste" and finding["resource_id"]
    )
    next_day(simulated, without=costliest["resource_id"])
    told = told_of(deployed.deliver(simulated.export, period=newest))
    assert told[costliest["fingerprint"]][0] == "resolved"
    assert differences(told, here()) == []
    a_refresh_that_fails_is_kept_in_the_dead_letters(deployed, period=newest)


def the_collector_looks_where_it_may_and_names_who_refuses(deployed: Deployed) -> None:
    """It assumes the member role with the external id; an account without that role fails nothing."""
    answer = deployed.invoke("collect")
    accounts = {row["name"]: row["sub_account_id"] for row in deployed.table("accounts/")}
    assert answer["ran"] == [ACCOUNT]
    assert "AccessDenied" in answer["failed"][accounts[CLOSED]]


def subscribers_hear_what_they_asked_for(
    deployed: Deployed, told: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    """By filter policy on the findings, and first charges in a region on a topic of their own."""
    security = {one for one, (_, finding) in told.items() if finding["category"] == "security"}
    regions = {one for one, (_, finding) in told.items() if finding["detection"] == "new_region"}
    assert {message["finding"]["fingerprint"] for message in deployed.heard("security")} == security
    assert {message["finding"]["fingerprint"] for message in deployed.heard("regions")} == regions
    assert regions < security


def a_refresh_that_fails_is_kept_in_the_dead_letters(deployed: Deployed, *, period: str) -> None:
    """A manifest that lists what is not there: the event waits for whoever mends it."""
    lost = f"s3://elsewhere/focus/data/billing_period={period}/lost.parquet"
    key = f"{deployed.deployment.export_path}/metadata/billing_period={period}/focus-Manifest.json"
    deployed.put(key, json.dumps({"dataFiles": [lost]}).encode())
    (letter,) = deployed.dead_letters("refresh")
    assert json.loads(letter)["requestPayload"]["detail"]["object"]["key"] == key
