"""List the Bedrock models and inference profiles that were called, with their call, token and error metrics.

Base models are not resources of an account, so no API lists them. CloudWatch lists the `ModelId` of each model that was
called in the last two weeks. The metrics do not include calls to the endpoint bedrock-mantle.
"""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.aws_paging import paged
from focuswatch.collect.resource_model_with_metrics_to_read import Metric, Resource, Watched, dimensions

NAMESPACE = "AWS/Bedrock"
# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
METRICS = (
    "Invocations",  # excludes throttled calls
    "InvocationThrottles",
    "InvocationClientErrors",
    "InputTokenCount",
    "OutputTokenCount",
    "CacheReadInputTokenCount",
    "CacheWriteInputTokenCount",
)
# ModelIds with these parts name provisioned, imported or custom models. sagemaker_endpoints_and_bedrock_models lists
# these models and their invocations.
RESOURCE_MODEL_PARTS = (
    ":provisioned-model/",
    ":imported-model/",
    ":custom-model/",
    ":custom-model-deployment/",
)


def called_models(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield each model or inference profile that CloudWatch lists; its `arn` is the `ModelId` used in the calls.

    A day without calls has no row, because the day of a model's first call is unknown. CloudWatch charges for each
    metric that is read, so only the metrics that CloudWatch lists for the model are read. Other metrics had no
    datapoints in the last two weeks. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
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
        if watched and not any(kind in model for kind in RESOURCE_MODEL_PARTS):
            yield Resource(arn=model, created_on=None, watched=watched, marks=frozenset())
