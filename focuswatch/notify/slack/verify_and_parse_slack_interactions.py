"""Parse and verify the requests that Slack sends when someone uses a button or a dialog.

The module imports little, because Slack waits three seconds for the response, including a cold start:
https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import unescape
from typing import Any, Literal, Self, get_args
from urllib.parse import parse_qs

from focuswatch.notify.response_actions_and_labels import ResponseAction

SpendingAction = Literal["pause_spending", "resume_spending"]  # handled by the function `controls`
SPENDING_ACTIONS: tuple[SpendingAction, ...] = get_args(SpendingAction)
ACTIONS: tuple[ResponseAction | SpendingAction, ...] = (*get_args(ResponseAction), *SPENDING_ACTIONS)


@dataclass(frozen=True)
class UserResponse:
    """A person's response; `id` is the same each time Slack sends it."""

    id: str
    action: ResponseAction | SpendingAction
    fingerprint: str
    user_id: str
    user_name: str
    channel: str
    ts: str  # of the message with the button
    reason: str | None = None
    response_url: str | None = None  # for replies that only this person sees

    def to_json(self) -> str:
        """Return the response as the body of a queue message."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the body of a queue message. Raises ValueError, TypeError."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class ResponseDialog:
    """A response that needs a dialog first; `trigger_id` expires after three seconds."""

    fingerprint: str
    title: str
    channel: str
    ts: str
    trigger_id: str
    response_url: str | None = None


def is_signed_by_slack(body: str, headers: Mapping[str, str], *, signing_secret: str, now: float) -> bool:
    """Return whether Slack sent the request within the last five minutes; compares in constant time.

    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    from slack_sdk.signature import Clock, SignatureVerifier

    class FixedClock(Clock):  # the verifier takes a clock and no timestamp
        def now(self) -> float:
            return now

    try:
        return SignatureVerifier(signing_secret, clock=FixedClock()).is_valid_request(body, dict(headers))
    except (ValueError, OverflowError, TypeError):  # an invalid time, or a signature that is not ASCII
        return False


def parse_interaction(body: str) -> UserResponse | ResponseDialog | None:
    """Return the response; None for other elements, such as links. Raises ValueError if the body is not from Slack."""
    values = parse_qs(body).get("payload")
    if not values:
        raise ValueError("no payload")
    payload = json.loads(values[0])
    try:
        match payload["type"]:
            case "block_actions":
                return _from_button(payload)
            case "view_submission":
                return _from_dialog(payload)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"the payload has no {error}") from error
    return None


def _from_button(payload: Mapping[str, Any]) -> UserResponse | ResponseDialog | None:
    element = payload["actions"][0]
    action, message = element["action_id"], payload["container"]
    if action not in ACTIONS:
        return None  # Slack also reports clicks on links
    if action == "not_waste":
        title = unescape(str(payload.get("message", {}).get("text", "")))
        return ResponseDialog(
            element["value"],
            title,
            message["channel_id"],
            message["message_ts"],
            payload["trigger_id"],
            payload.get("response_url"),
        )
    return UserResponse(
        id=f"{payload['user']['id']} {element['action_ts']}",
        action=action,
        fingerprint=element["value"],
        user_id=payload["user"]["id"],
        user_name=payload["user"].get("username", ""),
        channel=message["channel_id"],
        ts=message["message_ts"],
        response_url=payload.get("response_url"),
    )


def _from_dialog(payload: Mapping[str, Any]) -> UserResponse | None:
    from focuswatch.notify.slack.render_mute_reason_dialog import CALLBACK_ID, REASON

    view = payload["view"]
    if view["callback_id"] != CALLBACK_ID:
        return None
    metadata = json.loads(view["private_metadata"])
    return UserResponse(
        id=f"{payload['user']['id']} {view['id']}",
        action="not_waste",
        fingerprint=metadata["fingerprint"],
        user_id=payload["user"]["id"],
        user_name=payload["user"].get("username", ""),
        channel=metadata["channel"],
        ts=metadata["ts"],
        reason=view["state"]["values"][REASON][REASON]["value"],
        response_url=metadata.get("response_url"),
    )
