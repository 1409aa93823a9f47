"""Parse the record of a CloudTrail event from the event history, unless the call failed."""

import json
from collections.abc import Mapping
from typing import Any


def record_of_successful_call(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record of an event; empty if it is not valid JSON, None if the call failed and changed nothing.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    try:
        record = json.loads(event.get("CloudTrailEvent") or "{}")
    except (ValueError, RecursionError):  # the caller of the API controls parts of the record
        return {}
    return record if isinstance(record, dict) and not record.get("errorCode") else None
