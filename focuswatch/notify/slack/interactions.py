"""What people press under a message, as Slack sends it: signed, at most five minutes old, and answered at once.

Light to import, since Slack waits three seconds for an answer, a cold start included:
https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self
from urllib.parse import parse_qs

Action = Literal["acknowledge", "snooze_7", "snooze_30", "not_waste"]
ACTIONS: tuple[Action, ...] = ("acknowledge", "snooze_7", "snooze_30", "not_waste")


@dataclass(frozen=True)
class UserResponse:
    """One answer of one person; `id` is the same however often Slack sends it."""

    id: str
    action: Action
    fingerprint: str
    user_id: str
    user_name: str
    channel: str
    ts: str  # of the message it stands under
    reason: str | None = None
    response_url: str | None = None  # where whoever pressed can be told something that nobody else sees

    def to_json(self) -> str:
        """As it waits in a queue."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError, TypeError."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class ResponseDialog:
    """A press that wants a dialog first, within three seconds of `trigger_id`."""

    fingerprint: str
    title: str
    channel: str
    ts: str
    trigger_id: str
    response_url: str | None = None


def is_signed_by_slack(body: str, headers: Mapping[str, str], *, signing_secret: str, now: float) -> bool:
    """Whether Slack sent it within the last five minutes, compared in constant time.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    from slack_sdk.signature import Clock, SignatureVerifier

    class At(Clock):  # the verifier asks a clock and takes no time
        def now(self) -> float:
            return now

    try:
        return SignatureVerifier(signing_secret, clock=At()).is_valid_request(body, dict(headers))
    except (ValueError, OverflowError, TypeError):  # a time that is none or too far, a signature beyond ASCII
        return False


def parse_interaction(body: str) -> UserResponse | ResponseDialog | None:
    """What was pressed; None where it is nothing that we offer. Raises ValueError where it is nothing of Slack's."""
    given = parse_qs(body).get("payload")
    if not given:
        raise ValueError("no payload")
    told = json.loads(given[0])
    try:
        match told["type"]:
            case "block_actions":
                return _pressed(told)
            case "view_submission":
                return _submitted(told)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"a payload without {error}") from error
    return None


def _pressed(told: Mapping[str, Any]) -> UserResponse | ResponseDialog | None:
    pressed = told["actions"][0]
    action, place = pressed["action_id"], told["container"]
    if action not in ACTIONS:
        return None  # a link is a button too
    if action == "not_waste":
        title = str(told.get("message", {}).get("text", ""))
        return ResponseDialog(
            pressed["value"], title, place["channel_id"], place["message_ts"], told["trigger_id"],
            told.get("response_url"),
        )  # fmt: skip
    return UserResponse(
        id=f"{told['user']['id']} {pressed['action_ts']}", action=action, fingerprint=pressed["value"],
        user_id=told["user"]["id"], user_name=told["user"].get("username", ""),
        channel=place["channel_id"], ts=place["message_ts"], response_url=told.get("response_url"),
    )  # fmt: skip


def _submitted(told: Mapping[str, Any]) -> UserResponse | None:
    from focuswatch.notify.slack.response_form import CALLBACK_ID, REASON

    view = told["view"]
    if view["callback_id"] != CALLBACK_ID:
        return None
    about = json.loads(view["private_metadata"])
    return UserResponse(
        id=f"{told['user']['id']} {view['id']}", action="not_waste", fingerprint=about["fingerprint"],
        user_id=told["user"]["id"], user_name=told["user"].get("username", ""), channel=about["channel"],
        ts=about["ts"], reason=view["state"]["values"][REASON][REASON]["value"],
        response_url=about.get("response_url"),
    )  # fmt: skip
