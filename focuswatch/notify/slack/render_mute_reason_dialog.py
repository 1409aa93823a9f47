"""Render the dialog that asks for a reason before a finding is muted."""

import json
from typing import Any

from focuswatch.notify.slack.block_kit_elements import rich, section, words
from focuswatch.notify.slack.escape_and_shorten_slack_text import MODAL_TITLE_CHARACTERS, plain

CALLBACK_ID = "not_waste"
REASON = "reason"  # id of the input block and of its field
LEAST_REASON = 5
MOST_REASON = 500


def render_not_waste_dialog(
    fingerprint: str, *, title: str, channel: str, ts: str, response_url: str | None = None
) -> dict[str, Any]:
    """Return the view; its private metadata contains the finding, the message and the reply URL.

    https://docs.slack.dev/reference/views/modal-views
    """
    metadata = {"fingerprint": fingerprint, "channel": channel, "ts": ts}
    if response_url:
        metadata["response_url"] = response_url
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": json.dumps(metadata),
        "title": plain("Mute this finding", most=MODAL_TITLE_CHARACTERS),
        "submit": plain("Save", most=MODAL_TITLE_CHARACTERS),
        "close": plain("Cancel", most=MODAL_TITLE_CHARACTERS),
        "blocks": [rich(section([words(title, style="bold")])), _reason()],
    }


def _reason() -> dict[str, Any]:
    """Return the input: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element."""
    return {
        "type": "input",
        "block_id": REASON,
        "label": plain("Reason", most=2000),
        "hint": plain(
            "The reason is saved with your name. This finding stays muted until someone runs focuswatch unsuppress.",
            most=2000,
        ),
        "element": {
            "type": "plain_text_input",
            "action_id": REASON,
            "multiline": True,
            "min_length": LEAST_REASON,
            "max_length": MOST_REASON,
        },
    }
