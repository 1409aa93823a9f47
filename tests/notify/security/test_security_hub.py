"""Security Hub delivery over HTTP to a local server that validates findings with botocore's model and AWS's limits."""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.sql_header_models import DEFAULT_SECURITY_TYPES
from focuswatch.errors import Refused, TryLater
from focuswatch.findings.limit_finding_bytes import limit_size
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.security.asff_finding import SecurityHubAccount, asff_finding, asff_id
from focuswatch.notify.security.deliver_to_security_hub import SecurityHubChannel, SecurityHubState
from focuswatch.notify.security.security_hub_client import SecurityHub
from tests.fakes.local_ses_securityhub import ACCOUNT, REGION, asff_problem, local_rest_aws
from tests.given.golden_files import assert_golden
from tests.given.golden_findings import golden_finding
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding
from tests.given.slack_world import MORNING, notification

CATALOG = Catalog.load()
TYPES = ["Unusual Behaviors/VM", "Effects/Resource Consumption"]  # from the header of gpu_burst
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

    def imported(self, one):
        """Return a finding as Security Hub stores it."""
        return self.aws.findings[asff_id(one.fingerprint, hub=HUB)]


@contextmanager
def hub_world():
    with mock_aws(), local_rest_aws() as aws:
        yield HubWorld(aws, ledger_table())


@pytest.fixture
def world():
    with hub_world() as world:
        yield world


def intrusion(number=0, **changes):
    """Return a security finding."""
    return finding(resource=f"r-{number}", detection="gpu_burst", category="security", **changes)


def test_finding_matches_its_golden_file():
    text = json.dumps(
        asff_finding(golden_finding("gpu_burst"), hub=HUB, types=TYPES, is_open=True, updated_at=AT), indent=1
    )
    assert_golden("security/gpu_burst.new.asff.json", text + "\n")


def test_finding_is_active_until_it_is_resolved(world):
    """A finding that is detected again becomes active again in the same record."""
    subject, states = intrusion(), []
    for number, kind in enumerate(("new", "changed", "resolved", "new"), start=1):
        assert world.deliver(notification(subject, kind, number=number)) == {}
        world.now += 60
        states.append(world.imported(subject)["RecordState"])
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
    subject = intrusion()
    changes = [
        notification(subject, kind, number=n) for n, kind in ((3, "resolved"), (1, "new"), (2, "changed"))
    ]
    assert world.deliver(*changes) == {}
    assert len(world.aws.imports) == 1
    assert world.imported(subject)["RecordState"] == "ARCHIVED"


def test_change_waits_for_the_previous_notification(world):
    resolved = notification(intrusion(), "resolved", number=2)
    assert isinstance(world.deliver(resolved)[resolved.notification_id], TryLater)
    world.deliver(notification(intrusion()))
    assert world.deliver(resolved) == {}
    assert world.imported(intrusion())["RecordState"] == "ARCHIVED"


def test_update_is_newer_even_if_the_clock_goes_back(world):
    """Security Hub ignores an update whose time is not newer."""
    world.deliver(notification(intrusion()))
    world.now -= 7200
    world.deliver(notification(intrusion(), "resolved", number=2))
    assert (world.imported(intrusion())["RecordState"], world.aws.ignored) == ("ARCHIVED", [])


def test_import_has_at_most_a_hundred_findings(world):
    deliveries = [notification(intrusion(number)) for number in range(250)]
    assert world.deliver(*deliveries) == {}
    assert [len(batch) for batch in world.aws.imports] == [100, 100, 50]
    assert len(world.aws.findings) == 250


def test_only_failed_findings_are_imported_again(world):
    deliveries = [notification(intrusion(number)) for number in range(4)]
    world.aws.failing[asff_id(deliveries[2].finding.fingerprint, hub=HUB)] = 1
    failed = world.deliver(*deliveries)
    assert {id: type(error) for id, error in failed.items()} == {deliveries[2].notification_id: TryLater}
    assert world.deliver(deliveries[2]) == {}
    assert [len(batch) for batch in world.aws.imports] == [4, 1]


@pytest.mark.parametrize("fault", ["429", "500", "dropped", "silent", "LimitExceededException"])
def test_failed_import_is_retried_and_stores_each_finding_once(world, fault):
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
    error = world.deliver(delivery)[delivery.notification_id]
    assert isinstance(error, Refused)
    assert "Enable Security Hub in the pipeline's account and Region" in str(error)


def test_long_and_hostile_names_fit_the_limits_of_the_format():
    """The limits are those of the API reference and of botocore's model of the request."""
    long = "x\N{FIRE}" * 5_000
    subject = limit_size(
        intrusion().model_copy(
            update={
                "title": long,
                "reason": long,
                "action": long,
                "region_id": long,
                "resource_id": long,
                "sub_account_name": long,
                "sub_account_id": None,
                "service_name": "\x00\u202e",
                "evidence": {f"{long}{number}": [long] * 50 for number in range(80)},
            }
        )
    )
    rendered = asff_finding(subject, hub=HUB, types=TYPES, is_open=True, updated_at=AT)
    assert asff_problem(rendered) is None
    assert "\u202e" not in json.dumps(rendered, ensure_ascii=False)


def test_finding_types_come_from_the_header_of_the_detection():
    """A detection that states none, or that is not in the catalog, has the general type."""
    types_by_detection = {
        one.id: one.header.security_types
        for one in CATALOG.detections.values()
        if one.header.category == "security"
    }
    assert types_by_detection and list(DEFAULT_SECURITY_TYPES) not in types_by_detection.values()
    assert CATALOG.security_types("gpu_burst") == types_by_detection["gpu_burst"] == TYPES
    assert CATALOG.security_types("cost_anomaly") == list(DEFAULT_SECURITY_TYPES)
    assert CATALOG.security_types("not_ours") == DEFAULT_SECURITY_TYPES


def test_security_hub_of_moto_accepts_the_finding():
    """moto validates part of the format."""
    with mock_aws():
        client = boto3.client("securityhub", region_name=REGION)
        client.enable_security_hub()
        hub = SecurityHubAccount("123456789012", REGION, "focuswatch")
        subject = golden_finding("gpu_burst")
        rendered = asff_finding(subject, hub=hub, types=TYPES, is_open=True, updated_at=AT)
        assert SecurityHub(client).put([rendered]) == {}
        (imported,) = client.get_findings()["Findings"]
    assert imported["Id"] == asff_id(subject.fingerprint, hub=hub)
