"""Do the secrets of Slack and Jira work? Their values are used here and never shown."""

import json
from base64 import b64encode
from collections.abc import Iterator
from urllib.request import Request

from pydantic import ValidationError

from focuswatch.notify.jira.client import JiraSecret
from focuswatch.notify.slack.client import SHAPE as SLACK_SHAPE
from focuswatch.notify.slack.client import SlackSecret
from focuswatch.operations.doctor.doctor_check import Check, DoctorContext, failed, noted, ok

SLACK_TEST = "auth.test"  # https://docs.slack.dev/reference/methods/auth.test
# Cloud and Data Center have it: https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-myself/
JIRA_MYSELF = "/rest/api/2/myself"
SHAPES = {
    "slack": SLACK_SHAPE,
    "jira": '{"url": "https://…", "email": "…", "token": "…"}, without email on Data Center',
}


def usable(patient: DoctorContext) -> Iterator[Check]:
    """Each configured secret can be read, is shaped as it should be, and lets us in."""
    names = {"slack": patient.deployment.secrets.slack, "jira": patient.deployment.secrets.jira}
    for kind, name in names.items():
        if not name:
            yield noted(kind, "not configured")
            continue
        value = patient.client("secretsmanager").get_secret_value(SecretId=name).get("SecretString", "")
        mend = (
            f"Put {SHAPES[kind]} with a valid token into it: "
            f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file://secret.json."
        )
        request = _request(kind, value)
        if request is None:
            yield failed(kind, f"the secret {name} is not {SHAPES[kind]}", mend=mend)
            continue
        said = _ask(patient, request)
        yield ok(kind, said[1]) if said[0] else failed(kind, said[1], mend=mend)


def _request(kind: str, value: str) -> Request | None:
    try:
        if kind == "slack":
            slack = SlackSecret.model_validate_json(value)
            return Request(
                slack.api + SLACK_TEST, method="POST", headers={"Authorization": f"Bearer {slack.token}"}
            )
        jira = JiraSecret.model_validate_json(value)
    except ValidationError:
        return None
    proof = b64encode(f"{jira.email}:{jira.token}".encode()).decode()
    scheme = f"Basic {proof}" if jira.email else f"Bearer {jira.token}"
    return Request(jira.url.rstrip("/") + JIRA_MYSELF, headers={"Authorization": scheme})


def _ask(patient: DoctorContext, request: Request) -> tuple[bool, str]:
    """Whether we were let in, and a word on it. Slack answers 200 also to a bad token: what counts is `ok`."""
    try:
        status, body = patient.reach(request)
        told = json.loads(body)
    except (OSError, ValueError) as error:
        return False, f"{request.host} gave no answer that can be read: {type(error).__name__}"
    if status != 200 or told.get("ok") is False:
        return False, f"{request.host} refused: {told.get('error', status)}"
    return True, f"{request.host} knows us as {told.get('team') or told.get('displayName') or 'a user'}"
