"""The HTTPS endpoint for Slack buttons, links to the report page in digests, and response links in Teams messages.

The function verifies the signature, responds immediately and queues the response for `record` or `controls`. It imports
little, because Slack waits only three seconds, including a cold start.
"""

import json
import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from focuswatch.notify.slack.verify_and_parse_slack_interactions import (
    SPENDING_ACTIONS,
    ResponseDialog,
    UserResponse,
    is_signed_by_slack,
    parse_interaction,
)
from focuswatch.notify.teams.response_form_page import (
    HEADERS,
    read_form,
    render_done,
    render_form,
    render_refusal,
)
from focuswatch.notify.teams.signed_action_link import PATH as ACTION_PATH
from focuswatch.notify.teams.signed_action_link import SignedAction
from lambdas.public_url_request_body_secrets_and_aws_clients import client, request_body, secret_text

# Less than the three seconds for which Slack accepts a trigger ID: https://docs.slack.dev/interactivity/handling-user-interaction
DIALOG_SECONDS = 2
NOT_OPENED = "This link has expired or is incomplete. Open the link in the latest weekly digest.\n"
# Presign URLs for the regional endpoint: the global endpoint redirects to it, where its signature is not valid.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html#VirtualHostingBackwardsCompatibility
SIGNED_HERE = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
logger = Logger()


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return 200 if accepted, 401 if not from Slack, 400 if invalid; for a link, return a page or a redirect."""
    if event.get("rawPath") == ACTION_PATH:
        return _action(event)
    if event.get("requestContext", {}).get("http", {}).get("method") == "GET":
        return _page(event.get("queryStringParameters") or {})
    body, secret = _body(event), _secret("slack", now=time.time())
    signing = secret.get("signing_secret", "") if "token" in secret else ""  # no buttons without a bot
    if not signing or not is_signed_by_slack(
        body, event.get("headers", {}), signing_secret=signing, now=time.time()
    ):
        logger.warning("signature invalid or expired")
        return {"statusCode": 401}
    try:
        response = parse_interaction(body)
    except ValueError as error:
        logger.warning("invalid request", extra={"reason": str(error)})
        return {"statusCode": 400}
    match response:
        case ResponseDialog():
            _open_dialog(response, secret=secret)
        case UserResponse():
            queue = "FOCUSWATCH_PRESSES" if response.action in SPENDING_ACTIONS else "FOCUSWATCH_ANSWERS"
            client("sqs").send_message(QueueUrl=os.environ[queue], MessageBody=response.to_json())
    return {"statusCode": 200}


def _body(event: dict[str, Any]) -> str:
    return request_body(event).decode("utf-8", errors="replace")


def _action(event: dict[str, Any]) -> dict[str, Any]:
    """Return the page of a signed link. Only a POST of its form queues the action, because link scanners send GETs."""
    now = time.time()
    secret = _secret("teams", now=now).get("signing_secret", "")
    query = event.get("queryStringParameters") or {}
    action = SignedAction.verify(query, secret=secret, now=now) if secret else None
    if action is None:
        return {"statusCode": 403, "headers": HEADERS, "body": render_refusal()}
    method = event.get("requestContext", {}).get("http", {}).get("method")
    if method != "POST":
        return {"statusCode": 200, "headers": HEADERS, "body": render_form(action)}
    response = read_form(action, _body(event))
    if isinstance(response, str):
        return {"statusCode": 400, "headers": HEADERS, "body": render_form(action, error=response)}
    client("sqs").send_message(QueueUrl=os.environ["FOCUSWATCH_ANSWERS"], MessageBody=response.to_json())
    return {"statusCode": 200, "headers": HEADERS, "body": render_done(action, response)}


def _page(query: dict[str, str]) -> dict[str, Any]:
    """Return a redirect to a presigned URL of the report page; 403 if the link is invalid or expired."""
    from focuswatch.reports.page.sign_and_verify_page_link import KEY, OPEN_SECONDS, is_valid_link

    now = time.time()
    signing = _secret("slack", now=now).get("signing_secret", "")
    if not signing or not is_valid_link(query, secret=signing, now=now):
        return {"statusCode": 403, "headers": {"Content-Type": "text/plain"}, "body": NOT_OPENED}
    s3 = boto3.client("s3", config=SIGNED_HERE)
    page = {"Bucket": os.environ["FOCUSWATCH_BUCKET"], "Key": KEY}
    address = s3.generate_presigned_url("get_object", Params=page, ExpiresIn=OPEN_SECONDS)
    headers = {"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return {"statusCode": 302, "headers": headers}


def _open_dialog(question: ResponseDialog, *, secret: dict[str, str]) -> None:
    """Open the Slack dialog that asks for a reason."""
    from slack_sdk import WebClient

    from focuswatch.notify.slack.parse_slack_secret import API
    from focuswatch.notify.slack.render_mute_reason_dialog import render_not_waste_dialog

    view = render_not_waste_dialog(
        question.fingerprint,
        title=question.title,
        channel=question.channel,
        ts=question.ts,
        response_url=question.response_url,
    )
    api = secret.get("api", API)
    WebClient(secret["token"], base_url=api, timeout=DIALOG_SECONDS, retry_handlers=[]).views_open(
        trigger_id=question.trigger_id, view=view
    )


def _secret(channel: str, *, now: float) -> dict[str, str]:
    """Return the secret of a channel; empty if it is not configured."""
    name = os.environ.get(f"FOCUSWATCH_{channel.upper()}_SECRET")
    secret: dict[str, str] = json.loads(secret_text(name, now=now)) if name else {}
    return secret
