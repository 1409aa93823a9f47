"""List the Bedrock models and inference profiles that were called, for their calls, tokens and refusals.

Base models are no resources of an account: CloudWatch lists under `ModelId` those that were called in the last two
weeks, and no others. Calls of the endpoint bedrock-mantle are not in these metrics.
"""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.hourly_resources_and_metrics import Metric, Place, Resource, Watched, dimensions

NAMESPACE = "AWS/Bedrock"
# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
METRICS = (
    "Invocations",  # without throttled calls
    "InvocationThrottles",
    "InvocationClientErrors",
    "InputTokenCount",
    "OutputTokenCount",
    "CacheReadInputTokenCount",
    "CacheWriteInputTokenCount",
)
# of these, model_resources reads whether they are called; they are billed by the hour, not by token
CAPACITY = (":provisioned-model/", ":imported-model/", ":custom-model/", ":custom-model-deployment/")


def called_models(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield each model or inference profile that CloudWatch lists; its `arn` is the `ModelId` as it was called.

    A day without calls has no row, since the day on which a model was first called is unknown. CloudWatch charges for
    each metric that is read, so only the metrics that it lists for the model are read: the others had no datapoints in
    the last two weeks. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
    """
    listed: dict[str, set[str]] = {}
    for metric in paged(client.list_metrics, "Metrics", token="NextToken", Namespace=NAMESPACE):
        for pair in metric["Dimensions"]:
            if pair["Name"] == "ModelId":
                listed.setdefault(pair["Value"], set()).add(metric["MetricName"])
    for model, names in sorted(listed.items()):
        watched = tuple(
            Watched(Metric(NAMESPACE, name), (dimensions(ModelId=model),))
            for name in METRICS
            if name in names
        )
        if watched and not any(kind in model for kind in CAPACITY):
            yield Resource(arn=model, created_on=None, watched=watched, marks=frozenset())
