"""The record of a CloudTrail event, as the event history returns it."""

import json
from collections.abc import Mapping
from typing import Any


def accepted_record(event: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record of an event, empty if it cannot be parsed; None if the call was denied and changed nothing.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    try:
        record = json.loads(event.get("CloudTrailEvent") or "{}")
    except (ValueError, RecursionError):  # the caller of an API controls its content
        return {}
    return record if isinstance(record, dict) and not record.get("errorCode") else None
