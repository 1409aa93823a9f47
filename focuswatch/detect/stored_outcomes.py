"""The outcome of each detection's last run in a deployment, stored for the page, which would otherwise run them again.

On a laptop `focuswatch.detect.result_cache` does this. Findings are in the ledger, not here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.run_detection import Outcome

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "page/outcomes.json"


@dataclass(frozen=True)
class StoredOutcomes:
    """One object of a bucket, which one function writes and another reads."""

    s3: "S3Client"
    bucket: str

    def save(self, outcomes: Iterable[Outcome]) -> None:
        """Keep what a run's detections came to; of those that it did not ask, what was known stays."""
        known = self._read() | {one.detection.id: _kept(one) for one in outcomes}
        self.s3.put_object(Bucket=self.bucket, Key=KEY, Body=json.dumps(known).encode())

    def load(self, catalog: Catalog) -> tuple[Outcome, ...]:
        """Return the last outcome of each live detection: its error, or the cost of what it could not evaluate."""
        known = self._read()
        return tuple(
            Outcome(
                one,
                not_evaluated=tuple({"monthly_cost": cost} for cost in known[one.id]["not_looked_at"]),
                error=known[one.id]["error"],
            )
            for one in catalog.live
            if one.id in known
        )

    def _read(self) -> dict[str, Any]:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=KEY)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return {}
        known: dict[str, Any] = json.loads(body)
        return known


def _kept(outcome: Outcome) -> dict[str, Any]:
    costs = [row.get("monthly_cost") for row in outcome.not_evaluated]
    return {"error": outcome.error, "not_looked_at": costs}
