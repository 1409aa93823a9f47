"""Send a reply that only the person who pressed a button sees, without a bot token.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from focuswatch.notify.post_json_without_retry import post_json

TIMEOUT_SECONDS = 2


def reply_ephemerally(url: str, text: str) -> None:
    """Send `text` to `url`, the response URL of the interaction. Raises TryLater, Unsure or Refused."""
    body = {"text": text, "response_type": "ephemeral", "replace_original": False}
    post_json(url, body, to="the ephemeral reply in Slack", read_seconds=TIMEOUT_SECONDS)
