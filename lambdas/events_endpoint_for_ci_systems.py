"""The HTTPS endpoint to which CI systems post operational events. It verifies the signature and stores the events.

Because its URL is public, the function may only read one secret and write to one prefix of the bucket.
"""

import json
import os
import time
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from focuswatch.collect.parse_ci_event_files import UnreadableFileError
from focuswatch.collect.validate_posted_ci_events import MOST_POSTED_BYTES, posted_key, posted_lines
from focuswatch.errors import Refused
from focuswatch.notify.webhook.sign_and_verify_requests import is_signed
from focuswatch.notify.webhook.signing_secrets import WebhookSecrets
from lambdas.public_url_request_body_secrets_and_aws_clients import client, request_body, secret_text

logger = Logger()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 200 if the events are stored, 401 without a valid signature, or 413 or 400 with a hint what to change."""
    now = time.time()
    body = request_body(event)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if len(body) > MOST_POSTED_BYTES:
        return _response(413, f"expected at most {MOST_POSTED_BYTES:,} bytes; send fewer events")
    if not is_signed(body, headers, secrets=_secrets(now), now=now):
        logger.warning("signature invalid or expired")
        return _response(401, "the signature is invalid or older than five minutes")
    try:
        lines = posted_lines(body)
    except UnreadableFileError as error:
        return _response(400, str(error))
    key = posted_key(headers["webhook-id"], day=datetime.fromtimestamp(now, UTC).date())
    client("s3").put_object(Bucket=os.environ["FOCUSWATCH_BUCKET"], Key=key, Body=lines)
    count = len(lines.splitlines())
    logger.info("stored", extra={"key": key, "events": count})
    return _response(200, f"stored {count} event{'' if count == 1 else 's'}")


def _response(status: int, message: str) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps({"message": message})}


def _secrets(now: float) -> tuple[str, ...]:
    """Return the signing secrets of all senders."""
    try:
        return WebhookSecrets.read(secret_text(os.environ["FOCUSWATCH_EVENTS_SECRET"], now=now)).all
    except Refused as error:
        logger.error("the secret cannot be read", extra={"reason": str(error)})
        return ()
