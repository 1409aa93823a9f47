"""Write security findings as OCSF JSON lines to S3, one file for each notification.

The key of a file depends only on its notification, so a retry overwrites the file with the same content.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.security.ocsf_finding import ocsf_finding

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER = "ocsf"
RETRY_SECONDS = 30.0
PLAIN = re.compile(r"[a-z0-9-]{1,64}")
REFUSED = {"AccessDenied", "NoSuchBucket", "AllAccessDisabled"}


@dataclass(frozen=True)
class OcsfFiles:
    """Writes OCSF records to the data bucket, partitioned as in Security Lake."""

    s3: "S3Client"
    bucket: str
    catalog: Catalog

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Write the record of a security finding. Return a log line; None for other categories.

        Raises TryLater or Refused.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        if delivery.finding.category != "security":
            return None
        key = ocsf_key(delivery)
        types = self.catalog.security_types(delivery.finding.detection)
        record = ocsf_finding(delivery, types=types)
        line = json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"
        try:
            self.s3.put_object(
                Bucket=self.bucket, Key=key, Body=line.encode("ascii"), ContentType="application/x-ndjson"
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in REFUSED:
                raise Refused(
                    f"S3 returned {code} for {key}. The data bucket does not exist, or the function is not "
                    "allowed to write to the bucket. Run `npx cdk deploy --all --revert-drift`, then redrive the dead "
                    "letters."
                ) from error
            raise TryLater(f"S3 returned {code} for {key}", seconds=RETRY_SECONDS) from error
        except BotoCoreError as error:
            raise TryLater(f"S3 did not respond: {type(error).__name__}", seconds=RETRY_SECONDS) from error
        return f"{delivery.notification_id}: {delivery.kind}, written to {key}"

    def flush(self) -> Mapping[str, Exception]:
        """Return no errors: `deliver` has written each record."""
        return {}


def ocsf_key(delivery: QueuedNotification) -> str:
    """Return the S3 key of a notification, partitioned as Security Lake requires.

    https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html
    """
    finding = delivery.finding
    region, account = _plain(finding.region_id, "global"), _plain(finding.sub_account_id, "unknown")
    day = f"{finding.as_of:%Y%m%d}"
    return f"{FOLDER}/region={region}/accountId={account}/eventDay={day}/{delivery.notification_id}.jsonl"


def _plain(name: str | None, otherwise: str) -> str:
    """Return a name from the bill if an S3 key can contain it, and otherwise `otherwise`."""
    return name if name and PLAIN.fullmatch(name) else otherwise
