"""Deploy focuswatch to a local AWS as an operator does: `cdk deploy --all` with the config of one account."""

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import pyarrow.parquet as pq

from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners
from infra.pause_policy_and_role_stack import capped_roles
from tests.fakes.local_aws_with_cdk import ACCOUNT, REGION, ROOT, LocalAws, deployable, local_aws
from tests.fakes.local_jira import EMAIL, TOKEN, LocalJira, serving
from tests.fakes.local_slack import LocalSlack, local_slack
from tests.fakes.slack_interaction_requests import Signed
from tests.fakes.waiting import STALLED_SECONDS, patience, wait_until

FOLDERS = ("focuswatch", "athena_sql", "lambdas", "infra", "config")
FILES = ("app.py", "cdk.json", "constraints.txt")
# Name of the queue, end of its topic's name, filter policy of the subscription.
QUEUES: tuple[tuple[str, str, dict[str, list[str]]], ...] = (
    ("everything", "-findings", {}),
    ("security", "-findings", {"category": ["security"]}),
    ("regions", "-new-region", {}),
)
CALLED_AGAIN = "invoked again for events that arrived in the meantime"  # LambdaRun logs it
T = TypeVar("T")
MEMBER = "U0ANNA"  # is in every channel
PAUSE_SECONDS = 0.3  # between checks, each of which sends a dozen requests to the AWS that does the work
CLOSED = "closed to us"  # name of an account without the member role


@dataclass
class Deployed:
    """focuswatch in a local AWS."""

    aws: LocalAws
    deployment: Deployment
    left_out: set[str]  # resource types that ministack cannot deploy
    slack: LocalSlack
    jira: LocalJira
    manifests: int = 0
    capped: tuple[str, ...] = ()  # the function for spend caps, if owners.toml has a cap
    stalled_seconds: float = STALLED_SECONDS  # longest wait without a new statement, message or notification
    config: Path = Path("config/deployment.toml")  # the operator's copy
    urls: dict[str, str] = field(default_factory=dict)  # of the queues, by name

    def deliver(self, export: Path, *, period: str = "") -> list[dict[str, Any]]:
        """Deliver an export's files as AWS does, manifests after all data; return the notifications that follow."""
        paths = [path for path in export.rglob(f"*{period}*/*") if path.is_file()]
        for path in sorted(paths, key=lambda path: (path.suffix == ".json", path)):
            key = f"{self.deployment.export_path}/{path.relative_to(export)}"
            self.aws.client("s3").upload_file(str(path), self.deployment.bucket, key)
            self.manifests += path.name.endswith("-Manifest.json")
        self._await_end()
        return self.received("everything")

    def invoke(self, function: str) -> Any:
        """Return the response of a function; if a run is active, that of the run that is invoked when it ends.

        It is not invoked again while a run is active, because each invocation that is turned away causes another run.
        """
        client, repeated = self.aws.client("lambda"), _called_again(list(self.lines(function)))

        def invoked() -> Any:
            try:
                response = client.invoke(FunctionName=self.deployment.function(function))
            except client.exceptions.TooManyRequestsException:
                return None
            returned = json.loads(response["Payload"].read())
            assert "FunctionError" not in response, returned
            return (returned,)

        (returned,) = self.wait_until(invoked)
        if returned.get("turned_away"):
            return self.wait_until(lambda: self._heartbeat_of_repeated_run(function, after=repeated))
        return returned

    def _heartbeat_of_repeated_run(self, function: str, *, after: int) -> Any:
        """Return the heartbeat of the run that was invoked again for the (`after` + 1)th time; None before it ends."""
        repeats = 0
        for line in self.lines(function):
            repeats += CALLED_AGAIN in line
            if repeats > after and '"heartbeat"' in line:
                return json.loads(line)["heartbeat"]
        return None

    def put(self, key: str, body: bytes) -> None:
        """Write an object to the data bucket."""
        self.aws.client("s3").put_object(Bucket=self.deployment.bucket, Key=key, Body=body)

    def table(self, prefix: str) -> Any:
        """Return the rows of a table that the collector wrote as Parquet objects."""
        listed = self.aws.client("s3").list_objects_v2(
            Bucket=self.deployment.bucket, Prefix=f"tables/{prefix}"
        )
        return [row for one in listed.get("Contents", []) for row in self._rows(one["Key"])]

    def _rows(self, key: str) -> list[dict[str, Any]]:
        body = self.aws.client("s3").get_object(Bucket=self.deployment.bucket, Key=key)["Body"].read()
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(body)).to_pylist()
        return rows

    def put_table(self, key: str, rows: Any) -> None:
        """Write a Parquet object of a table that the collector writes."""
        body = io.BytesIO()
        pq.write_table(rows, body)
        self.put(f"tables/{key}", body.getvalue())

    def dead_letters(self, function: str) -> list[str]:
        """Wait for messages in a function's dead-letter queue, and return them."""
        letters = self.wait_until(lambda: self._receive(self.deployment.dead_letters(function)))
        return [message["Body"] for message in letters]

    def received(self, queue: str) -> list[dict[str, Any]]:
        """Receive the messages of a queue; return each one's attributes and finding."""
        return [
            {
                "finding": json.loads(message["Body"]),
                **{name: one["StringValue"] for name, one in message["MessageAttributes"].items()},
            }
            for message in self._receive(queue)
        ]

    def _await_end(self) -> None:
        """Wait until all runs have ended and all notifications are published.

        Every manifest starts a refresh, which starts detect, which starts publish; a schedule also starts publish. A
        run that is turned away leaves its work to a run that is invoked when the current one has ended.
        """
        self.wait_until(lambda: self._is_over() and not self._pending())

    def _is_over(self) -> bool:
        """Return whether refresh and detect have ended as often as manifests, refreshes and later events need."""
        refreshed, detected = list(self.lines("refresh")), list(self.lines("detect"))
        refreshes = sum('"heartbeat"' in line for line in refreshed)
        return (
            _ended(refreshed) >= self.manifests + _called_again(refreshed)
            and refreshes > 0
            and _ended(detected) >= refreshes + _called_again(detected)
        )

    def await_notifications(self) -> None:
        """Wait until all delivery queues are empty."""
        self.wait_until(lambda: not any(self._depths()))

    def wait_until(self, holds: Callable[[], T]) -> T:
        """Return the first true value of `holds`; wait as long as anything in the deployment changes."""
        return wait_until(
            holds,
            progress=self._progress,
            failure=self._logs,
            stalled_seconds=self.stalled_seconds,
            pause_seconds=PAUSE_SECONDS,
        )

    def _progress(self) -> object:
        """Return the state that changes while functions work: statements, notifications, queues, Slack and Jira."""
        messages = sum(len(channel.messages) for channel in self.slack.workspace.channels.values())
        statements = [execution.state for execution in self.aws.athena.executions]
        return statements, self._pending(), self._depths(), messages, len(self.jira.issues)

    def _pending(self) -> int:
        return DynamoLedger(_table(self.aws.endpoint, self.deployment.ledger)).pending_count()

    def _depths(self) -> list[int]:
        kinds = ("slack", "jira", "record", "spending", *self.capped)
        return [self._depth(self.deployment.queue(kind)) for kind in kinds]

    def _depth(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.aws.client("sqs").get_queue_attributes(QueueUrl=self._url(queue), AttributeNames=names)[
            "Attributes"
        ]
        return sum(int(counts[name]) for name in names)

    def _url(self, queue: str) -> str:
        if queue not in self.urls:
            self.urls[queue] = self.aws.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
        return self.urls[queue]

    def publish(self, topic: str, message: str) -> None:
        """Publish a message to a topic as AWS does."""
        sns = self.aws.client("sns")
        (arn,) = [one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(topic)]
        sns.publish(TopicArn=arn, Message=message)

    def press(self, request: Signed) -> int:
        """Send Slack's request to the function's URL, and return the status of the response."""
        name = self.deployment.function("answer")
        url = self.aws.client("lambda").get_function_url_config(FunctionName=name)["FunctionUrl"]
        host = urlsplit(url).hostname
        http_request = urllib.request.Request(
            self.aws.endpoint, data=request.body.encode(), headers={**request.headers, "Host": str(host)}
        )
        try:
            with urllib.request.urlopen(http_request, timeout=patience(60)) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

    def opened(self, link: str) -> tuple[int, str]:
        """Open a link; return the status, and the address that it redirects to, or an empty string."""
        parts = urlsplit(link)
        connection = http.client.HTTPConnection(str(urlsplit(self.aws.endpoint).netloc), timeout=patience(60))
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Host": str(parts.hostname)})
        response = connection.getresponse()
        return response.status, response.getheader("Location") or ""

    def lines(self, function: str) -> Iterator[str]:
        """Yield the log lines of a function."""
        group = f"/aws/lambda/{self.deployment.function(function)}"
        for page in self.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
            yield from (event["message"] for event in page["events"])

    def _logs(self) -> str:
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
        return "\n".join(["the functions did not finish their work", *lines])

    def _receive(self, name: str) -> list[dict[str, Any]]:
        sqs, url, received = self.aws.client("sqs"), self._url(name), []
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        ).get("Messages"):
            received += messages
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return received


@functools.cache
def _table(endpoint: str, name: str) -> Any:
    """Return a DynamoDB table; it is cached, because loading the service's model takes longer than reading a table."""
    session = boto3.Session(ACCOUNT, "x", region_name=REGION)
    return session.resource("dynamodb", endpoint_url=endpoint).Table(name)


def _ended(lines: list[str]) -> int:
    return sum(line.startswith("REPORT ") for line in lines)


def _called_again(lines: list[str]) -> int:
    return sum(CALLED_AGAIN in line for line in lines)


@contextmanager
def deploying(folder: Path, *, owners: Path) -> Iterator[Deployed]:
    """Deploy the repository with these owners, a Slack and a Jira, and stop all of it after the block."""
    jira = LocalJira()
    with (
        local_slack() as slack,
        serving(jira),
        local_aws(folder / "aws") as aws,
        ThreadPoolExecutor() as executor,
    ):
        organization = organization_with_closed_account(aws)
        repository = copy_of_repository(folder / "repository", owners=owners, organization=organization)
        set_up_slack_and_jira(Owners.load(owners), slack=slack, jira=jira, aws=aws)
        bootstrap = executor.submit(aws.bootstrap, cwd=folder)
        command = f"{sys.executable} app.py"
        aws.cdk("synth", "--quiet", "--app", command, "--output", str(folder / "synthesized"), cwd=repository)
        bootstrap.result()
        left_out = deployable(folder / "synthesized", folder / "assembly")
        aws.deploy(folder / "assembly")
        for queue, topic, filter_policy in QUEUES:
            subscribe(aws, queue, topic=topic, filter_policy=filter_policy)
        config = repository / "config" / "deployment.toml"
        capped = ("controls",) if capped_roles(Owners.load(owners)) else ()
        yield Deployed(aws, Deployment.load(config), left_out, slack, jira, config=config, capped=capped)


def set_up_slack_and_jira(owners: Owners, *, slack: LocalSlack, jira: LocalJira, aws: LocalAws) -> None:
    """Create each team's channel with one member, its Jira project, and the secrets with the credentials."""
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


def organization_with_closed_account(aws: LocalAws) -> str:
    """Add an account without the member role to the payer's organization; return the organization's id."""
    organizations = aws.client("organizations")
    id = organizations.describe_organization()["Organization"]["Id"]
    organizations.create_account(AccountName=CLOSED, Email="closed@example.com")
    return str(id)


def copy_of_repository(folder: Path, *, owners: Path, organization: str) -> Path:
    """Copy the repository, and edit its config as an operator does."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    (ROOT / "build").mkdir(exist_ok=True)
    (folder / "build").symlink_to(ROOT / "build")  # so that the layer is built only once
    config = folder / "config" / "deployment.toml"
    text = config.read_text().replace("123456789012", ACCOUNT).replace("o-a1b2c3d4e5", organization)
    if capped_roles(Owners.load(owners)):
        text = re.sub(r"(\n\[controls\].*\n)enabled = false", r"\1enabled = true", text)
        text = text.replace("dry_run = true ", "dry_run = false ")
    text = text.replace("r-ab12", "r-root").replace("change-me-to-something-long", "f2b8c1d04e7a")
    text = text.replace('monitor_arn = ""', f'monitor_arn = "arn:aws:ce::{ACCOUNT}:anomalymonitor/6f2c0a91"')
    text = text.replace('  # { name = "azure"', '  { name = "azure"')
    for name in ("slack", "jira"):
        text = text.replace(f'{name} = ""', f'{name} = "focuswatch/{name}"')
    config.write_text(text)
    shutil.copy(owners, folder / "config" / "owners.toml")
    return folder


def subscribe(aws: LocalAws, queue: str, *, topic: str, filter_policy: dict[str, list[str]]) -> None:
    """Create a queue that is subscribed to a topic with a filter policy, and whose policy lets the topic write."""
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
    attributes = {"RawMessageDelivery": "true"}
    if filter_policy:
        attributes["FilterPolicy"] = json.dumps(filter_policy)
    sns.subscribe(TopicArn=source, Protocol="sqs", Endpoint=arn, Attributes=attributes)
