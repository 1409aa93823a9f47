"""SageMaker endpoints, and Bedrock's models and capacity: what is held ready to answer."""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.hourly_resources import (
    Dimensions,
    Metric,
    Place,
    Resource,
    Watched,
    day_of,
    dimensions,
)

INVOCATIONS = Metric("AWS/SageMaker", "Invocations")
GPU_UTILISATION = Metric("/aws/sagemaker/Endpoints", "GPUUtilization", stat="Average")
MODEL_INVOCATIONS = Metric("AWS/Bedrock", "Invocations")
MANTLE_INFERENCES = Metric("AWS/BedrockMantle", "Inferences")
SERVING = {"InService", "Updating"}  # an endpoint or capacity that is being changed still serves, and costs


def endpoints(client: Any, _place: Place) -> Iterator[Resource]:
    """Real-time endpoints; serverless and asynchronous ones have no floor and are left out.

    A metric needs endpoint and variant: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    components: dict[str, list[str]] = {}
    found = list(paged(client.list_endpoints, "Endpoints", token="NextToken", MaxResults=100))
    if found:
        for one in paged(client.list_inference_components, "InferenceComponents", token="NextToken"):
            components.setdefault(one["EndpointName"], []).append(one["InferenceComponentName"])
    for endpoint in found:
        name = endpoint["EndpointName"]
        if endpoint["EndpointStatus"] not in SERVING | {"SystemUpdating", "RollingBack"}:
            continue
        told = client.describe_endpoint(EndpointName=name)
        variants = [v for v in told.get("ProductionVariants", ()) if not v.get("CurrentServerlessConfig")]
        if variants and not told.get("AsyncInferenceConfig"):
            yield _endpoint(endpoint, [v["VariantName"] for v in variants], components.get(name, []))


def _endpoint(endpoint: dict[str, Any], variants: list[str], components: list[str]) -> Resource:
    name = endpoint["EndpointName"]
    by_variant = tuple(dimensions(EndpointName=name, VariantName=variant) for variant in variants)
    by_component = tuple(dimensions(InferenceComponentName=component) for component in components)
    return Resource(
        arn=endpoint["EndpointArn"],
        created_on=day_of(endpoint["CreationTime"]),
        watched=(Watched(INVOCATIONS, by_variant + by_component), Watched(GPU_UTILISATION, by_variant)),
        marks=frozenset({("EndpointName", name)}),
    )


def provisioned_throughputs(client: Any, _place: Place) -> Iterator[Resource]:
    """Bedrock capacity that is bought: https://docs.aws.amazon.com/bedrock/latest/userguide/prov-throughput.html"""
    for one in paged(client.list_provisioned_model_throughputs, "provisionedModelSummaries"):
        if one["status"] in SERVING:
            yield _model(one["provisionedModelArn"], created=one["creationTime"])


def imported_models(client: Any, _place: Place) -> Iterator[Resource]:
    """Models brought from elsewhere; each is invoked under its own ARN."""
    for one in paged(client.list_imported_models, "modelSummaries"):
        yield _model(one["modelArn"], created=one["creationTime"])


def custom_models(client: Any, _place: Place) -> Iterator[Resource]:
    """Customised models; each is invoked under the ARN of capacity or of a deployment that serves it.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-use.html
    """
    models = list(paged(client.list_custom_models, "modelSummaries", isOwned=True))
    served_as: dict[str, list[str]] = {}
    if models:
        for one in paged(client.list_provisioned_model_throughputs, "provisionedModelSummaries"):
            served_as.setdefault(one["modelArn"], []).append(one["provisionedModelArn"])
        for one in paged(client.list_custom_model_deployments, "modelDeploymentSummaries"):
            served_as.setdefault(one["modelArn"], []).append(one["customModelDeploymentArn"])
    for one in models:
        if one.get("modelStatus", "Active") == "Active":
            yield _model(one["modelArn"], *served_as.get(one["modelArn"], ()), created=one["creationTime"])


def _model(arn: str, *others: str, created: Any) -> Resource:
    """CloudWatch knows a model as it was called, by its ARN or by the last part of it.

    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-mantle-metrics.html
    """
    called_as = [name for one in (arn, *others) for name in (one, one.rpartition("/")[2])]
    runtime: tuple[Dimensions, ...] = tuple(dimensions(ModelId=name) for name in called_as)
    mantle: tuple[Dimensions, ...] = tuple(dimensions(Model=name) for name in called_as)
    return Resource(
        arn=arn,
        created_on=day_of(created),
        watched=(Watched(MODEL_INVOCATIONS, runtime), Watched(MANTLE_INFERENCES, mantle)),
        marks=frozenset(("", name) for name in called_as),
    )
