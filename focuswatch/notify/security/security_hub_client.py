"""Import findings into AWS Security Hub, in batches.

Safe to repeat: Security Hub recognizes a finding by its id.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.errors import DeliveryError, Refused, TryLater

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_securityhub import SecurityHubClient

Asff = Mapping[str, Any]
# https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-batchimportfindings.html
MOST_FINDINGS, MOST_BYTES = 100, 5_000_000  # AWS allows 100 findings and 6 MB per request
RETRY_SECONDS = 30.0
NOT_ENABLED = {"InvalidAccessException", "AccessDeniedException"}
ENABLE = "Enable Security Hub in the pipeline's account and Region, then redrive the dead letters."
REPORT_ERROR = (
    "Open an issue in the focuswatch repository with this error and the message from the dead-letter queue."
)


@dataclass(frozen=True)
class SecurityHub:
    """Imports findings into the Security Hub of one account and Region."""

    client: "SecurityHubClient"

    def put(self, findings: Sequence[Asff]) -> dict[str, DeliveryError]:
        """Create or update findings, whose ids must be unique. Return the errors by finding id."""
        failed: dict[str, DeliveryError] = {}
        for batch in _batches(findings):
            failed.update(self._put_batch(batch))
        return failed

    def _put_batch(self, batch: Sequence[Asff]) -> dict[str, DeliveryError]:
        from botocore.exceptions import BotoCoreError, ClientError

        request: Any = batch
        try:
            response = self.client.batch_import_findings(Findings=request)
        except ClientError as error:
            return {one["Id"]: _translated(error) for one in batch}
        except BotoCoreError as error:
            later = TryLater(f"Security Hub did not respond: {type(error).__name__}", seconds=RETRY_SECONDS)
            return {one["Id"]: later for one in batch}
        return {
            one["Id"]: _failure(one["ErrorCode"], one["ErrorMessage"])
            for one in response.get("FailedFindings", ())
        }


def _batches(
    findings: Sequence[Asff],
) -> Iterator[list[Asff]]:
    batch: list[Asff] = []
    room = MOST_BYTES
    for finding in findings:
        size = len(json.dumps(finding))
        if batch and (len(batch) == MOST_FINDINGS or size > room):
            yield batch
            batch, room = [], MOST_BYTES
        batch.append(finding)
        room -= size
    if batch:
        yield batch


def _translated(error: "ClientError") -> DeliveryError:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 500)
    reason = f"Security Hub returned {code}: {message}"
    if code in NOT_ENABLED:
        return Refused(f"{reason}. {ENABLE}")
    if code == "InvalidInputException":
        return Refused(f"{reason}. {REPORT_ERROR}")
    if status >= 500 or status == 429 or "Limit" in code or "Throttl" in code or "TooMany" in code:
        return TryLater(reason, seconds=RETRY_SECONDS)
    return Refused(f"{reason}. See docs/security-hub.md.")


def _failure(code: str, message: str) -> DeliveryError:
    reason = f"Security Hub did not import the finding: {code}: {message}"
    if code.startswith("InvalidInput"):
        return Refused(f"{reason}. {REPORT_ERROR}")
    if code.startswith("InvalidAccess"):
        return Refused(f"{reason}. {ENABLE}")
    return TryLater(reason, seconds=RETRY_SECONDS)
