"""focuswatch as an operator deploys it, in a local AWS: what `cdk deploy --all` makes of the config of one account."""

import functools
import http.client
import io
import json
import re
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import pyarrow.parquet as pq

from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file_and_assignment import Owners
from infra.pause_policy_and_role_stack import capped_roles
from tests.fakes.local_aws_with_cdk import ACCOUNT, REGION, ROOT, LocalAws, deployable, local_aws
from tests.fakes.local_jira import EMAIL, TOKEN, LocalJira, serving
from tests.fakes.local_slack import LocalSlack, local_slack
from tests.fakes.slack_interaction_requests import Signed
from tests.fakes.waiting import STALLED_SECONDS, patience, wait_until

ROOMS = ("focuswatch", "athena_sql", "lambdas", "infra", "config")
FILES = ("app.py", "cdk.json", "constraints.txt")
QUEUES: tuple[tuple[str, str, dict[str, list[str]]], ...] = (  # name, topic, the attributes that are wanted
    ("everything", "-findings", {}),
    ("security", "-findings", {"category": ["security"]}),
    ("regions", "-new-region", {}),
)
T = TypeVar("T")
MEMBER = "U0ANNA"  # of every channel
PAUSE_SECONDS = 0.3  # each look is a dozen requests to the AWS that does the work
CLOSED = "closed to us"  # an account without the member role


@dataclass
class Deployed:
    """focuswatch in a local AWS."""

    aws: LocalAws
    deployment: Deployment
    left_out: set[str]  # types that cannot be deployed there
    slack: LocalSlack
    jira: LocalJira
    manifests: int = 0
    capped: tuple[str, ...] = ()  # the function of spend caps, where owners.toml has one
    stalled_seconds: float = STALLED_SECONDS  # without a new statement, message or notification
    config: Path = Path("config/deployment.toml")  # the operator's

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
        """Return what a function returns; one whose lease another run holds is called again."""
        client = self.aws.client("lambda")

        def invoked() -> Any:
            try:
                response = client.invoke(FunctionName=self.deployment.function(function))
            except client.exceptions.TooManyRequestsException:
                return None
            returned = json.loads(response["Payload"].read())
            assert "FunctionError" not in response, returned
            return None if returned.get("turned_away") else (returned,)

        return self.wait_until(invoked)[0]

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
        """Wait for messages in a function's dead-letter queue, and return them."""
        letters = self.wait_until(lambda: self._receive(self.deployment.dead_letters(function)))
        return [message["Body"] for message in letters]

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
        """Every manifest sets a refresh off, which sets off detect, which sets off publish, as does the clock.

        A run that is turned away leaves its work to one that is called when the run before it has ended.
        """
        self.wait_until(lambda: self._is_over() and not self._untold())

    def _is_over(self) -> bool:
        """Whether every call of refresh and detect has ended: for manifests, refreshes, and what came meanwhile."""
        refreshed, detected = list(self.lines("refresh")), list(self.lines("detect"))
        refreshes = sum('"heartbeat"' in line for line in refreshed)
        return (
            _ended(refreshed) >= self.manifests + _called_again(refreshed)
            and refreshes > 0
            and _ended(detected) >= refreshes + _called_again(detected)
        )

    def await_told(self) -> None:
        """Until nothing waits that is to be told."""
        self.wait_until(lambda: not any(self._depths()))

    def wait_until(self, holds: Callable[[], T]) -> T:
        """Return the first true value of `holds`, as long as anything in the deployment moves."""
        return wait_until(
            holds, progress=self._progress, failure=self._said, stalled_seconds=self.stalled_seconds,
            pause_seconds=PAUSE_SECONDS,
        )  # fmt: skip

    def _progress(self) -> object:
        """Return what changes while functions work: statements, notifications, queues, Slack and Jira."""
        messages = sum(len(channel.messages) for channel in self.slack.workspace.channels.values())
        statements = [execution.state for execution in self.aws.athena.executions]
        return statements, self._untold(), self._depths(), messages, len(self.jira.issues)

    def _untold(self) -> int:
        return DynamoLedger(_table(self.aws.endpoint, self.deployment.ledger)).pending_count()

    def _depths(self) -> list[int]:
        kinds = ("slack", "jira", "record", "spending", *self.capped)
        return [self._waiting(self.deployment.queue(kind)) for kind in kinds]

    def _waiting(self, queue: str) -> int:
        sqs = self.aws.client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=names
        )["Attributes"]
        return sum(int(told[name]) for name in names)

    def publish(self, topic: str, message: str) -> None:
        """Publish a message on a topic as AWS does."""
        sns = self.aws.client("sns")
        (arn,) = [one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(topic)]
        sns.publish(TopicArn=arn, Message=message)

    def press(self, request: Signed) -> int:
        """Send what Slack sends to the function's own address; the status of the answer."""
        name = self.deployment.function("answer")
        url = self.aws.client("lambda").get_function_url_config(FunctionName=name)["FunctionUrl"]
        host = urlsplit(url).hostname
        asked = urllib.request.Request(
            self.aws.endpoint, data=request.body.encode(), headers={**request.headers, "Host": str(host)}
        )
        try:
            with urllib.request.urlopen(asked, timeout=patience(60)) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def opened(self, link: str) -> tuple[int, str]:
        """Open a link. Return the status, and the address it redirects to (none: empty)."""
        parts = urlsplit(link)
        asked = http.client.HTTPConnection(str(urlsplit(self.aws.endpoint).netloc), timeout=patience(60))
        asked.request("GET", f"{parts.path}?{parts.query}", headers={"Host": str(parts.hostname)})
        answer = asked.getresponse()
        return answer.status, answer.getheader("Location") or ""

    def lines(self, function: str) -> Iterator[str]:
        """Return the log of a function."""
        group = f"/aws/lambda/{self.deployment.function(function)}"
        for page in self.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
            yield from (event["message"] for event in page["events"])

    def _said(self) -> str:
        lines = [
            f"{function}: {line[:2000]}"
            for function in (
                "refresh",
                "detect",
                "publish",
                "slack",
                "jira",
                "record",
                "spending",
                *self.capped,
            )
            for line in list(self.lines(function))[-15:]
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


@functools.cache
def _table(endpoint: str, name: str) -> Any:
    """Return a table of DynamoDB; loading the model of the service takes longer than reading from it."""
    session = boto3.Session(ACCOUNT, "x", region_name=REGION)
    return session.resource("dynamodb", endpoint_url=endpoint).Table(name)


def _ended(lines: list[str]) -> int:
    return sum(line.startswith("REPORT ") for line in lines)


def _called_again(lines: list[str]) -> int:
    return sum("invoked again for events that arrived in the meantime" in line for line in lines)


@contextmanager
def deploying(folder: Path, *, owners: Path) -> Iterator[Deployed]:
    """Deploy the repository with these owners, their Slack and their Jira, and end with all of it."""
    jira = LocalJira()
    with (
        local_slack() as slack,
        serving(jira),
        local_aws(folder / "aws") as aws,
        ThreadPoolExecutor() as at_once,
    ):
        repository = copied(folder / "repository", owners=owners, organisation=founded(aws))
        settled_in(Owners.load(owners), slack=slack, jira=jira, aws=aws)
        bootstrap = at_once.submit(aws.bootstrap, cwd=folder)
        command = f"{sys.executable} app.py"
        aws.cdk("synth", "--quiet", "--app", command, "--output", str(folder / "synthesized"), cwd=repository)
        bootstrap.result()
        left_out = deployable(folder / "synthesized", folder / "assembly")
        aws.deploy(folder / "assembly")
        for queue, topic, wanted in QUEUES:
            subscribe(aws, queue, topic=topic, wanted=wanted)
        config = repository / "config" / "deployment.toml"
        capped = ("controls",) if capped_roles(Owners.load(owners)) else ()
        yield Deployed(aws, Deployment.load(config), left_out, slack, jira, config=config, capped=capped)


def settled_in(owners: Owners, *, slack: LocalSlack, jira: LocalJira, aws: LocalAws) -> None:
    """Every team has its channel, with one person in it, and its project; the secrets let us in."""
    for channel in (owners.routing.fallback_channel, *(team.channel for team in owners.teams.values())):
        slack.workspace.channel(channel, members=[MEMBER])
    for team in owners.teams.values():
        if team.jira:
            jira.projects[team.jira.project] = {"components": {team.jira.component}}
    secrets = {
        "slack": {"token": slack.token, "signing_secret": slack.signing_secret, "api": slack.api},
        "jira": {"url": jira.url, "email": EMAIL, "token": TOKEN},
    }
    for name, value in secrets.items():
        aws.client("secretsmanager").create_secret(Name=f"focuswatch/{name}", SecretString=json.dumps(value))


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
    told = config.read_text().replace("123456789012", ACCOUNT).replace("o-a1b2c3d4e5", organisation)
    if capped_roles(Owners.load(owners)):
        told = re.sub(r"(\n\[controls\].*\n)enabled = false", r"\1enabled = true", told)
        told = told.replace("dry_run = true ", "dry_run = false ")
    told = told.replace("r-ab12", "r-root").replace("change-me-to-something-long", "f2b8c1d04e7a")
    told = told.replace('monitor_arn = ""', f'monitor_arn = "arn:aws:ce::{ACCOUNT}:anomalymonitor/6f2c0a91"')
    told = told.replace('  # { name = "azure"', '  { name = "azure"')
    for name in ("slack", "jira"):
        told = told.replace(f'{name} = ""', f'{name} = "focuswatch/{name}"')
    config.write_text(told)
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
