"""Summarize the runs of detections: findings, resources not evaluated and their cost, and the error.

Detections whose result is not cached are run. The heartbeat of `detect` stores these counts for each detection, so
that the page does not run the detections again. It stores no rows, because a heartbeat is one DynamoDB item (at most
400 KB).
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.detection_placeholder_values import detection_inputs
from focuswatch.detect.detection_result_cache import ResultCache
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.detect.run_detections_with_cache import detection_runner
from focuswatch.engines import Engine
from focuswatch.findings.decimal_money_type_and_rounding import to_cents
from focuswatch.owners.owners_file import Owners

ERROR_CHARACTERS = 500


class DetectionSummary(BaseModel):
    """The counts of a detection's last run; `lacks_input` states why nothing could be evaluated.

    If `services_not_on_bill` is not empty, the detection did not run, because the bill has no charges for these
    services.
    """

    model_config = ConfigDict(frozen=True)
    detection: str
    # Heartbeats that an earlier version stored have the key `rows`.
    findings: int = Field(default=0, validation_alias=AliasChoices("findings", "rows"))
    not_evaluated: int = 0
    not_evaluated_monthly_cost: Decimal = Decimal(0)
    error: str | None = None
    lacks_input: str | None = None
    services_not_on_bill: tuple[str, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Return the counts of `outcome`; its error is cut to 500 characters."""
        if outcome.lacks_input:
            return cls(detection=outcome.detection.id, lacks_input=outcome.lacks_input[:ERROR_CHARACTERS])
        return cls(
            detection=outcome.detection.id,
            findings=len(outcome.rows),
            not_evaluated=len(outcome.not_evaluated),
            not_evaluated_monthly_cost=to_cents(outcome.not_evaluated_monthly_cost),
            error=outcome.error[:ERROR_CHARACTERS] if outcome.error else None,
            services_not_on_bill=outcome.services_not_on_bill,
        )


def summarize_detections(
    engine: Engine,
    *,
    as_of: date,
    catalog: Catalog,
    owners: Owners,
    result_cache: ResultCache | None,
    evaluated_until: Mapping[str, date],
    per_usd: float,
    aws_engine: Engine | None = None,
) -> tuple[DetectionSummary, ...]:
    """Return the counts of each live detection; a detection runs only if the cache lacks its result.

    `aws_engine` is the engine over AWS charges only, if the bill also has other charges.
    """
    inputs = detection_inputs(
        catalog.enabled, as_of=as_of, evaluated_until=evaluated_until, owners=owners, per_usd=per_usd
    )
    outcome_of = detection_runner(
        catalog.enabled,
        inputs,
        engine=engine,
        aws_engine=aws_engine,
        catalog=catalog,
        result_cache=result_cache,
    )
    return tuple(DetectionSummary.of(outcome_of(detection)) for detection in catalog.enabled)
