"""CloudWatch metrics are stored day by day; a day that could not be read is never stored as zero."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError, UnknownServiceError

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.collect.collect_resource_activity import collect_account
from focuswatch.collect.days_to_collect import Window
from focuswatch.collect.services_not_offered import ServicesNotOffered
from tests.given.cloud import (
    APPLICATION,
    LONG_AGO,
    TODAY,
    Cloud,
    RefusedError,
    ago,
    capacity,
    collection,
    connection_error,
    custom_model,
    domain,
    endpoint,
    everything,
    graph,
    kendra_index,
    q_index,
    resolver_failure,
    unknown_host,
)

ACCOUNT = "111122223333"
CALLS = ("AWS/SageMaker", "Invocations")


class MemoryStore:
    """Keep activity in memory instead of S3."""

    def __init__(self):
        self.days, self.written = {}, []

    def activity(self, account, *, day):
        return dict(self.days.get((account, day), {}))

    def write_activity(self, account, *, day, values):
        self.days[account, day] = dict(values)
        self.written.append(day)


def run(
    cloud,
    store=None,
    *,
    regions=("us-east-1",),
    recent_days=3,
    first_days=5,
    today=TODAY,
    not_offered=None,
    session=None,
):
    """Collect the account; return the store and the result."""
    store = store if store is not None else MemoryStore()
    collected = collect_account(
        ACCOUNT,
        session=session or cloud.session(),
        regions=regions,
        window=Window(today, recent_days=recent_days, first_days=first_days),
        store=store,
        not_offered=not_offered or ServicesNotOffered(),
    )
    return store, collected


def days_of(store, resource, metric="Invocations"):
    return {
        day: value
        for (_, day), values in store.days.items()
        for (_, _, arn, name), value in values.items()
        if (arn, name) == (resource, metric)
    }


def test_day_without_datapoints_is_zero():
    cloud = Cloud()
    arn = endpoint(cloud)
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={ago(2): 7.0})
    store, collected = run(cloud)
    assert days_of(store, arn) == {ago(5): 0, ago(4): 0, ago(3): 0, ago(2): 7, ago(1): 0}
    assert (collected.resources, collected.rows, collected.refusals) == (1, 5, [])


def test_days_before_the_creation_of_a_resource_are_not_zero():
    cloud = Cloud()
    arn = endpoint(cloud, created=datetime.combine(ago(3), datetime.min.time(), UTC) + timedelta(hours=8))
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={ago(3): 2.0})
    store, _ = run(cloud)
    assert days_of(store, arn) == {ago(3): 2, ago(2): 0, ago(1): 0}


def test_variants_are_summed_including_deleted_ones():
    cloud = Cloud()
    arn = endpoint(cloud, variants=("a", "b"))
    for variant, calls in {"a": 1.0, "b": 2.0, "former": 4.0}.items():
        cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": variant}, days={ago(1): calls})
    cloud.measure(*CALLS, by={"EndpointName": "other", "VariantName": "a"}, days={ago(1): 50.0})
    store, _ = run(cloud)
    assert days_of(store, arn)[ago(1)] == 7


def test_calls_by_instance_or_component_are_not_counted_twice():
    cloud = Cloud()
    arn = endpoint(cloud)
    by_variant = {"EndpointName": "old", "VariantName": "a"}
    cloud.add("ListInferenceComponents", {"EndpointName": "old", "InferenceComponentName": "part"})
    cloud.measure(*CALLS, by=by_variant, days={ago(1): 5.0})
    cloud.measure(*CALLS, by=by_variant | {"InstanceId": "i-1"}, days={ago(1): 5.0})
    cloud.measure(*CALLS, by={"InferenceComponentName": "part"}, days={ago(1): 5.0, ago(2): 3.0})
    store, _ = run(cloud)
    assert (days_of(store, arn)[ago(1)], days_of(store, arn)[ago(2)]) == (5, 3)


def test_serverless_asynchronous_and_failed_endpoints_are_ignored():
    cloud = Cloud()
    endpoint(
        cloud,
        "serverless",
        more={"ProductionVariants": [{"VariantName": "a", "CurrentServerlessConfig": {"MaxConcurrency": 1}}]},
    )
    endpoint(cloud, "async", more={"AsyncInferenceConfig": {"OutputConfig": {}}})
    cloud.add(
        "ListEndpoints",
        {
            "EndpointName": "failed",
            "EndpointArn": "arn",
            "CreationTime": LONG_AGO,
            "EndpointStatus": "Failed",
        },
    )
    store, collected = run(cloud)
    assert (store.days, collected.resources) == ({}, 0)


def test_utilization_without_datapoints_is_not_zero():
    cloud = Cloud()
    arn = endpoint(cloud, variants=("a", "b"))
    for variant, percent in {"a": 20.0, "b": 60.0}.items():
        by = {"EndpointName": "old", "VariantName": variant}
        cloud.measure(
            "/aws/sagemaker/Endpoints", "GPUUtilization", by=by, days={ago(1): percent}, stat="Average"
        )
    store, _ = run(cloud)
    assert days_of(store, arn, "GPUUtilization") == {ago(1): 40}


def test_custom_model_counts_calls_of_its_capacity_and_deployments():
    cloud, arn_prefix = Cloud(), f"arn:aws:bedrock:us-east-1:{ACCOUNT}"
    model, deployment = f"{arn_prefix}:custom-model/nova/m1", f"{arn_prefix}:custom-model-deployment/d1"
    purchased = f"{arn_prefix}:provisioned-model/p1"
    custom_model(cloud, model)
    capacity(cloud, purchased, serves=model)
    cloud.add("ListCustomModelDeployments", {"customModelDeploymentArn": deployment, "modelArn": model})
    for called_as, calls in {purchased: 3.0, deployment: 4.0, "anthropic.claude": 50.0}.items():
        cloud.measure("AWS/Bedrock", "Invocations", by={"ModelId": called_as}, days={ago(1): calls})
    store, collected = run(cloud)
    assert collected.resources == 3  # the model, its capacity, and the base model that was called
    assert days_of(store, model)[ago(1)] == 7
    assert days_of(store, purchased) == {ago(5): 0, ago(4): 0, ago(3): 0, ago(2): 0, ago(1): 3}
    assert days_of(store, purchased, "Inferences")[ago(1)] == 0


def test_mantle_calls_are_attributed_to_their_model():
    cloud = Cloud()
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:imported-model/i1"
    cloud.add("ListImportedModels", {"modelArn": arn, "modelName": "i", "creationTime": LONG_AGO})
    cloud.measure("AWS/BedrockMantle", "Inferences", by={"Model": "i1"}, days={ago(1): 2.0})
    store, _ = run(cloud)
    assert (days_of(store, arn, "Inferences")[ago(1)], days_of(store, arn)[ago(1)]) == (2, 0)


def measure_model(cloud, name, **metrics):
    """Add metrics of a Bedrock model to CloudWatch: values by day for each metric."""
    for metric, values in metrics.items():
        cloud.measure("AWS/Bedrock", metric, by={"ModelId": name}, days=values)


CLAUDE = "us.anthropic.claude-opus-5-5-v1:0"


def test_called_models_have_calls_tokens_throttles_and_errors():
    cloud = Cloud()
    day = {
        "Invocations": 40.0, "InvocationThrottles": 3.0, "InvocationClientErrors": 1.0, "InputTokenCount": 9e6,
        "OutputTokenCount": 2e5, "CacheReadInputTokenCount": 4e6, "CacheWriteInputTokenCount": 1e5,
    }  # fmt: skip
    measure_model(cloud, CLAUDE, **{metric: {ago(1): value} for metric, value in day.items()})
    store, collected = run(cloud)
    stored = {metric: days_of(store, CLAUDE, metric) for metric in day}
    # Other days are absent, because their values are unknown and not zero.
    assert stored == {metric: {ago(1): value} for metric, value in day.items()}
    assert (collected.resources, collected.refusals) == (1, [])


def test_only_listed_metrics_of_a_model_are_read():
    """CloudWatch charges for each metric that is read, and one that it does not list has no datapoints."""
    cloud = Cloud()
    measure_model(
        cloud,
        CLAUDE,
        Invocations={ago(1): 4.0},
        InputTokenCount={ago(1): 9e3},
        TimeToFirstToken={ago(1): 8.0},
    )
    measure_model(cloud, "amazon.nova-pro-v1:0", Invocations={ago(1): 2.0})
    run(cloud)
    assert sorted(cloud.requested_series) == [
        ("InputTokenCount", CLAUDE),
        ("Invocations", "amazon.nova-pro-v1:0"),
        ("Invocations", CLAUDE),
    ]
    assert cloud.calls[ACCOUNT, "us-east-1", "ListMetrics"] == 2  # pages of one list


def test_provisioned_capacity_is_not_also_collected_as_a_called_model():
    cloud = Cloud()
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:provisioned-model/p1"
    measure_model(cloud, arn, Invocations={ago(1): 4.0})
    _, collected = run(cloud)
    assert collected.resources == 0


def test_a_series_with_a_further_dimension_is_not_counted_twice():
    cloud = Cloud()
    measure_model(cloud, CLAUDE, Invocations={ago(1): 4.0})
    by = {"ModelId": CLAUDE, "ServiceTier": "default"}
    cloud.measure("AWS/Bedrock", "Invocations", by=by, days={ago(1): 4.0})
    store, _ = run(cloud)
    assert days_of(store, CLAUDE) == {ago(1): 4}


def test_earlier_days_of_a_model_are_read_when_it_is_first_listed_and_not_again():
    cloud = Cloud()
    measure_model(cloud, CLAUDE, Invocations={ago(5): 2.0, ago(1): 4.0})
    store, _ = run(cloud)
    assert days_of(store, CLAUDE) == {ago(5): 2, ago(1): 4}
    measure_model(cloud, CLAUDE, Invocations={ago(5): 90.0, ago(4): 90.0, ago(1): 5.0})
    run(cloud, store)
    assert days_of(store, CLAUDE) == {ago(5): 2, ago(1): 5}


def test_search_and_graph_resources_have_the_arn_that_is_billed():
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
        ("AWS/Kendra", "IndexQueryCount", {"AnUndocumentedName": "k1"}),
        ("AWS/QBusiness", "ChatMessages", {"ApplicationId": APPLICATION}),
        ("AWS/Neptune", "NumOpenCypherRequestsPerSec", {"GraphIdentifier": "g-1234567890"}),
    ):
        cloud.measure(space, metric, by=by, days=searched)
    store, collected = run(cloud)
    assert collected.refusals == []
    rows = store.days[ACCOUNT, ago(1)]
    assert {(space, arn) for (_, space, arn, _), value in rows.items() if value == 5} == set(
        resources.items()
    )
    assert {(space, metric) for (_, space, _, metric), value in rows.items() if value == 0} == {
        ("AWS/ES", "IndexingRate"),
    }


@pytest.mark.parametrize("space", ["AWS/Neptune", "AWS/Neptune-Graph"])
def test_graph_without_requests_is_zero_if_cloudwatch_lists_its_other_metrics(space):
    """CloudWatch has the size of the graph in that namespace but no requests, so there were no requests."""
    cloud = Cloud()
    arn = graph(cloud, "g-1234567890")
    cloud.measure(space, "GraphSizeBytes", by={"GraphIdentifier": "g-1234567890"}, days={ago(1): 9.0})
    store, _ = run(cloud)
    rows = {
        (namespace, metric): value
        for (_, namespace, resource, metric), value in store.days[ACCOUNT, ago(1)].items()
        if resource == arn
    }
    assert rows == {(space, "NumOpenCypherRequestsPerSec"): 0.0}


def test_metric_that_cloudwatch_does_not_list_is_not_zero():
    """The namespace of graphs is undocumented; metrics of another graph prove nothing about this one."""
    cloud = Cloud()
    arn = graph(cloud, "g-1234567890")
    cloud.measure("AWS/Neptune", "CPUUtilization", by={"GraphIdentifier": "g-another"}, days={ago(1): 9.0})
    store, collected = run(cloud)
    assert collected.refusals == []
    assert arn not in {resource for values in store.days.values() for (_, _, resource, _) in values}


def test_refusing_service_writes_no_zero_and_affects_no_other():
    cloud = Cloud()
    near, far = endpoint(cloud), endpoint(cloud, "far", region="eu-west-1")
    cloud.refusing = lambda account, region, service: (
        RefusedError() if (region, service) == ("eu-west-1", "sagemaker") or service == "bedrock" else None
    )
    store, collected = run(cloud, regions=("us-east-1", "eu-west-1"))
    assert days_of(store, near) and not days_of(store, far)
    assert [(refusal.region, refusal.service) for refusal in collected.refusals] == [
        ("us-east-1", "bedrock"),
        ("eu-west-1", "sagemaker"),
        ("eu-west-1", "bedrock"),
    ]
    assert collected.refusals[0].reason == "AccessDeniedException: not authorized to perform this"


@pytest.mark.parametrize("service", ["neptune-graph", "cloudwatch"])
@pytest.mark.parametrize(
    "error",
    [
        AttributeError("'NeptuneGraph' object has no attribute 'list_graphs'"),
        KeyError("status"),
        UnknownServiceError(service_name="neptune-graph", known_service_names=""),
    ],
)
def test_operation_missing_in_boto3_fails_only_its_service(error, service):
    """The runtime's boto3 may be older than a service, and a response may be unexpected."""
    cloud = Cloud()
    arn = endpoint(cloud)
    working = cloud.session()

    def client(name, *, region_name):
        if name == service:
            raise error
        return working.client(name, region_name=region_name)

    store, collected = run(cloud, session=SimpleNamespace(client=client))
    assert [(refusal.region, refusal.service) for refusal in collected.refusals] == [("us-east-1", service)]
    assert type(error).__name__ in collected.refusals[0].reason
    assert bool(days_of(store, arn)) == (service != "cloudwatch")


def test_refusing_cloudwatch_writes_no_zeros():
    cloud = Cloud(
        refusing=lambda account, region, service: RefusedError() if service == "cloudwatch" else None
    )
    endpoint(cloud)
    store, collected = run(cloud)
    assert (store.days, [refusal.service for refusal in collected.refusals]) == ({}, ["cloudwatch"])


def test_metric_with_incomplete_data_is_not_zero():
    cloud = Cloud()
    arn, other = endpoint(cloud), endpoint(cloud, "other")
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days="InternalError")
    store, collected = run(cloud)
    assert not days_of(store, arn) and days_of(store, other)
    assert [refusal.reason for refusal in collected.refusals] == [
        f"incomplete data for the metric Invocations of {arn}"
    ]


def test_service_not_offered_in_a_region_is_called_once_and_is_not_a_refusal():
    cloud = Cloud(unreachable=lambda region, service: unknown_host() if service == "kendra" else None)
    memory = ServicesNotOffered()
    for _ in range(2):
        _, collected = run(cloud, not_offered=memory)
        assert collected.refusals == []
    assert memory.absent == {("kendra", "us-east-1")}
    assert cloud.calls[ACCOUNT, "us-east-1", "ListIndices"] == 1


@pytest.mark.parametrize(
    "error",
    [
        resolver_failure(),
        connection_error(ConnectionRefusedError()),
        EndpointConnectionError(endpoint_url="https://k"),
    ],
)
def test_unreachable_endpoint_is_a_refusal_and_is_called_again_for_the_next_account(error):
    """A failure of DNS or of the network does not show that the region does not offer the service."""
    cloud = Cloud(unreachable=lambda region, service: error if service == "kendra" else None)
    memory = ServicesNotOffered()
    for _ in range(2):
        _, collected = run(cloud, not_offered=memory)
        assert [refusal.service for refusal in collected.refusals] == ["kendra"]
    assert memory.absent == set()
    assert cloud.calls[ACCOUNT, "us-east-1", "ListIndices"] == 2


def test_second_run_reads_recent_days_and_writes_only_changes():
    cloud, store = Cloud(), MemoryStore()
    arn = endpoint(cloud)
    by = {"EndpointName": "old", "VariantName": "a"}
    cloud.measure(*CALLS, by=by, days={ago(5): 1.0})
    run(cloud, store)
    store.written.clear()
    # A late datapoint of a recent day; the day five days ago is not read again.
    cloud.measure(*CALLS, by=by, days={ago(2): 8.0})
    _, collected = run(cloud, store)
    assert (store.written, collected.rows) == ([ago(2)], 1)
    assert days_of(store, arn)[ago(5)] == 1


def test_missed_days_are_collected_later_and_older_rows_stay():
    cloud, store = Cloud(), MemoryStore()
    arn = endpoint(cloud)
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={ago(5): 1.0})
    run(cloud, store)
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "a"}, days={})  # no longer listed
    late = endpoint(cloud, "late")
    run(cloud, store)
    assert days_of(store, arn)[ago(5)] == 1
    assert sorted(days_of(store, late)) == [ago(5), ago(4), ago(3), ago(2), ago(1)]


def test_deleted_or_refusing_resources_keep_their_rows():
    cloud, store = Cloud(), MemoryStore()
    arn, other = endpoint(cloud), endpoint(cloud, "other", region="eu-west-1")
    run(cloud, store, regions=("us-east-1", "eu-west-1"))
    later = Cloud(refusing=lambda account, region, service: RefusedError() if region == "eu-west-1" else None)
    new = endpoint(later, "new")
    run(later, store, regions=("us-east-1", "eu-west-1"))
    assert all(len(days_of(store, resource)) == 5 for resource in (arn, other, new))


def test_many_series_are_read_in_several_calls():
    cloud = Cloud()
    # Each variant has a series of invocations and one of utilization: 600 series.
    arn = endpoint(cloud, variants=[f"v{number}" for number in range(300)])
    cloud.measure(*CALLS, by={"EndpointName": "old", "VariantName": "v299"}, days={ago(1): 1.0})
    store, collected = run(cloud)
    assert collected.refusals == [] and cloud.calls[ACCOUNT, "us-east-1", "GetMetricData"] == 6
    namespace, metric = CALLS
    assert arn == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/old"
    assert store.days[ACCOUNT, ago(1)]["us-east-1", namespace, arn, metric] == 1


def test_every_metric_that_detections_read_is_collected():
    """A namespace or metric that is not collected would leave its resources unevaluated forever."""
    cloud = Cloud()
    everything(cloud)
    # AWS does not document which of the two namespaces it uses.
    for space in ("AWS/Neptune", "AWS/Neptune-Graph"):
        cloud.measure(space, "GraphSizeBytes", by={"GraphIdentifier": "g-1234567890"}, days={ago(1): 9.0})
    store, _ = run(cloud)
    stored = {(space, metric) for values in store.days.values() for _, space, _, metric in values}
    texts = [detection.sql for detection in Catalog.load().detections.values()]
    pair = re.compile(r"namespace = '([^']+)'\s+AND activity\.metric = '([^']+)'|'(AWS/[^']+)', '([^']+)'\)")
    read = {tuple(filter(None, groups)) for text in texts for groups in pair.findall(text)}
    assert {space for space, _ in read} == set(re.findall(r"'(AWS/[^']+)'", " ".join(texts)))
    assert read <= stored
