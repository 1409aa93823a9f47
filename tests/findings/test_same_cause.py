"""Which findings have the same cause, and which similar findings do not."""

from datetime import timedelta

import pytest

from focuswatch.findings.count_each_cost_once import including_findings, without_double_counts
from focuswatch.findings.find_new_region_rollouts import find_rollouts
from focuswatch.findings.same_cause import SameCause, connected
from tests.given.incidents import (
    EC2,
    MONDAY,
    RULES,
    billed,
    driver,
    estimated,
    event,
    security_rollout,
    stolen_key,
)
from tests.given.one_line_findings import finding


def groups(*findings):
    """Return the groups of two or more findings, each as (detection, region or service)."""
    cause = SameCause(findings, RULES)
    names = {one.fingerprint: (one.detection, one.region_id or one.service_name) for one in findings}
    joined = connected([one.fingerprint for one in findings], cause.pairs())
    return [{names[one] for one in group} for group in joined if len(group) > 1]


def leads(findings):
    """Return the detections by precedence; the first would lead an incident."""
    return [one.detection for one in sorted(findings, key=RULES.precedence)]


def test_stolen_key_is_one_cause():
    """New region, new service, GPU usage and cost anomaly are about the same 2,400 USD."""
    (group,) = groups(*stolen_key())
    assert len(group) == 4


def test_lead_prefers_the_cause_to_the_place_and_the_place_to_the_amount():
    """The order does not depend on the costs."""
    assert leads(stolen_key()) == ["gpu_burst", "new_region", "new_service", "cost_anomaly"]


def test_runaway_agent_is_one_cause():
    """The token spike of an inference profile is most of its service's anomaly."""
    tokens = driver("Amazon Bedrock", "us-east-1", "Claude-input-tokens", 2400, "profile/agent")
    rest = driver("Amazon Bedrock", "us-east-1", "Titan-embeddings", 52)
    burst = event(
        "token_burst", tokens, region="us-east-1", service="Amazon Bedrock", resource="profile/agent"
    )
    assert groups(burst, event("cost_anomaly", tokens, rest, service="Amazon Bedrock"))


def test_less_than_four_fifths_of_the_cost_is_another_cause():
    """GPUs are less than 80 % of the EC2 anomaly, whose largest meter is another one: the rest has its own cause."""
    gpus = driver(EC2, "us-east-1", "BoxUsage:g5.xlarge", 79)
    transfer = driver(EC2, "us-east-1", "DataTransfer-Out-Bytes", 300)
    burst = event("gpu_burst", gpus, region="us-east-1")
    assert groups(burst, event("cost_anomaly", transfer, gpus, service=EC2)) == []
    assert groups(burst, event("cost_anomaly", gpus, service=EC2))


def test_part_of_an_anomaly_with_the_same_largest_meter_is_the_same_cause():
    """GPU instances in five regions are one anomaly; each region is a fifth of it."""
    regions = ["us-east-1", "us-west-2", "eu-west-1", "eu-north-1", "sa-east-1"]
    gpus = [driver(EC2, region, "BoxUsage:g5.xlarge", 100) for region in regions]
    bursts = [event("gpu_burst", one, region=one.region_id) for one in gpus]
    (group,) = groups(*bursts, event("cost_anomaly", *gpus, service=EC2))
    assert len(group) == 6


@pytest.mark.parametrize(
    "other",
    [
        event("cost_anomaly", driver(EC2, "us-east-1", "BoxUsage:m5", 100), service=EC2, account="999988887777"),
        event("cost_anomaly", driver(EC2, "us-east-1", "BoxUsage:m5", 100), service=EC2, team="payments"),
        event("cost_anomaly", driver(EC2, "us-east-1", "BoxUsage:m5", 100), service=EC2, first=MONDAY + timedelta(9)),
        event("cost_anomaly", driver(EC2, "eu-west-1", "BoxUsage:m5", 100), service=EC2),
        event("cost_anomaly", driver("AWS Lambda", "us-east-1", "BoxUsage:m5", 100), service="AWS Lambda"),
        event("cost_anomaly", driver(EC2, "us-east-1", "BoxUsage:m5", 100, "i-other"), service=EC2),
        event("cost_anomaly", driver(EC2, "us-east-1", "BoxUsage:c6i", 100), service=EC2),
    ],
    ids=["account", "owner", "days", "region", "service", "resource", "meter"],
)  # fmt: skip
def test_findings_that_differ_in_one_attribute_have_different_causes(other):
    """A difference in any one of the compared attributes is enough."""
    gpus = event("gpu_burst", driver(EC2, "us-east-1", "BoxUsage:m5", 100, "i-1"), region="us-east-1")
    assert groups(gpus, other) == []


def test_place_alone_does_not_make_a_small_cost_part_of_a_large_one():
    """Without cost drivers, an anomaly of EC2 in all regions says nothing about 2 USD in one region."""
    small = event("gpu_burst", driver(EC2, "ap-south-1", "BoxUsage:m6i.large", 2), region="ap-south-1")
    assert groups(small, event("cost_anomaly", service=EC2, cost=2400)) == []
    assert groups(small, event("cost_anomaly", service=EC2, cost=2.1))


def test_free_usage_in_a_new_region_is_part_of_the_new_region():
    """Both findings cost nothing and are about the same charge."""
    free = driver("Amazon SNS", "ap-south-1", "Requests-Tier1", 0)
    assert groups(
        event("new_region", free, region="ap-south-1"), event("new_service", free, service="Amazon SNS")
    )


def test_other_findings_in_a_reactivated_account_have_the_same_cause():
    """A quarter of the account's cost is another service, which starts a day later."""
    gpus, rest = (
        driver(EC2, "us-east-1", "BoxUsage:c6i", 300),
        driver("AWS Lambda", "us-east-1", "GB-Second", 100),
    )
    awake = event("dormant_account_woke", gpus, rest)
    later = event("new_service", rest, service="AWS Lambda", first=MONDAY + timedelta(days=1))
    awake_for_days = awake.model_copy(
        update={"evidence": {"first_day": "2026-06-01", "last_day": "2026-06-02"}}
    )
    assert groups(awake_for_days, later)


def test_two_services_in_the_home_region_are_two_causes():
    """In a region that the account uses every day, two first charges within three days are common."""
    mail = driver("Amazon SES", "us-east-1", "Recipients", 5)
    desktop = driver("Amazon WorkSpaces", "us-east-1", "AutoStop", 7)
    assert not groups(
        event("new_service", mail, service="Amazon SES"),
        event("new_service", desktop, service="Amazon WorkSpaces"),
    )


def test_security_findings_that_name_the_same_region_are_one_cause_within_three_days():
    """For example, GPUs start in the region in which GuardDuty stops."""
    gpus = event("gpu_burst", driver(EC2, "us-east-1", "BoxUsage:g5", 500), region="us-east-1")
    stopped = finding(None, detection="security_service_went_dark", category="security", team="search")
    assert groups(gpus, stopped.model_copy(update={"ended_on": MONDAY + timedelta(days=3)}))
    assert not groups(gpus, stopped.model_copy(update={"ended_on": MONDAY + timedelta(days=4)}))


def test_idle_resource_of_a_new_service_is_the_same_cause():
    """For example, a Kendra index that someone tried has a first charge and is idle later."""
    index = driver("Amazon Kendra", "us-east-1", "KendraEnterprise", 60, "arn:index")
    tried = event("new_service", index, service="Amazon Kendra")
    idle = finding("arn:index", detection="idle_floor_service", team="search")
    idle = idle.model_copy(update={"service_name": "Amazon Kendra"})
    assert groups(tried, idle)
    assert not groups(tried, idle.model_copy(update={"resource_id": "arn:other"}))
    spike = event("token_burst", index, region="us-east-1", service="Amazon Kendra", resource="arn:index")
    assert not groups(spike, idle)  # the index existed before the spike


def test_missing_tags_and_waste_are_different_causes():
    """Both are about the same resource, but adding a tag does not stop the waste."""
    assert not groups(finding(), finding(detection="untagged_ai_spend", category="governance"))
    assert groups(finding(), finding(detection="underused_gpu"))


def rolled_out(findings):
    """Return the size and the services of each rollout."""
    return [
        (len(one.fingerprints), sorted(one.services))
        for one in find_rollouts(SameCause(findings, RULES).charges.values())
    ]


def test_same_services_in_new_regions_of_five_accounts_are_a_rollout():
    """Four accounts are not a rollout."""
    assert rolled_out(security_rollout(accounts=4, regions=17)) == []
    assert rolled_out(security_rollout(accounts=5, regions=2)) == [(10, ["AWS Config", "Amazon GuardDuty"])]


def test_rollout_continues_while_accounts_follow_within_three_days():
    """A rollout by organizational unit takes weeks; an account after a pause is not part of it."""
    waves = [
        one
        for wave in range(3)
        for one in security_rollout(
            accounts=5 * (wave + 1), regions=1, first=MONDAY + timedelta(days=3 * wave)
        )
    ]
    assert rolled_out(waves)[0][0] == 15
    late = security_rollout(accounts=16, regions=1, first=MONDAY + timedelta(days=20))[-1]
    assert rolled_out([*waves, late])[0][0] == 15


def test_another_service_in_a_region_of_a_rollout_is_not_part_of_it():
    """A rollout of GuardDuty must not hide an intruder's instances."""
    intruder = event(
        "new_region",
        driver(EC2, "region-0", "BoxUsage:p4d", 900),
        region="region-0",
        account="999988887777",
        services=(EC2, "Amazon GuardDuty", "AWS Config"),
    )
    (group,) = find_rollouts(
        SameCause([*security_rollout(accounts=6, regions=2), intruder], RULES).charges.values()
    )
    assert intruder.fingerprint not in group.fingerprints


def counted_detections(findings, leads=()):
    """Return the detections of the findings whose cost counts in a total."""
    included = including_findings(SameCause(findings, RULES), leads={one.fingerprint for one in leads})
    stated = [one.model_copy(update={"counted_in": included.get(one.fingerprint)}) for one in findings]
    return [one.detection for one in without_double_counts(stated)]


def test_dollar_is_counted_once():
    """Of four findings about the same dollars, the lead counts."""
    findings = stolen_key()
    assert counted_detections(findings, leads=[findings[3]]) == ["gpu_burst"]


def test_dollar_is_counted_once_across_owners():
    """The team of the profile and the owner of the account are both notified; the total counts the cost once."""
    tokens = driver("Amazon Bedrock", "us-east-1", "Claude-input-tokens", 2400)
    findings = [
        event("token_burst", tokens, region="us-east-1", service="Amazon Bedrock", team="agents"),
        event("cost_anomaly", tokens, service="Amazon Bedrock", team="platform"),
    ]
    assert groups(*findings) == []
    assert len(counted_detections(findings)) == 1


def test_cost_counts_if_the_including_finding_is_not_in_the_total():
    """A suppressed or resolved finding is in no total, so the findings that it includes count."""
    findings = stolen_key()
    included = including_findings(SameCause(findings, RULES), leads=())
    remaining = [
        one.model_copy(update={"counted_in": included[one.fingerprint]})
        for one in findings
        if one.fingerprint in included
    ]
    assert without_double_counts(remaining) == remaining


def test_more_cost_than_the_lead_counts_with_the_larger_finding():
    """The anomaly costs 390 USD, of which the leading GPU finding explains 200 USD."""
    gpus, rest = driver(EC2, "us-east-1", "BoxUsage:g5", 200), driver(EC2, "us-east-1", "NatGateway", 190)
    burst, anomaly = (
        event("gpu_burst", gpus, region="us-east-1"),
        event("cost_anomaly", gpus, rest, service=EC2),
    )
    assert counted_detections([burst, anomaly], leads=[burst]) == ["cost_anomaly"]


def test_estimate_and_the_spike_on_the_bill_are_one_cause_for_any_amounts():
    """The finding from the bill leads and counts, also if it is only a cost anomaly."""
    for detection in ("token_burst", "cost_anomaly"):
        spike = billed(detection, 90)
        assert groups(estimated(), spike)
        assert leads([estimated(), spike]) == [detection, "live_burn"]
        included = including_findings(SameCause([estimated(), spike], RULES), leads=())
        assert included == {estimated().fingerprint: spike.fingerprint}


def test_estimate_has_its_own_cause_if_the_bill_shows_another():
    """Another model, day, account, owner or inference profile is another cause, and so is another estimate."""
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/"
    own = estimated().model_copy(update={"resource_id": f"{profile}a"})
    other = estimated(cost=400.0).model_copy(update={"fingerprint": "other", "resource_id": "model Other"})
    assert groups(own, billed("token_burst", 500, resource=f"{profile}a"))
    for estimate, other_finding in (
        (estimated(), billed("token_burst", 500, meter="NovaMicro-input-tokens")),
        (estimated(), billed("token_burst", 500, service="Amazon Bedrock")),
        (estimated(), billed("token_burst", 500, first=MONDAY + timedelta(days=1))),
        (estimated(), billed("token_burst", 500, account="999988887777")),
        (estimated(), billed("token_burst", 500, team="payments")),
        (own, billed("token_burst", 500, resource=f"{profile}b")),
        (estimated(), other),
    ):
        assert groups(estimate, other_finding) == []
