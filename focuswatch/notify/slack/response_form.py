"""The question that Slack puts to whoever says that a finding is not to be told again."""

import json
from typing import Any

from focuswatch.notify.slack.blocks import rich, section, words
from focuswatch.notify.slack.mrkdwn import MODAL_TITLE_CHARACTERS, plain

CALLBACK_ID = "not_waste"
REASON = "reason"  # of the input block and of the field in it
LEAST_REASON = 5
MOST_REASON = 500


def render_not_waste_dialog(
    fingerprint: str, *, title: str, channel: str, ts: str, response_url: str | None = None
) -> dict[str, Any]:
    """A view that asks for a reason and carries along which message was answered, and where to reply.

    https://docs.slack.dev/reference/views/modal-views
    """
    about = {"fingerprint": fingerprint, "channel": channel, "ts": ts}
    if response_url:
        about["response_url"] = response_url
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": json.dumps(about),
        "title": plain("Leave it as it is", most=MODAL_TITLE_CHARACTERS),
        "submit": plain("Save", most=MODAL_TITLE_CHARACTERS),
        "close": plain("Cancel", most=MODAL_TITLE_CHARACTERS),
        "blocks": [rich(section([words(title, style="bold")])), _reason()],
    }


def _reason() -> dict[str, Any]:
    """https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element."""
    return {
        "type": "input",
        "block_id": REASON,
        "label": plain("Why is it to stay?", most=2000),
        "hint": plain(
            "Kept with your name. This finding is not told again until somebody takes it back.", most=2000
        ),
        "element": {
            "type": "plain_text_input",
            "action_id": REASON,
            "multiline": True,
            "min_length": LEAST_REASON,
            "max_length": MOST_REASON,
        },
    }
