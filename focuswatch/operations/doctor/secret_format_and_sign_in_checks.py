"""Checks of the secrets of channels. The value of a secret is sent only to its own channel, and never printed."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from urllib.request import Request

from pydantic import ValidationError

from focuswatch.notify.jira.parse_jira_secret import SHAPE as JIRA_SHAPE
from focuswatch.notify.jira.parse_jira_secret import JiraSecret
from focuswatch.notify.pagerduty.parse_pagerduty_secret import SHAPE as PAGERDUTY_SHAPE
from focuswatch.notify.pagerduty.parse_pagerduty_secret import PagerDutySecret
from focuswatch.notify.slack.parse_slack_secret import SHAPE as SLACK_SHAPE
from focuswatch.notify.slack.parse_slack_secret import SlackSecret
from focuswatch.notify.teams.parse_teams_secret import SHAPE as TEAMS_SHAPE
from focuswatch.notify.teams.parse_teams_secret import TeamsSecret
from focuswatch.notify.webhook.signing_secrets import SHAPE as WEBHOOK_SHAPE
from focuswatch.notify.webhook.signing_secrets import WebhookSecrets
from focuswatch.operations.doctor.check_result_and_context import Check, DoctorContext, failed, noted, ok

SLACK_TEST = "auth.test"  # https://docs.slack.dev/reference/methods/auth.test
# Available in Jira Cloud and Jira Data Center: https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-myself/
JIRA_MYSELF = "/rest/api/2/myself"
SHAPES = {
    "slack": SLACK_SHAPE,
    "jira": JIRA_SHAPE,
    "teams": TEAMS_SHAPE,
    "pagerduty": PAGERDUTY_SHAPE,
    "webhook": WEBHOOK_SHAPE,
    "events": '{"NAME OF THE CI": "whsec_…"}',
}
# Why only the format of a secret is checked: its channel has no request that tests the secret without side effects.
UNCHECKED = {
    "slack": "webhooks only; a webhook cannot be checked without posting a message",
    "teams": "a webhook cannot be checked without posting a message",
    "pagerduty": "a routing key cannot be checked without sending an event",
    "webhook": "an endpoint cannot be checked without sending an event",
    "events": "the endpoint is checked when the first event is posted",
}


Checkable = tuple[str, Request | None]  # the names in a secret, and the request that tests the secret


def check_secrets(context: DoctorContext) -> Iterator[Check]:
    """Check that each configured secret can be read, has the expected JSON, and holds a valid token."""
    for kind, name in context.deployment.secrets.model_dump().items():
        if not name:
            yield noted(kind, "not configured")
            continue
        value = context.client("secretsmanager").get_secret_value(SecretId=name).get("SecretString", "")
        fix = (
            f"Store {SHAPES[kind]} with valid values in the secret: "
            f"`aws secretsmanager put-secret-value --secret-id {name} --secret-string file://secret.json`."
        )
        try:
            found, request = READERS[kind](value)
        except ValidationError:
            yield failed(kind, f"the secret {name} does not have the format {SHAPES[kind]}", fix=fix)
            continue
        if request is None:
            yield noted(kind, f"{found}; {UNCHECKED[kind]}" if found else UNCHECKED[kind])
            continue
        is_valid, found = _sign_in(context, request)
        yield ok(kind, found) if is_valid else failed(kind, found, fix=fix)


def _slack_request(secret: str) -> Checkable:
    """Return the request that tests the bot token; None if the secret has webhooks only."""
    slack = SlackSecret.model_validate_json(secret)
    if slack.token is None:
        return "", None
    headers = {"Authorization": f"Bearer {slack.token}"}
    return "", Request(slack.api + SLACK_TEST, method="POST", headers=headers)


def _teams_names(secret: str) -> Checkable:
    return f"webhooks: {', '.join(TeamsSecret.model_validate_json(secret).webhooks)}", None


def _pagerduty_names(secret: str) -> Checkable:
    return f"routing keys: {', '.join(PagerDutySecret.model_validate_json(secret).routing_keys)}", None


def _webhook_names(secret: str) -> Checkable:
    return f"signing secrets: {', '.join(WebhookSecrets.model_validate_json(secret).root)}", None


def _jira_request(secret: str) -> Checkable:
    jira = JiraSecret.model_validate_json(secret)
    basic = b64encode(f"{jira.email}:{jira.token}".encode()).decode()
    scheme = f"Basic {basic}" if jira.email else f"Bearer {jira.token}"
    return "", Request(jira.url.rstrip("/") + JIRA_MYSELF, headers={"Authorization": scheme})


READERS: dict[str, Callable[[str], Checkable]] = {
    "slack": _slack_request,
    "jira": _jira_request,
    "teams": _teams_names,
    "pagerduty": _pagerduty_names,
    "webhook": _webhook_names,
    "events": _webhook_names,
}


def _sign_in(context: DoctorContext, request: Request) -> tuple[bool, str]:
    """Return whether the token is valid, and a sentence that says so.

    Slack responds to an invalid token with status 200 and `ok: false`.
    """
    try:
        status, body = context.http_get(request)
        response = json.loads(body)
    except (OSError, ValueError) as error:
        return False, f"no readable response from {request.host}: {type(error).__name__}"
    if status != 200 or response.get("ok") is False:
        return False, f"{request.host} rejected the token: {response.get('error', status)}"
    return (
        True,
        f"signed in to {request.host} as {response.get('team') or response.get('displayName') or 'a user'}",
    )
