"""Only the subscription to the payer's topic is confirmed."""

import json
from types import SimpleNamespace

import pytest

from focuswatch.aws_alerts import confirm_queue_subscription as module
from focuswatch.aws_alerts.confirm_queue_subscription import confirm_subscription, subscription_request
from focuswatch.errors import Refused

OURS = "arn:aws:sns:us-east-1:111111111111:focuswatch-spending"
OTHER = "arn:aws:sns:us-east-1:999999999999:focuswatch-spending"
SNS = "https://sns.us-east-1.amazonaws.com/"


def question(*, topic=OURS, url=f"{SNS}?Action=ConfirmSubscription&TopicArn={OURS}&Token=2336412f"):
    body = {"Type": "SubscriptionConfirmation", "TopicArn": topic, "Token": "2336412f", "SubscribeURL": url}
    return subscription_request(json.dumps(body))


class Opened:
    """Whatever is opened, and never over the network."""

    def __init__(self, monkeypatch):
        self.urls = []
        monkeypatch.setattr(module, "build_opener", lambda *_: SimpleNamespace(open=self.open))

    def open(self, url, *, timeout):
        self.urls.append(url)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def opened(monkeypatch):
    return Opened(monkeypatch)


def test_topic_of_the_payer_is_confirmed(opened):
    assert confirm_subscription(question(), topic_arn=OURS) == f"subscribed to {OURS}"
    assert len(opened.urls) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"topic": OTHER},
        {"url": f"{SNS}?Action=ConfirmSubscription&TopicArn={OTHER}&Token=2336412f"},
        {"url": f"{SNS}?Action=ConfirmSubscription&TopicArn={OURS}&TopicArn={OTHER}&Token=2336412f"},
        {"url": f"{SNS}?Action=ConfirmSubscription&Token=2336412f"},
        {"url": f"{SNS}?Action=Publish&TopicArn={OURS}&Message=hello"},
        {"url": f"{SNS}?Action=Publish&Action=ConfirmSubscription&TopicArn={OURS}"},
        {
            "url": f"https://sns.us-east-1.amazonaws.com.example.com/?Action=ConfirmSubscription&TopicArn={OURS}"
        },
        {"url": f"https://sns.us-east-1.amazonaws.com:8443/?Action=ConfirmSubscription&TopicArn={OURS}"},
        {"url": f"https://user@sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={OURS}"},
        {"url": f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={OURS}"},
        {"url": f"http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={OURS}"},
        {"url": ""},
        {"url": None},
    ],
)
def test_url_for_another_topic_is_not_opened(opened, other):
    """The URL decides what is confirmed, whatever the message says."""
    with pytest.raises(
        Refused, match="expected the topic arn:aws:sns:us-east-1:111111111111:focuswatch-spending"
    ):
        confirm_subscription(question(**other), topic_arn=OURS)
    assert opened.urls == []


def test_redirects_are_not_followed():
    """A redirect is not followed."""
    handler = module._NoRedirect()
    assert handler.redirect_request(None, None, 302, "", {}, "https://example.com") is None
