"""Only the subscription to the payer's topic is confirmed."""

import json
from email.message import Message
from io import BytesIO
from urllib.request import HTTPSHandler, build_opener
from urllib.response import addinfourl

import pytest

from focuswatch.aws_alerts import confirm_queue_subscription as module
from focuswatch.aws_alerts.confirm_queue_subscription import confirm_subscription, subscription_request
from focuswatch.errors import Refused, TryLater

PAYER_TOPIC = "arn:aws:sns:us-east-1:111111111111:focuswatch-spending"
OTHER_TOPIC = "arn:aws:sns:us-east-1:999999999999:focuswatch-spending"
SNS = "https://sns.us-east-1.amazonaws.com/"


def confirmation(
    *, topic=PAYER_TOPIC, url=f"{SNS}?Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}&Token=2336412f"
):
    body = {"Type": "SubscriptionConfirmation", "TopicArn": topic, "Token": "2336412f", "SubscribeURL": url}
    return subscription_request(json.dumps(body))


class Https(HTTPSHandler):
    """Responds to HTTPS requests without using the network: to a URL of `redirects` with its target, else with 200."""

    def __init__(self):
        super().__init__()
        self.urls, self.redirects = [], {}

    def https_open(self, request):
        self.urls.append(request.full_url)
        headers = Message()
        target = self.redirects.get(request.full_url)
        if target:
            headers["Location"] = target
        response = addinfourl(BytesIO(), headers, request.full_url, 302 if target else 200)
        response.msg = "Found" if target else "OK"
        return response


@pytest.fixture
def opened(monkeypatch):
    """Return the HTTPS requests of the opener that the module builds."""
    https = Https()
    monkeypatch.setattr(module, "build_opener", lambda *handlers: build_opener(*handlers, https))
    return https


def test_topic_of_the_payer_is_confirmed(opened):
    assert confirm_subscription(confirmation(), topic_arn=PAYER_TOPIC) == f"subscribed to {PAYER_TOPIC}"
    assert len(opened.urls) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": OTHER_TOPIC},
        {"url": f"{SNS}?Action=ConfirmSubscription&TopicArn={OTHER_TOPIC}&Token=2336412f"},
        {
            "url": f"{SNS}?Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}&TopicArn={OTHER_TOPIC}&Token=2336412f"
        },
        {"url": f"{SNS}?Action=ConfirmSubscription&Token=2336412f"},
        {"url": f"{SNS}?Action=Publish&TopicArn={PAYER_TOPIC}&Message=hello"},
        {"url": f"{SNS}?Action=Publish&Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}"},
        {
            "url": f"https://sns.us-east-1.amazonaws.com.example.com/?Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}"
        },
        {
            "url": f"https://sns.us-east-1.amazonaws.com:8443/?Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}"
        },
        {
            "url": f"https://user@sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}"
        },
        {"url": f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}"},
        {"url": f"http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={PAYER_TOPIC}"},
        {"url": ""},
        {"url": None},
    ],
)
def test_url_for_another_topic_is_not_opened(opened, changes):
    """Opening the URL confirms the subscription that the URL names, not the one that the message names."""
    with pytest.raises(
        Refused, match="expected the topic arn:aws:sns:us-east-1:111111111111:focuswatch-spending"
    ):
        confirm_subscription(confirmation(**changes), topic_arn=PAYER_TOPIC)
    assert opened.urls == []


def test_redirects_are_not_followed(opened):
    """The target of a redirect is a URL that no check has seen."""
    request = confirmation()
    opened.redirects[request["SubscribeURL"]] = "https://example.com/"
    with pytest.raises(TryLater, match="302"):
        confirm_subscription(request, topic_arn=PAYER_TOPIC)
    assert opened.urls == [request["SubscribeURL"]]
