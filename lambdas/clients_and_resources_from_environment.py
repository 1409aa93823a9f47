"""The AWS clients and the deployed resources of a Lambda function, created from its environment variables."""

import json
import os
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from focuswatch.bill.refresh.store_other_bills_state_and_export_accounts import DeployedBill, OtherBillsState
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.publish_pending_to_sns import Topics
from focuswatch.notify.put_finding_on_eventbridge import FindingEvents
from focuswatch.notify.retry_or_dead_letter_batch import Queue
from focuswatch.owners.owners_file import Owners

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

OWNERS = Path(__file__).resolve().parent.parent / "config" / "owners.toml"
SECRET_SECONDS = 300
# Retry throttled calls with increasing delays, for at most ten attempts:
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})

ONCE = Config(retries={"total_max_attempts": 1})  # for requests that boto3 must not repeat


@dataclass(frozen=True)
class Environment:
    """The clients and resources of the function `name` in one invocation, which `id` identifies."""

    name: str
    id: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}")

    @cached_property
    def session(self) -> boto3.Session:
        """Credentials and region of the function."""
        return boto3.Session()

    @cached_property
    def table(self) -> "Table":
        """The ledger's table."""
        return self.session.resource("dynamodb", config=PATIENT).Table(os.environ["FOCUSWATCH_LEDGER"])

    @cached_property
    def ledger(self) -> DynamoLedger:
        """The ledger."""
        return DynamoLedger(self.table)

    @cached_property
    def owners(self) -> Owners:
        """config/owners.toml as it was deployed."""
        return Owners.load(OWNERS if OWNERS.exists() else None)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog as it was deployed."""
        return Catalog.load()

    @cached_property
    def bucket(self) -> str:
        """The data bucket."""
        return os.environ["FOCUSWATCH_BUCKET"]

    @staticmethod
    def clock() -> float:
        """Return seconds since 1970."""
        return time.time()

    def secret(self, channel: str) -> str:
        """Return the secret of a channel such as `slack` or `jira`, cached for five minutes."""
        return self.named_secret(os.environ[f"FOCUSWATCH_{channel.upper()}_SECRET"])

    @staticmethod
    def named_secret(name: str) -> str:
        """Return the secret with this name, cached for five minutes."""
        from aws_lambda_powertools.utilities import parameters

        return str(parameters.get_secret(name, max_age=SECRET_SECONDS))

    def queue(self) -> Queue:
        """Return the queue that feeds this function."""
        sqs = self.session.client("sqs", config=PATIENT)
        return Queue(sqs, os.environ["FOCUSWATCH_QUEUE"], os.environ["FOCUSWATCH_DEAD_LETTERS"])

    def finding_events(self) -> FindingEvents | None:
        """Return the sender of events about findings to EventBridge; None if such events are not configured."""
        source = os.environ.get("FOCUSWATCH_FINDING_EVENTS")
        return FindingEvents(self.session.client("events", config=PATIENT), source) if source else None

    @cached_property
    def engine(self) -> AthenaEngine:
        """The Athena engine for the deployment's tables."""
        return AthenaEngine(
            session=self.session,
            database=os.environ["FOCUSWATCH_DATABASE"],
            workgroup=os.environ["FOCUSWATCH_WORKGROUP"],
            results=f"s3://{self.bucket}/athena-results/",
            run_id=self.id,
        )

    @cached_property
    def tables(self) -> AthenaTables:
        """The deployment's tables in Glue and S3."""
        s3 = self.session.client("s3", config=PATIENT)
        glue = self.session.client("glue", config=PATIENT)
        return AthenaTables(self.engine, glue, AthenaTableFiles(s3, self.bucket, self.id), self.catalog)

    @property
    def other_bills(self) -> tuple[DeployedBill, ...]:
        """The configured bills of other providers."""
        return tuple(DeployedBill(**one) for one in json.loads(os.environ.get("FOCUSWATCH_BILLS", "[]")))

    @property
    def other_bills_state(self) -> OtherBillsState:
        """The stored state of the bills of other providers."""
        return OtherBillsState(self.session.client("s3", config=PATIENT), self.bucket)

    @property
    def scanned_bytes(self) -> int:
        """The bytes that Athena has scanned in this run."""
        return sum(statement.scanned_bytes for statement in self.engine.executed)

    def topics(self) -> Topics:
        """Return the SNS topics for notifications."""
        arns = json.loads(os.environ["FOCUSWATCH_DETECTION_TOPICS"])
        by_detection = {id: arns[topic] for id, topic in self.catalog.topics.items()}
        return Topics(os.environ["FOCUSWATCH_FINDINGS_TOPIC"], by_detection)
