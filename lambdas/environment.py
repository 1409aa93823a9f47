"""What a Lambda finds in its environment: names of its deployment, clients, a run id."""

import os
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from focuswatch.catalog import Catalog
from focuswatch.engine.athena import AthenaEngine
from focuswatch.heartbeat import Heartbeat, record
from focuswatch.ledger.dynamodb import DynamoLedger
from focuswatch.owners import Owners
from focuswatch.publish import Topics
from focuswatch.warehouse.files import Files
from focuswatch.warehouse.refresh import Warehouse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

OWNERS = Path(__file__).resolve().parent.parent / "config" / "owners.toml"
# Throttled calls are tried again with a wait that grows, as often as a run can bear:
# https://docs.aws.amazon.com/boto3/latest/guide/retries.html
PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 10})


@dataclass(frozen=True)
class Run:
    """One invocation of the function `name`."""

    name: str
    id: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}")
    started: float = field(default_factory=time.monotonic)

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

    def engine(self) -> AthenaEngine:
        """Athena over the deployment's tables."""
        return AthenaEngine(
            session=self.session,
            database=os.environ["FOCUSWATCH_DATABASE"],
            workgroup=os.environ["FOCUSWATCH_WORKGROUP"],
            results=f"s3://{self.bucket}/athena-results/",
            run_id=self.id,
        )

    def warehouse(self, engine: AthenaEngine) -> Warehouse:
        """The tables."""
        s3 = self.session.client("s3", config=PATIENT)
        glue = self.session.client("glue", config=PATIENT)
        return Warehouse(engine, glue, Files(s3, self.bucket, self.id), self.catalog)

    def topics(self) -> Topics:
        """Where news goes."""
        return Topics(os.environ["FOCUSWATCH_FINDINGS_TOPIC"], os.environ["FOCUSWATCH_NEW_REGION_TOPIC"])

    def announce(self, what: str, detail: str) -> None:
        """Put an event on the bus, for whatever comes next. Raises where the bus does not take it."""
        put = self.session.client("events", config=PATIENT).put_events(
            Entries=[{"Source": "focuswatch", "DetailType": what, "Detail": detail}]
        )
        if put["FailedEntryCount"]:
            raise RuntimeError(f"EventBridge did not take the event {what}: {put['Entries']}")

    def beat(self, **told: Any) -> Heartbeat:
        """Record and return the heartbeat of this run."""
        heartbeat = Heartbeat(
            function=self.name,
            run_id=self.id,
            ended_at=datetime.now(UTC),
            seconds=round(time.monotonic() - self.started, 3),
            **told,
        )
        record(self.table, heartbeat)
        return heartbeat
