"""Do the secrets of Slack and Jira work? Their values are used here and never shown."""

import json
from base64 import b64encode
from collections.abc import Iterator
from urllib.request import Request

from focuswatch.doctor.check import Check, Patient, failed, noted, ok

SLACK_TEST = "https://slack.com/api/auth.test"  # https://docs.slack.dev/reference/methods/auth.test
JIRA_MYSELF = (
    "/rest/api/3/myself"  # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/
)
SHAPES = {
    "slack": '{"token": "xoxb-…"}',
    "jira": '{"url": "https://…atlassian.net", "email": "…", "token": "…"}',
}


def usable(patient: Patient) -> Iterator[Check]:
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
        secret = json.loads(value)
        if kind == "slack":
            return Request(SLACK_TEST, method="POST", headers={"Authorization": f"Bearer {secret['token']}"})
        proof = b64encode(f"{secret['email']}:{secret['token']}".encode()).decode()
        url = str(secret["url"])
    except (ValueError, KeyError, TypeError):
        return None
    if not url.startswith("https://"):  # the token would travel in the open
        return None
    return Request(url.rstrip("/") + JIRA_MYSELF, headers={"Authorization": f"Basic {proof}"})


def _ask(patient: Patient, request: Request) -> tuple[bool, str]:
    """Whether we were let in, and a word on it. Slack answers 200 also to a bad token: what counts is `ok`."""
    try:
        status, body = patient.reach(request)
        told = json.loads(body)
    except (OSError, ValueError) as error:
        return False, f"{request.host} gave no answer that can be read: {type(error).__name__}"
    if status != 200 or told.get("ok") is False:
        return False, f"{request.host} refused: {told.get('error', status)}"
    return True, f"{request.host} knows us as {told.get('team') or told.get('displayName') or 'a user'}"
