"""Golden files of Slack messages, in tests/golden/slack."""

import json
from typing import Any

from focuswatch.notify.slack.escape_and_shorten_slack_text import TEXT_CHARACTERS
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, metadata_problem, too_long, view_problems
from tests.given.golden_files import assert_golden

GOLDEN_PAYLOADS = ("gpu_burst.new", "not_waste_modal")  # a message with every kind of block, and the dialog


def assert_slack_golden(name: str, *, payload: dict[str, Any], text: str) -> None:
    """Compare the text with its golden file, and the payload with Slack's rules; two payloads are golden files too."""
    assert _problems(payload) == []
    assert_golden(f"slack/{name}.txt", text)
    if name in GOLDEN_PAYLOADS:
        assert_golden(f"slack/{name}.json", json.dumps(payload, indent=1, ensure_ascii=False) + "\n")


def message_and_reply_text(payload: dict[str, Any]) -> str:
    """Return the text of `message` and of `note`, the reply in its thread, if there is one."""
    text = f"Push notification: {payload['message']['text']}\n\n{seen(payload['message'])}"
    return text + (f"\nReply in its thread: {seen(payload['note'])}" if "note" in payload else "")


def _problems(payload: dict[str, Any]) -> list[str]:
    """Return what Slack would refuse: in a view, in a message, or in a message and the reply in its thread."""
    if payload.get("type") == "modal":
        return view_problems(payload)
    messages = [payload] if "blocks" in payload else list(payload.values())
    return [problem for message in messages for problem in _message_problems(message)]


def _message_problems(message: dict[str, Any]) -> list[str]:
    problems = blocks_problems(message["blocks"])
    if too_long(message["blocks"]):
        problems.append("msg_blocks_too_long")
    if "metadata" in message and (problem := metadata_problem(message["metadata"])):
        problems.append(problem)
    if not 0 < len(message["text"]) <= TEXT_CHARACTERS:
        problems.append("text is empty or too long")
    return problems
