"""A reply that only the person who pressed a button sees; it needs no bot token.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from focuswatch.errors import Refused, Unsure

TIMEOUT_SECONDS = 2  # Slack waits three for the response to the request itself


def reply_ephemerally(url: str, text: str) -> None:
    """Send `text` to `url`, the response URL of the interaction. Raises Unsure, Refused."""
    from slack_sdk.webhook import WebhookClient

    try:
        response = WebhookClient(url, timeout=TIMEOUT_SECONDS, retry_handlers=[]).send(
            text=text, response_type="ephemeral", replace_original=False
        )
    except OSError as error:
        raise Unsure(f"Slack did not respond: {error}") from error
    if response.status_code != 200:
        raise Refused(f"Slack rejected an ephemeral reply: {response.status_code} {response.body}")
