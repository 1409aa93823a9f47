"""Which findings have the same cause, and which have not, however similar they look."""

from datetime import timedelta

import pytest

from focuswatch.findings.counted_once import counted_in, counted_once
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


def groups(*found):
    """The groups of two and more, as sets of detections with regions."""
    cause = SameCause(found, RULES)
    names = {one.fingerprint: (one.detection, one.region_id or one.service_name) for one in found}
    joined = connected([one.fingerprint for one in found], cause.pairs())
    return [{names[one] for one in group} for group in joined if len(group) > 1]


def leads(found):
    """The findings in the order in which they would lead."""
    return [one.detection for one in sorted(found, key=RULES.precedence)]


def test_stolen_key_is_one_cause():
    """New region, new service, GPU usage and cost anomaly are the same 2,400 USD."""
    (group,) = groups(*stolen_key())
    assert len(group) == 4


def test_lead_names_the_cause_before_the_place_before_the_amount():
    """Whatever they cost."""
    assert leads(stolen_key()) == ["gpu_burst", "new_region", "new_service", "cost_anomaly"]


def test_runaway_agent_is_one_cause():
    """The spike of a profile is most of its service's anomaly."""
    tokens = driver("Amazon Bedrock", "us-east-1", "Claude-input-tokens", 2400, "profile/agent")
    rest = driver("Amazon Bedrock", "us-east-1", "Titan-embeddings", 52)
    burst = event(
        "token_burst", tokens, region="us-east-1", service="Amazon Bedrock", resource="profile/agent"
    )
    assert groups(burst, event("cost_anomaly", tokens, rest, service="Amazon Bedrock"))


def test_less_than_four_fifths_of_the_cost_is_another_cause():
    """79 % of the anomaly of EC2 are GPUs, and it has another largest meter: the rest has its own cause."""
    gpus = driver(EC2, "us-east-1", "BoxUsage:g5.xlarge", 79)
    transfer = driver(EC2, "us-east-1", "DataTransfer-Out-Bytes", 300)
    burst = event("gpu_burst", gpus, region="us-east-1")
    assert groups(burst, event("cost_anomaly", transfer, gpus, service=EC2)) == []
    assert groups(burst, event("cost_anomaly", gpus, service=EC2))


def test_a_part_of_an_anomaly_with_the_same_largest_meter_is_the_same_cause():
    """GPU instances in five regions are one anomaly, of which each region is a fifth."""
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
def test_what_differs_is_another_cause(other):
    """Each of what the rule compares is enough."""
    gpus = event("gpu_burst", driver(EC2, "us-east-1", "BoxUsage:m5", 100, "i-1"), region="us-east-1")
    assert groups(gpus, other) == []


def test_place_alone_does_not_make_a_small_cost_part_of_a_large_one():
    """Without cost drivers, an anomaly of all of EC2 says nothing about 2 USD in a new region."""
    small = event("gpu_burst", driver(EC2, "ap-south-1", "BoxUsage:m6i.large", 2), region="ap-south-1")
    assert groups(small, event("cost_anomaly", service=EC2, cost=2400)) == []
    assert groups(small, event("cost_anomaly", service=EC2, cost=2.1))


def test_free_usage_in_a_new_region_is_part_of_the_new_region():
    """Neither costs anything, and both name the same charge."""
    free = driver("Amazon SNS", "ap-south-1", "Requests-Tier1", 0)
    assert groups(
        event("new_region", free, region="ap-south-1"), event("new_service", free, service="Amazon SNS")
    )


def test_everything_in_a_dormant_account_is_its_waking():
    """A third of its cost is another service, which starts a day later."""
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
    """In a region where the account works every day, two first uses within three days are common."""
    mail = driver("Amazon SES", "us-east-1", "Recipients", 5)
    desktop = driver("Amazon WorkSpaces", "us-east-1", "AutoStop", 7)
    assert not groups(
        event("new_service", mail, service="Amazon SES"),
        event("new_service", desktop, service="Amazon WorkSpaces"),
    )


def test_security_findings_that_name_the_same_region_are_one_cause_within_three_days():
    """GPUs start where GuardDuty stops."""
    gpus = event("gpu_burst", driver(EC2, "us-east-1", "BoxUsage:g5", 500), region="us-east-1")
    stopped = finding(None, detection="security_service_went_dark", category="security", team="search")
    assert groups(gpus, stopped.model_copy(update={"ended_on": MONDAY + timedelta(days=3)}))
    assert not groups(gpus, stopped.model_copy(update={"ended_on": MONDAY + timedelta(days=4)}))


def test_idle_resource_of_a_new_service_is_the_same_cause():
    """A Kendra index that someone tried: its first charges, and then that it is idle."""
    index = driver("Amazon Kendra", "us-east-1", "KendraEnterprise", 60, "arn:index")
    tried = event("new_service", index, service="Amazon Kendra")
    idle = finding("arn:index", detection="idle_floor_service", team="search")
    idle = idle.model_copy(update={"service_name": "Amazon Kendra"})
    assert groups(tried, idle)
    assert not groups(tried, idle.model_copy(update={"resource_id": "arn:other"}))
    spike = event("token_burst", index, region="us-east-1", service="Amazon Kendra", resource="arn:index")
    assert not groups(spike, idle)  # it existed before


def test_missing_tags_are_another_problem_than_waste():
    """Both are about the same resource; a tag does not stop it."""
    assert not groups(finding(), finding(detection="untagged_ai_spend", category="governance"))
    assert groups(finding(), finding(detection="underused_gpu"))


def rolled_out(found):
    """Sizes and services of the rollouts."""
    return [(len(one.fingerprints), sorted(one.services)) for one in SameCause(found, RULES).rollouts()]


def test_same_services_in_new_regions_of_five_accounts_are_a_rollout():
    """Four are not."""
    assert rolled_out(security_rollout(accounts=4, regions=17)) == []
    assert rolled_out(security_rollout(accounts=5, regions=2)) == [(10, ["AWS Config", "Amazon GuardDuty"])]


def test_rollout_goes_on_while_accounts_follow_within_three_days():
    """A rollout by organizational unit takes weeks; a start after a pause is none."""
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
    """An intruder's instances must not disappear in the rollout of GuardDuty."""
    intruder = event(
        "new_region", driver(EC2, "region-0", "BoxUsage:p4d", 900), region="region-0", account="999988887777",
        services=(EC2, "Amazon GuardDuty", "AWS Config"),
    )  # fmt: skip
    (group,) = SameCause([*security_rollout(accounts=6, regions=2), intruder], RULES).rollouts()
    assert intruder.fingerprint not in group.fingerprints


def counted(found, leads=()):
    """The findings whose cost counts in a total."""
    included = counted_in(SameCause(found, RULES), leads={one.fingerprint for one in leads})
    stated = [one.model_copy(update={"counted_in": included.get(one.fingerprint)}) for one in found]
    return [one.detection for one in counted_once(stated)]


def test_a_dollar_is_counted_once():
    """Of four findings about the same dollars, that of the lead counts."""
    found = stolen_key()
    assert counted(found, leads=[found[3]]) == ["gpu_burst"]


def test_a_dollar_is_counted_once_across_owners():
    """The profile's team and the account's owner are both notified; the total is that of the bill."""
    tokens = driver("Amazon Bedrock", "us-east-1", "Claude-input-tokens", 2400)
    found = [
        event("token_burst", tokens, region="us-east-1", service="Amazon Bedrock", team="agents"),
        event("cost_anomaly", tokens, service="Amazon Bedrock", team="platform"),
    ]
    assert groups(*found) == []
    assert len(counted(found)) == 1


def test_a_cost_counts_where_the_finding_that_includes_it_does_not():
    """A suppressed or resolved finding is in no total, so what it included is."""
    found = stolen_key()
    included = counted_in(SameCause(found, RULES), leads=())
    left = [
        one.model_copy(update={"counted_in": included[one.fingerprint]})
        for one in found
        if one.fingerprint in included
    ]
    assert counted_once(left) == left


def test_more_cost_than_the_lead_counts_with_the_larger_finding():
    """An anomaly of 400 of which 100 are the GPUs that lead."""
    gpus, rest = driver(EC2, "us-east-1", "BoxUsage:g5", 200), driver(EC2, "us-east-1", "NatGateway", 190)
    burst, anomaly = (
        event("gpu_burst", gpus, region="us-east-1"),
        event("cost_anomaly", gpus, rest, service=EC2),
    )
    assert counted([burst, anomaly], leads=[burst]) == ["cost_anomaly"]


def test_estimate_and_the_spike_of_the_bill_are_one_cause_whatever_their_amounts():
    """The bill leads and counts, also if it only states an amount."""
    for detection in ("token_burst", "cost_anomaly"):
        spike = billed(detection, 90)
        assert groups(estimated(), spike)
        assert leads([estimated(), spike]) == [detection, "live_burn"]
        included = counted_in(SameCause([estimated(), spike], RULES), leads=())
        assert included == {estimated().fingerprint: spike.fingerprint}


def test_an_estimate_has_its_own_cause_where_the_bill_states_another():
    """Another model, day, account, owner, inference profile, or another estimate."""
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/"
    own = estimated().model_copy(update={"resource_id": f"{profile}a"})
    other = estimated(cost=400.0).model_copy(update={"fingerprint": "other", "resource_id": "model Other"})
    assert groups(own, billed("token_burst", 500, resource=f"{profile}a"))
    for mine, theirs in (
        (estimated(), billed("token_burst", 500, meter="NovaMicro-input-tokens")),
        (estimated(), billed("token_burst", 500, service="Amazon Bedrock")),
        (estimated(), billed("token_burst", 500, first=MONDAY + timedelta(days=1))),
        (estimated(), billed("token_burst", 500, account="999988887777")),
        (estimated(), billed("token_burst", 500, team="payments")),
        (own, billed("token_burst", 500, resource=f"{profile}b")),
        (estimated(), other),
    ):
        assert groups(mine, theirs) == []
