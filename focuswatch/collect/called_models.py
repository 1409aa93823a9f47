"""List the Bedrock models and inference profiles that were called, for their calls, tokens, refusals and latency.

Base models are no resources of an account: CloudWatch lists under `ModelId` those that were called in the last two
weeks, and no others. Calls of the endpoint bedrock-mantle are not in these metrics.
"""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.watched_resources import Metric, Place, Resource, Watched, dimensions

NAMESPACE = "AWS/Bedrock"
# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
SUMS = (
    "Invocations",  # without throttled calls
    "InvocationThrottles",
    "InvocationClientErrors",
    "InputTokenCount",
    "OutputTokenCount",
    "CacheReadInputTokenCount",
    "CacheWriteInputTokenCount",
)
METRICS = (
    *(Metric(NAMESPACE, name) for name in SUMS),
    Metric(NAMESPACE, "InvocationLatency", stat="Average"),
)
# of these, model_resources reads whether they are called; they are billed by the hour, not by token
CAPACITY = (":provisioned-model/", ":imported-model/", ":custom-model/", ":custom-model-deployment/")


def called_models(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield each model or inference profile that CloudWatch lists; its `arn` is the `ModelId` as it was called.

    A day without calls has no row, since the day on which a model was first called is unknown.
    """
    metrics = paged(client.list_metrics, "Metrics", token="NextToken", Namespace=NAMESPACE)
    called = {
        pair["Value"] for metric in metrics for pair in metric["Dimensions"] if pair["Name"] == "ModelId"
    }
    for model in sorted(called):
        if not any(kind in model for kind in CAPACITY):
            by_model = (dimensions(ModelId=model),)
            yield Resource(
                arn=model,
                created_on=None,
                watched=tuple(Watched(metric, by_model) for metric in METRICS),
                marks=frozenset({("ModelId", model)}),
            )
