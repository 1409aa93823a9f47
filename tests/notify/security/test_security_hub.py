"""Delivery to Security Hub, over HTTP to a local one that validates findings with botocore's model and AWS's limits."""

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater
from focuswatch.findings.limit_finding_bytes import limit_size
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.security.asff_finding import SecurityHubAccount, asff_finding, asff_id
from focuswatch.notify.security.client import SecurityHub
from focuswatch.notify.security.deliver import SecurityHubChannel, SecurityHubState
from focuswatch.notify.security.finding_types import OTHERS, finding_types
from tests.fakes.local_ses_securityhub import ACCOUNT, REGION, asff_problem, local_rest_aws
from tests.given.golden_findings import golden_finding
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import MORNING, notification

CATALOG = Catalog.load()
TYPES = ["Unusual Behaviors/VM", "Effects/Resource Consumption"]  # as the header of gpu_burst states
GOLDEN = Path(__file__).parents[2] / "golden" / "security" / "gpu_burst.new.asff.json"
HUB = SecurityHubAccount(ACCOUNT, REGION, "focuswatch")
AT = datetime(2026, 5, 31, 6, 12, 40, 125_000, tzinfo=UTC)


@dataclass
class HubWorld:
    aws: object
    table: object
    now: float = MORNING

    def clock(self):
        return self.now

    def channel(self):
        """Return the channel of a new function run."""
        claims = Claims(self.table, channel="securityhub", model=SecurityHubState, clock=self.clock)
        return SecurityHubChannel(
            SecurityHub(self.aws.client("securityhub")), HUB, claims, self.clock, CATALOG
        )

    def deliver(self, *deliveries):
        """Deliver one batch. Return the errors by notification id."""
        channel = self.channel()
        for one in deliveries:
            channel.deliver(one)
        return channel.flush()

    def shown(self, one):
        return self.aws.findings[asff_id(one.fingerprint, hub=HUB)]


@contextmanager
def hub_world():
    with mock_aws(), local_rest_aws() as aws:
        yield HubWorld(aws, ledger_table())


@pytest.fixture
def world():
    with hub_world() as there:
        yield there


def intrusion(number=0, **changes):
    """A security finding."""
    return finding(resource=f"r-{number}", detection="gpu_burst", category="security", **changes)


def test_finding_reads_as_its_golden_file():
    text = json.dumps(
        asff_finding(golden_finding("gpu_burst"), hub=HUB, types=TYPES, is_open=True, updated_at=AT), indent=1
    )
    if os.environ.get("FOCUSWATCH_WRITE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_finding_is_active_until_it_is_resolved(world):
    """And active again when it is back: it is one record in its whole life."""
    found, states = intrusion(), []
    for number, kind in enumerate(("new", "changed", "resolved", "new"), start=1):
        assert world.deliver(notification(found, kind, number=number)) == {}
        world.now += 60
        states.append(world.shown(found)["RecordState"])
    assert states == ["ACTIVE", "ACTIVE", "ARCHIVED", "ACTIVE"]
    assert (len(world.aws.findings), world.aws.ignored) == (1, [])


def test_findings_of_other_categories_are_left_out(world):
    assert world.channel().deliver(notification(finding())) is None
    assert world.deliver(notification(finding())) == {}
    assert not world.aws.imports


def test_notification_that_arrives_twice_is_imported_once(world):
    delivery = notification(intrusion())
    world.deliver(delivery, delivery)
    world.deliver(delivery)
    assert len(world.aws.imports) == 1


def test_batch_imports_the_newest_state_of_each_finding(world):
    found = intrusion()
    changes = [
        notification(found, kind, number=n) for n, kind in ((3, "resolved"), (1, "new"), (2, "changed"))
    ]
    assert world.deliver(*changes) == {}
    assert len(world.aws.imports) == 1
    assert world.shown(found)["RecordState"] == "ARCHIVED"


def test_change_waits_for_the_one_before(world):
    early = notification(intrusion(), "resolved", number=2)
    assert isinstance(world.deliver(early)[early.news_id], TryLater)
    world.deliver(notification(intrusion()))
    assert world.deliver(early) == {}
    assert world.shown(intrusion())["RecordState"] == "ARCHIVED"


def test_update_is_newer_even_if_the_clock_goes_back(world):
    """Security Hub ignores an update that is not."""
    world.deliver(notification(intrusion()))
    world.now -= 7200
    world.deliver(notification(intrusion(), "resolved", number=2))
    assert (world.shown(intrusion())["RecordState"], world.aws.ignored) == ("ARCHIVED", [])


def test_imports_are_of_at_most_a_hundred_findings(world):
    deliveries = [notification(intrusion(number)) for number in range(250)]
    assert world.deliver(*deliveries) == {}
    assert [len(batch) for batch in world.aws.imports] == [100, 100, 50]
    assert len(world.aws.findings) == 250


def test_only_failed_findings_are_imported_again(world):
    deliveries = [notification(intrusion(number)) for number in range(4)]
    world.aws.failing[asff_id(deliveries[2].finding.fingerprint, hub=HUB)] = 1
    failed = world.deliver(*deliveries)
    assert {id: type(error) for id, error in failed.items()} == {deliveries[2].news_id: TryLater}
    assert world.deliver(deliveries[2]) == {}
    assert [len(batch) for batch in world.aws.imports] == [4, 1]


@pytest.mark.parametrize("fault", ["429", "500", "dropped", "silent", "LimitExceededException"])
def test_import_that_failed_is_repeated_and_shows_each_finding_once(world, fault):
    deliveries = [notification(intrusion(number)) for number in range(3)]
    world.aws.faults.next.append(fault)
    failed = world.deliver(*deliveries)
    assert {type(error) for error in failed.values()} == {TryLater} and len(failed) == 3
    world.now += 31
    assert world.deliver(*deliveries) == {}
    assert len(world.aws.findings) == 3


def test_security_hub_that_is_not_enabled_is_refused(world):
    world.aws.hub_enabled = False
    delivery = notification(intrusion())
    error = world.deliver(delivery)[delivery.news_id]
    assert isinstance(error, Refused)
    assert "Enable Security Hub in the pipeline's account and Region" in str(error)


def test_long_and_hostile_names_fit_the_limits_of_the_format():
    """The limits of the API reference, and botocore's own model of the request."""
    long = "x\N{FIRE}" * 5_000
    found = limit_size(
        intrusion().model_copy(
            update={
                "title": long, "reason": long, "action": long, "region_id": long, "resource_id": long,
                "sub_account_name": long, "sub_account_id": None, "service_name": "\x00\u202e",
                "evidence": {f"{long}{number}": [long] * 50 for number in range(80)},
            }
        )
    )  # fmt: skip
    rendered = asff_finding(found, hub=HUB, types=TYPES, is_open=True, updated_at=AT)
    assert asff_problem(rendered) is None
    assert "\u202e" not in json.dumps(rendered, ensure_ascii=False)


def test_types_of_findings_are_in_the_header_of_their_detection():
    """A detection that states none, or that is not in the catalog, has the general type."""
    stated = {
        one.id: one.header.security_types
        for one in CATALOG.detections.values()
        if one.header.category == "security"
    }
    assert stated and list(OTHERS) not in stated.values()
    assert finding_types("gpu_burst", catalog=CATALOG) == stated["gpu_burst"] == TYPES
    assert finding_types("cost_anomaly", catalog=CATALOG) == list(OTHERS)
    assert finding_types("not_ours", catalog=CATALOG) == OTHERS


def test_emulated_security_hub_takes_the_finding():
    """moto's, which validates what it knows of the format."""
    with mock_aws():
        client = boto3.client("securityhub", region_name=REGION)
        client.enable_security_hub()
        hub = SecurityHubAccount("123456789012", REGION, "focuswatch")
        found = golden_finding("gpu_burst")
        rendered = asff_finding(found, hub=hub, types=TYPES, is_open=True, updated_at=AT)
        assert SecurityHub(client).put([rendered]) == {}
        (shown,) = client.get_findings()["Findings"]
    assert shown["Id"] == asff_id(found.fingerprint, hub=hub)
