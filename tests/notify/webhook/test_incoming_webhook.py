"""Webhook delivery over HTTPS to a local endpoint that verifies signatures and stores each event id once."""

import base64
import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from moto import mock_aws

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.webhook.client import WebhookEndpoint
from focuswatch.notify.webhook.cloud_event import cloud_event, event_body
from focuswatch.notify.webhook.deliver import WebhookSender
from focuswatch.notify.webhook.public_address import is_public, public_addresses, split_webhook_url
from focuswatch.notify.webhook.sign_and_verify_requests import SignedRequest
from focuswatch.notify.webhook.signing_secrets import WebhookSecrets
from focuswatch.owners.owners_file import Owners
from tests.fakes.local_webhook_receiver import HOST, SECRET, local_endpoint
from tests.fakes.waiting import patience
from tests.given.golden_files import assert_golden
from tests.given.golden_findings import golden_finding
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding as a_finding
from tests.given.slack_world import CATALOG, notification

SOURCE = "/focuswatch/111122223333/us-east-1/focuswatch"
NEW_SECRET = "whsec_" + base64.b64encode(b"another key of at least 24 bytes").decode()


@dataclass
class WebhookWorld:
    endpoint: object
    table: object
    secrets: dict
    urls: tuple = ()

    def channel(self):
        """Return the channel of a new function run."""
        client = WebhookEndpoint(
            self.endpoint.clock,
            resolve=lambda _host, _port: ["127.0.0.1"],
            tls=self.endpoint.tls,
            read_seconds=patience(1),
        )
        claims = Claims(self.table, channel="webhook", model=AddressState, clock=self.endpoint.clock)
        urls = self.urls or (self.endpoint.url,)
        owners = Owners.model_validate({"teams": {"search": {"channels": [{"to": url} for url in urls]}}})
        return AddressChannel(
            kind="webhook",
            sender=WebhookSender(client, WebhookSecrets(self.secrets), SOURCE),
            claims=claims,
            owners=owners,
            catalog=CATALOG,
        )

    def deliver(self, delivery):
        return self.channel().deliver(delivery)


@contextmanager
def webhook_world():
    with mock_aws(), local_endpoint() as endpoint:
        world = WebhookWorld(endpoint, ledger_table(), {HOST: SECRET})
        yield world
        assert not endpoint.forged


def finding(**changes):
    """Return a finding of the team whose channel is the webhook."""
    return a_finding(team="search", **changes)


@pytest.fixture
def world():
    with webhook_world() as world:
        yield world


def test_event_is_a_cloud_event_with_the_finding_as_data():
    """The golden file shows the event as a receiver gets it."""
    delivery = notification(golden_finding("idle_sagemaker_endpoint"), number=1764403200000)
    text = json.dumps(cloud_event(delivery, source=SOURCE), indent=2) + "\n"
    assert_golden("webhook/idle_sagemaker_endpoint.new.json", text)


def test_same_notification_gives_the_same_bytes():
    """A redelivered event has identical bytes whatever its age, so a receiver can compare bodies."""
    bodies = {
        event_body(cloud_event(notification(finding(), age_seconds=age), source=SOURCE)) for age in (0, 9)
    }
    assert len(bodies) == 1


def test_signature_matches_the_example_of_standard_webhooks():
    """The example is from the reference library:
    https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py
    """
    request = SignedRequest(
        id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}'
    )
    headers = request.headers(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_event_arrives_signed_and_once(world):
    delivery = notification(finding(resource="arn:aws:x:::é\N{FIRE}"))
    assert "sent to https://" in world.deliver(delivery)
    assert world.deliver(delivery) is None  # the queue redelivers it
    ((headers, body),) = world.endpoint.attempts
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers[":path"] == "/focuswatch"
    event = json.loads(body)
    assert (event["id"], event["type"]) == (delivery.notification_id, "dev.focuswatch.finding.new")
    assert event["data"]["resource_id"] == "arn:aws:x:::é\N{FIRE}"


def test_every_secret_signs_during_a_rotation(world):
    world.secrets = {HOST: [NEW_SECRET, SECRET]}
    world.deliver(notification(finding()))
    world.endpoint.secret = NEW_SECRET
    world.deliver(notification(finding(), "changed", number=2))
    assert len(world.endpoint.order) == 2


def test_secret_of_the_team_is_used_if_the_host_has_none(world):
    world.secrets = {"search": SECRET}
    world.deliver(notification(finding()))
    assert len(world.endpoint.events) == 1


def test_webhook_without_a_secret_is_refused(world):
    world.secrets = {"fraud": SECRET}
    with pytest.raises(Refused, match=f"has no entry for {HOST} or search"):
        world.deliver(notification(finding()))
    assert not world.endpoint.attempts


@pytest.mark.parametrize("secret", ["short", "whsec_YWJj", "whsec_?", "whsec_" + "A" * 200])
def test_weak_signing_secret_is_refused_without_showing_it(secret):
    with pytest.raises(Refused) as refused:
        WebhookSecrets.read(json.dumps({HOST: secret}))
    assert secret not in str(refused.value)


@pytest.mark.parametrize(("status", "seconds"), [(429, 7), (503, 60), (500, 60), (408, 60)])
def test_busy_endpoint_gets_the_same_event_later(world, status, seconds):
    world.endpoint.faults.append(status)
    delivery = notification(finding())
    with pytest.raises(TryLater) as later:
        world.deliver(delivery)
    assert later.value.seconds == seconds
    world.deliver(delivery)
    ids = [headers["webhook-id"] for headers, _ in world.endpoint.attempts]
    assert ids == [delivery.notification_id] * 2
    assert len(world.endpoint.events) == 1


@pytest.mark.parametrize("fault", ["dropped", "silent"])
def test_event_whose_response_was_lost_is_sent_again_with_its_id(world, fault):
    world.endpoint.faults.append(fault)
    delivery = notification(finding())
    with pytest.raises(Unsure):
        world.deliver(delivery)
    now = world.endpoint.clock()
    world.endpoint.clock = lambda: now + 31
    world.deliver(delivery)
    assert world.endpoint.order == [delivery.notification_id]
    assert len(world.endpoint.attempts) == 2


@pytest.mark.parametrize(("status", "message"), [(404, "HTTP 404"), (410, "HTTP 410"), (302, "not followed")])
def test_refused_or_redirected_event_is_not_retried(world, status, message):
    world.endpoint.faults.append(status)
    with pytest.raises(Refused, match=message):
        world.deliver(notification(finding()))
    assert len(world.endpoint.attempts) == 1


def test_certificate_of_another_host_is_rejected(world):
    world.urls = (world.endpoint.url.replace(HOST, "other.acme.example"),)
    world.secrets = {"search": SECRET}
    with pytest.raises(TryLater, match="certificate"):
        world.deliver(notification(finding()))
    assert not world.endpoint.attempts


def test_failing_webhook_does_not_block_the_others(world):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed_port = listener.getsockname()[1]
    world.urls = (f"https://{HOST}:{closed_port}/", world.endpoint.url)
    delivery = notification(finding())
    for _ in range(2):
        with pytest.raises(TryLater, match="no connection"):
            world.deliver(delivery)
    assert len(world.endpoint.attempts) == 1  # the retry skips the webhook that has received the event


def test_later_notification_waits_for_the_earlier_notification(world):
    with pytest.raises(TryLater, match="before the previous"):
        world.deliver(notification(finding(), "resolved", number=2))
    world.deliver(notification(finding()))
    world.deliver(notification(finding(), "resolved", number=2))
    types = [world.endpoint.events[id]["type"].rpartition(".")[2] for id in world.endpoint.order]
    assert types == ["new", "resolved"]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1"),
        *("::1", "::", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "64:ff9b:1::a9fe:a9fe"),
    ],
)
def test_private_and_reserved_addresses_are_not_public(address):
    """Otherwise anyone who can edit owners.toml could reach the function's metadata or a private network."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "52.95.110.1"]
)
def test_addresses_on_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "169.254.169.254", "2130706433", "0x7f.1", "127.1"])
def test_host_that_resolves_to_a_non_public_address_is_refused(host):
    """The resolved address is checked, because resolvers also accept decimal, hexadecimal and short forms."""
    with pytest.raises(Refused, match="not a public address"):
        public_addresses(host, 443)


def test_default_endpoint_does_not_connect_to_a_private_address(world):
    client = WebhookEndpoint(world.endpoint.clock, tls=world.endpoint.tls)
    url = f"https://localhost:{world.endpoint.port}/"
    with pytest.raises(Refused, match="not a public address"):
        client.post(url, id="1", body=b"{}", secrets=lambda _host: [SECRET])
    assert not world.endpoint.attempts


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/",
        "https://",
        "https://u:p@a.example/",
        "https://a.example:x/",
        "file:///etc/passwd",
        "https://a.example/é",
        "https://a.example/a b",
    ],
)
def test_insecure_or_malformed_url_is_refused(url):
    with pytest.raises(Refused, match="https://HOST/PATH"):
        split_webhook_url(url)
