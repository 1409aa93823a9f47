"""What resources did is read from CloudWatch day by day, and nothing is called quiet that nobody saw."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError, UnknownServiceError

from focuswatch.catalog.catalog import Catalog
from focuswatch.collect.access_refusals import ServiceNotOffered
from focuswatch.collect.account_activity import look
from focuswatch.collect.collected_days import Window
from tests.given.cloud import (
    APPLICATION,
    LONG_AGO,
    TODAY,
    Cloud,
    RefusedError,
    ago,
    capacity,
    collection,
    custom_model,
    domain,
    endpoint,
    everything,
    graph,
    kendra_index,
    q_index,
)

ACCOUNT = "111122223333"
CALLS = ("AWS/SageMaker", "Invocations")


class Shelf:
    """A store in memory."""

    def __init__(self):
        self.days, self.written = {}, []

    def activity(self, account, *, day):
        return dict(self.days.get((account, day), {}))

    def write_activity(self, account, *, day, values):
        self.days[account, day] = dict(values)
        self.written.append(day)


def run(
    cloud,
    shelf=None,
    *,
    regions=("us-east-1",),
    recent_days=3,
    first_days=5,
    today=TODAY,
    not_offered=None,
    session=None,
):
    """The rows by (resource, metric) and day, and what came of looking."""
    shelf = shelf if shelf is not None else Shelf()
    looked = look(
        ACCOUNT,
        session=session or cloud.session(),
        regions=regions,
        window=Window(today, recent_days=recent_days, first_days=first_days),
        store=shelf,
        not_offered=not_offered or ServiceNotOffered(),
    )
    return shelf, looked


def days_of(shelf, resource, metric="Invocations"):
    return {
        day: value
        for (_, day), values in shelf.days.items()
        for (_, _, arn, name), value in values.items()
        if (arn, name) == (resource, metric)
    }


def test_a_day_without_datapoints_is_zero_and_one_with_calls_is_their_sum():
    cloud = Cloud()
    arn = endpoint(cloud)
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={ago(2): 7.0})
    shelf, looked = run(cloud)
    assert days_of(shelf, arn) == {ago(5): 0, ago(4): 0, ago(3): 0, ago(2): 7, ago(1): 0}
    assert (looked.resources, looked.rows, looked.refusals) == (1, 5, [])


def test_a_resource_is_quiet_only_on_days_it_was_there():
    cloud = Cloud()
    arn = endpoint(cloud, created=datetime.combine(ago(3), datetime.min.time(), UTC) + timedelta(hours=8))
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={ago(3): 2.0})
    shelf, _ = run(cloud)
    assert days_of(shelf, arn) == {ago(3): 2, ago(2): 0, ago(1): 0}


def test_variants_are_summed_also_one_that_is_no_longer_there():
    cloud = Cloud()
    arn = endpoint(cloud, variants=("a", "b"))
    for variant, calls in {"a": 1.0, "b": 2.0, "former": 4.0}.items():
        cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": variant}, days={ago(1): calls})
    cloud.measure(*CALLS, by={"EndpointName": "other", "VariantName": "a"}, days={ago(1): 50.0})
    shelf, _ = run(cloud)
    assert days_of(shelf, arn)[ago(1)] == 7


def test_the_same_calls_by_instance_or_component_are_not_counted_twice():
    cloud = Cloud()
    arn = endpoint(cloud)
    by_variant = {"EndpointName": "old", "VariantName": "a"}
    cloud.add("ListInferenceComponents", {"EndpointName": "old", "InferenceComponentName": "part"})
    cloud.measure(*CALLS, by=by_variant, days={ago(1): 5.0})
    cloud.measure(*CALLS, by=by_variant | {"InstanceId": "i-1"}, days={ago(1): 5.0})
    cloud.measure(*CALLS, by={"InferenceComponentName": "part"}, days={ago(1): 5.0, ago(2): 3.0})
    shelf, _ = run(cloud)
    assert (days_of(shelf, arn)[ago(1)], days_of(shelf, arn)[ago(2)]) == (5, 3)


def test_serverless_asynchronous_and_stopped_endpoints_are_left_out():
    cloud = Cloud()
    endpoint(
        cloud,
        "serverless",
        told={"ProductionVariants": [{"VariantName": "a", "CurrentServerlessConfig": {"MaxConcurrency": 1}}]},
    )
    endpoint(cloud, "async", told={"AsyncInferenceConfig": {"OutputConfig": {}}})
    cloud.add(
        "ListEndpoints",
        {
            "EndpointName": "failed",
            "EndpointArn": "arn",
            "CreationTime": LONG_AGO,
            "EndpointStatus": "Failed",
        },
    )
    shelf, looked = run(cloud)
    assert (shelf.days, looked.resources) == ({}, 0)


def test_utilization_without_datapoints_is_not_zero():
    cloud = Cloud()
    arn = endpoint(cloud, variants=("a", "b"))
    for variant, percent in {"a": 20.0, "b": 60.0}.items():
        by = {"EndpointName": "old", "VariantName": variant}
        cloud.measure(
            "/aws/sagemaker/Endpoints", "GPUUtilization", by=by, days={ago(1): percent}, stat="Average"
        )
    shelf, _ = run(cloud)
    assert days_of(shelf, arn, "GPUUtilization") == {ago(1): 40}


def test_a_custom_model_is_used_under_the_capacity_and_the_deployment_that_serve_it():
    cloud, home = Cloud(), f"arn:aws:bedrock:us-east-1:{ACCOUNT}"
    model, deployment = f"{home}:custom-model/nova/m1", f"{home}:custom-model-deployment/d1"
    bought = f"{home}:provisioned-model/p1"
    custom_model(cloud, model)
    capacity(cloud, bought, serves=model)
    cloud.add("ListCustomModelDeployments", {"customModelDeploymentArn": deployment, "modelArn": model})
    for called_as, calls in {bought: 3.0, deployment: 4.0, "anthropic.claude": 50.0}.items():
        cloud.measure("AWS/Bedrock", "Invocations", by={"ModelId": called_as}, days={ago(1): calls})
    shelf, looked = run(cloud)
    assert looked.resources == 2
    assert days_of(shelf, model)[ago(1)] == 7
    assert days_of(shelf, bought) == {ago(5): 0, ago(4): 0, ago(3): 0, ago(2): 0, ago(1): 3}
    assert days_of(shelf, bought, "Inferences")[ago(1)] == 0


def test_calls_by_mantle_are_found_by_the_model_alone():
    cloud = Cloud()
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:imported-model/i1"
    cloud.add("ListImportedModels", {"modelArn": arn, "modelName": "i", "creationTime": LONG_AGO})
    cloud.measure("AWS/BedrockMantle", "Inferences", by={"Model": "i1"}, days={ago(1): 2.0})
    shelf, _ = run(cloud)
    assert (days_of(shelf, arn, "Inferences")[ago(1)], days_of(shelf, arn)[ago(1)]) == (2, 0)


def test_search_and_graph_services_are_known_by_the_arn_that_is_billed():
    cloud, searched = Cloud(), {ago(1): 5.0}
    domain_name = {"ClientId": ACCOUNT, "DomainName": "logs"}
    resources = {
        "AWS/AOSS": collection(cloud, "c0ffee"),
        "AWS/ES": domain(cloud, "logs"),
        "AWS/Kendra": kendra_index(cloud, "k1"),
        "AWS/QBusiness": q_index(cloud, APPLICATION, "idx1"),
        "AWS/Neptune": graph(cloud, "g-1234567890"),
    }
    for space, metric, by in (
        (
            "AWS/AOSS",
            "SearchRequestRate",
            {"ClientId": ACCOUNT, "CollectionId": "c0ffee", "CollectionName": "docs"},
        ),
        ("AWS/ES", "SearchRate", domain_name),
        ("AWS/ES", "SearchRate", domain_name | {"NodeId": "n1"}),
        ("AWS/Kendra", "IndexQueryCount", {"ANameNobodyDocuments": "k1"}),
        ("AWS/QBusiness", "ChatMessages", {"ApplicationId": APPLICATION}),
        ("AWS/Neptune", "NumOpenCypherRequestsPerSec", {"GraphIdentifier": "g-1234567890"}),
    ):
        cloud.measure(space, metric, by=by, days=searched)
    shelf, looked = run(cloud)
    assert looked.refusals == []
    rows = shelf.days[ACCOUNT, ago(1)]
    assert {(space, arn) for (_, space, arn, _), value in rows.items() if value == 5} == set(
        resources.items()
    )
    assert {(space, metric) for (_, space, _, metric), value in rows.items() if value == 0} == {
        ("AWS/ES", "IndexingRate"),
    }


@pytest.mark.parametrize("space", ["AWS/Neptune", "AWS/Neptune-Graph"])
def test_a_graph_is_idle_where_cloudwatch_lists_other_metrics_of_it(space):
    """Its size is measured in that namespace, and requests are not: there were none."""
    cloud = Cloud()
    arn = graph(cloud, "g-1234567890")
    cloud.measure(space, "GraphSizeBytes", by={"GraphIdentifier": "g-1234567890"}, days={ago(1): 9.0})
    shelf, _ = run(cloud)
    rows = {
        (found, metric): value
        for (_, found, one, metric), value in shelf.days[ACCOUNT, ago(1)].items()
        if one == arn
    }
    assert rows == {(space, "NumOpenCypherRequestsPerSec"): 0.0}


def test_a_metric_that_cloudwatch_never_listed_is_no_zero():
    """Which namespace a graph is measured in is no page's word; metrics of another graph say nothing of this one."""
    cloud = Cloud()
    arn = graph(cloud, "g-1234567890")
    cloud.measure("AWS/Neptune", "CPUUtilization", by={"GraphIdentifier": "g-another"}, days={ago(1): 9.0})
    shelf, looked = run(cloud)
    assert looked.refusals == []
    assert [one for values in shelf.days.values() for (_, _, one, _) in values if one == arn] == []


def test_a_service_that_refuses_hides_no_other_and_writes_no_zero():
    cloud = Cloud()
    here, there = endpoint(cloud), endpoint(cloud, "far", region="eu-west-1")
    cloud.refusing = lambda account, region, service: (
        RefusedError() if (region, service) == ("eu-west-1", "sagemaker") or service == "bedrock" else None
    )
    shelf, looked = run(cloud, regions=("us-east-1", "eu-west-1"))
    assert days_of(shelf, here) and not days_of(shelf, there)
    assert [(one.region, one.service) for one in looked.refusals] == [
        ("us-east-1", "bedrock"), ("eu-west-1", "sagemaker"), ("eu-west-1", "bedrock"),
    ]  # fmt: skip
    assert looked.refusals[0].reason == "AccessDeniedException: not authorized to perform this"


@pytest.mark.parametrize("service", ["neptune-graph", "cloudwatch"])
@pytest.mark.parametrize(
    "error",
    [
        AttributeError("'NeptuneGraph' object has no attribute 'list_graphs'"),
        KeyError("status"),
        UnknownServiceError(service_name="neptune-graph", known_service_names=""),
    ],
)
def test_an_operation_that_this_boto3_lacks_costs_its_service_and_not_the_account(error, service):
    """The runtime's boto3 may be older than a service, and an answer other than anybody thought."""
    cloud = Cloud()
    arn = endpoint(cloud)
    known = cloud.session()

    def client(name, *, region_name):
        if name == service:
            raise error
        return known.client(name, region_name=region_name)

    shelf, looked = run(cloud, session=SimpleNamespace(client=client))
    assert [(one.region, one.service) for one in looked.refusals] == [("us-east-1", service)]
    assert type(error).__name__ in looked.refusals[0].reason
    assert bool(days_of(shelf, arn)) == (service != "cloudwatch")


@pytest.mark.parametrize("service", ["cloudwatch"])
def test_where_cloudwatch_refuses_nothing_is_quiet(service):
    cloud = Cloud(refusing=lambda account, region, asked: RefusedError() if asked == service else None)
    endpoint(cloud)
    shelf, looked = run(cloud)
    assert (shelf.days, [one.service for one in looked.refusals]) == ({}, ["cloudwatch"])


def test_a_metric_that_cloudwatch_could_not_read_is_not_quiet():
    cloud = Cloud()
    arn, other = endpoint(cloud), endpoint(cloud, "other")
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days="InternalError")
    shelf, looked = run(cloud)
    assert not days_of(shelf, arn) and days_of(shelf, other)
    assert [one.reason for one in looked.refusals] == [f"no answer on Invocations of {arn}"]


def test_a_service_without_an_endpoint_in_a_region_is_asked_for_once_and_refuses_nothing():
    cloud = Cloud(
        unreachable=lambda region, service: (
            EndpointConnectionError(endpoint_url="https://kendra") if service == "kendra" else None
        )
    )
    memory = ServiceNotOffered()
    for _ in range(2):
        _, looked = run(cloud, not_offered=memory)
        assert looked.refusals == []
    assert memory.known == {("kendra", "us-east-1")}
    assert cloud.calls[ACCOUNT, "us-east-1", "ListIndices"] == 1


def test_a_second_run_asks_for_the_last_days_alone_and_writes_what_changed():
    cloud, shelf = Cloud(), Shelf()
    arn = endpoint(cloud)
    by = {"EndpointName": "old", "VariantName": "a"}
    cloud.measure(*CALLS, by=by, days={ago(5): 1.0})
    run(cloud, shelf)
    shelf.written.clear()
    cloud.measure(
        *CALLS, by=by, days={ago(2): 8.0}
    )  # it came late; and what was five days ago is not asked again
    _, looked = run(cloud, shelf)
    assert (shelf.written, looked.rows) == ([ago(2)], 1)
    assert days_of(shelf, arn)[ago(5)] == 1


def test_a_day_that_was_missed_is_caught_up_and_older_rows_stay_as_they_were():
    cloud, shelf = Cloud(), Shelf()
    arn = endpoint(cloud)
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={ago(5): 1.0})
    run(cloud, shelf)
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={})  # forgotten since
    late = endpoint(cloud, "late")
    run(cloud, shelf)
    assert days_of(shelf, arn)[ago(5)] == 1
    assert sorted(days_of(shelf, late)) == [ago(5), ago(4), ago(3), ago(2), ago(1)]


def test_what_is_gone_or_refuses_keeps_its_rows():
    cloud, shelf = Cloud(), Shelf()
    arn, other = endpoint(cloud), endpoint(cloud, "other", region="eu-west-1")
    run(cloud, shelf, regions=("us-east-1", "eu-west-1"))
    gone = Cloud(refusing=lambda account, region, service: RefusedError() if region == "eu-west-1" else None)
    new = endpoint(gone, "new")
    run(gone, shelf, regions=("us-east-1", "eu-west-1"))
    assert all(len(days_of(shelf, one)) == 5 for one in (arn, other, new))


def test_more_series_than_a_call_takes_are_asked_in_several():
    cloud = Cloud()
    endpoint(
        cloud, variants=[f"v{number}" for number in range(300)]
    )  # invocations and utilization: 600 series
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "v299"}, days={ago(1): 1.0})
    shelf, looked = run(cloud)
    assert looked.refusals == [] and cloud.calls[ACCOUNT, "us-east-1", "GetMetricData"] == 6
    assert (
        shelf.days[ACCOUNT, ago(1)][
            "us-east-1", *CALLS[:1], f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/old", CALLS[1]
        ]
        == 1
    )


def test_whatever_detections_read_is_collected():
    """A namespace or metric that only one side knows would leave resources unjudged for ever."""
    cloud = Cloud()
    everything(cloud)
    for space in ("AWS/Neptune", "AWS/Neptune-Graph"):  # whichever of them it is
        cloud.measure(space, "GraphSizeBytes", by={"GraphIdentifier": "g-1234567890"}, days={ago(1): 9.0})
    shelf, _ = run(cloud)
    collected = {(space, metric) for values in shelf.days.values() for _, space, _, metric in values}
    texts = [one.sql for one in Catalog.load().detections.values()]
    pair = re.compile(r"namespace = '([^']+)'\s+AND activity\.metric = '([^']+)'|'(AWS/[^']+)', '([^']+)'\)")
    read = {tuple(filter(None, found)) for text in texts for found in pair.findall(text)}
    assert {space for space, _ in read} == set(re.findall(r"'(AWS/[^']+)'", " ".join(texts)))
    assert read <= collected
