"""The interface of the data that tools read: a local scan or a deployment. The command line implements it."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from focuswatch.bill.bill_protocol import Bill
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import DetectionSummary
from focuswatch.detect.detection_result_cache import ResultCache
from focuswatch.ledger import Ledger
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class SourceBill:
    """An open bill with its owners; `export` names the bill in errors."""

    bill: Bill
    owners: Owners
    export: str
    result_cache: ResultCache | None = None


@dataclass(frozen=True)
class Evaluation:
    """The counts of the last run of each detection.

    `cause` states why resources were not evaluated; `not_collected` has the reason for each account whose resource
    activity was not collected.
    """

    detections: tuple[DetectionSummary, ...]
    cause: str
    not_collected: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A ledger and a bill, opened for each call, so that a call sees the newest scan."""

    @property
    def is_deployed(self) -> bool:
        """Whether it is a deployment, in which the Lambda function `page` writes the table `known_findings`."""
        ...

    def ledger(self) -> AbstractContextManager[Ledger]:
        """Open the ledger. Raises ConfigError or LedgerError."""
        ...

    def bill(self) -> AbstractContextManager[SourceBill]:
        """Open the bill. Raises ConfigError, ExportError or QueryError."""
        ...

    def last_run(self) -> Evaluation | None:
        """Return what the last run of each detection evaluated; None if this must be computed from the bill."""
        ...
