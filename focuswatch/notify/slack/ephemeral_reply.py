"""A word to whoever pressed a button, which nobody else sees; it needs no bot token.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from focuswatch.errors import Refused, Unsure

TIMEOUT_SECONDS = 2  # Slack waits three for an answer to the press itself
NO_BOT = (
    "focuswatch has no bot in Slack any more, so buttons are no longer answered. Whoever runs it can do it for you: "
    "focuswatch snooze, focuswatch exclude."
)


def reply_ephemerally(url: str, text: str) -> None:
    """Say it where `url` leads, which came with the press. Raises Unsure, Refused."""
    from slack_sdk.webhook import WebhookClient

    try:
        answer = WebhookClient(url, timeout=TIMEOUT_SECONDS, retry_handlers=[]).send(
            text=text, response_type="ephemeral", replace_original=False
        )
    except OSError as error:
        raise Unsure(f"Slack gave no answer: {error}") from error
    if answer.status_code != 200:
        raise Refused(f"Slack refused an answer to a press: {answer.status_code} {answer.body}")
