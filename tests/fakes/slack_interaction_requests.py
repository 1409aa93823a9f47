"""Requests that Slack sends when a user clicks a button or submits a dialog, signed as Slack signs them."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from tests.fakes.slack_messages import Channel, Message

APP, TEAM = {"id": "A0FOCUSAPP"}, {"id": "T0FOCUS", "domain": "local"}


@dataclass(frozen=True)
class Signed:
    """A request: its raw body, its headers with the body's signature, and its parsed body as `payload`."""

    body: str
    headers: dict[str, str]
    payload: dict[str, Any]


def signed(payload: dict[str, Any], *, secret: str, at: float) -> Signed:
    """Return a signed request: https://docs.slack.dev/authentication/verifying-requests-from-slack."""
    body, timestamp = urlencode({"payload": json.dumps(payload)}), str(int(at))
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    return Signed(body, headers, payload)


def block_actions(
    channel: "Channel",
    message: "Message",
    *,
    action_id: str,
    user: str,
    trigger_id: str,
    response_url: str,
    at: float,
) -> dict[str, Any]:
    """Return a click's payload: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload."""
    button, block_id = _button(message, action_id)
    return {
        "type": "block_actions",
        "user": _person(user),
        "api_app_id": APP["id"],
        "token": "deprecated",
        "container": {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": False,
        },
        "trigger_id": trigger_id,
        "team": TEAM,
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": channel.name},
        "message": {
            "type": "message",
            "bot_id": "B0FOCUSBOT",
            "user": message.user,
            "ts": message.ts,
            "app_id": APP["id"],
            "text": message.text,
            "blocks": message.blocks,
            "metadata": message.metadata,
        },
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [
            {
                "action_id": action_id,
                "block_id": block_id,
                "text": button["text"],
                "value": button.get("value"),
                "type": "button",
                "action_ts": f"{at:.6f}",
            }
        ],
    }


def view_submission(
    view: dict[str, Any], *, values: dict[str, str], user: str, trigger_id: str
) -> dict[str, Any]:
    """Return a submission's payload: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload."""
    fields = [
        (block["block_id"], block["element"]["action_id"])
        for block in view["blocks"]
        if block["type"] == "input"
    ]
    state = {
        block_id: {action_id: {"type": "plain_text_input", "value": values.get(action_id)}}
        for block_id, action_id in fields
    }
    return {
        "type": "view_submission",
        "team": TEAM,
        "user": _person(user),
        "api_app_id": APP["id"],
        "token": "deprecated",
        "trigger_id": trigger_id,
        "view": {**view, "state": {"values": state}, "hash": "1.local", "app_id": APP["id"]},
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }


def _button(message: "Message", action_id: str) -> tuple[dict[str, Any], str]:
    for place, block in enumerate(message.blocks):
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            if element.get("action_id") == action_id:
                return element, block.get("block_id", f"b{place}")
    raise LookupError(f"the message has no button {action_id}")


def _person(user: str) -> dict[str, str]:
    return {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM["id"]}
