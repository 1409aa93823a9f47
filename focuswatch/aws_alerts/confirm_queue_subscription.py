"""Confirm the subscription of the alert queue to the SNS topic in the payer account.

https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
"""

import json
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from focuswatch.errors import Refused, TryLater

TIMEOUT_SECONDS = 10
RETRY_SECONDS = 60.0


def subscription_request(body: str) -> dict[str, str] | None:
    """Return the message if it is an SNS request to confirm a subscription; None otherwise."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    is_request = isinstance(document, dict) and document.get("Type") == "SubscriptionConfirmation"
    return document if is_request else None


def confirm_subscription(request: dict[str, str], *, topic_arn: str) -> str:
    """Confirm the subscription to `topic_arn`, and to no other topic. Return what was done, for the log.

    The topic in the URL must match too, because the URL decides which subscription is confirmed. Redirects are not
    followed. Raises Refused or TryLater.
    """
    url = str(request.get("SubscribeURL", ""))
    topics = (request.get("TopicArn"), *_topics(url, region=topic_arn.split(":")[3]))
    if set(topics) != {topic_arn}:
        raise Refused(
            f"rejected an SNS subscription request with the TopicArn {topics[0]} and the SubscribeURL {url[:200]}; "
            f"expected the topic {topic_arn} in both"
        )
    try:
        with build_opener(_NoRedirect).open(url, timeout=TIMEOUT_SECONDS):
            return f"subscribed to {topic_arn}"
    except OSError as error:
        raise TryLater(
            f"the subscription to {topic_arn} could not be confirmed: {error}", seconds=RETRY_SECONDS
        ) from error


def _topics(url: str, *, region: str) -> list[str | None]:
    """Return the topics that an SNS confirmation URL of `region` names; [None] for any other URL."""
    address = urlsplit(url)
    query = parse_qs(address.query)
    if address.scheme != "https" or address.netloc != f"sns.{region}.amazonaws.com":
        return [None]
    return (
        [*query["TopicArn"]]
        if query.get("Action") == ["ConfirmSubscription"] and "TopicArn" in query
        else [None]
    )


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
