"""List SageMaker endpoints, Bedrock Provisioned Throughput, and imported and custom models, with their metrics."""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.aws_paging import paged
from focuswatch.collect.resource_model_with_metrics_to_read import (
    Dimensions,
    Metric,
    Resource,
    Watched,
    day_of,
    dimensions,
)

INVOCATIONS = Metric("AWS/SageMaker", "Invocations")
GPU_UTILIZATION = Metric("/aws/sagemaker/Endpoints", "GPUUtilization", stat="Average")
MODEL_INVOCATIONS = Metric("AWS/Bedrock", "Invocations")
MANTLE_INFERENCES = Metric("AWS/BedrockMantle", "Inferences")
SERVING = {"InService", "Updating"}  # endpoints and capacity that are billed, also during an update


def endpoints(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield real-time endpoints, without serverless and asynchronous endpoints, which have no minimum charge.

    The metrics have the dimensions endpoint and variant: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    components: dict[str, list[str]] = {}
    listed = list(paged(client.list_endpoints, "Endpoints", token="NextToken", MaxResults=100))
    if listed:
        for component in paged(client.list_inference_components, "InferenceComponents", token="NextToken"):
            name = component["InferenceComponentName"]
            components.setdefault(component["EndpointName"], []).append(name)
    for endpoint in listed:
        name = endpoint["EndpointName"]
        if endpoint["EndpointStatus"] not in SERVING | {"SystemUpdating", "RollingBack"}:
            continue
        details = client.describe_endpoint(EndpointName=name)
        variants = [v for v in details.get("ProductionVariants", ()) if not v.get("CurrentServerlessConfig")]
        if variants and not details.get("AsyncInferenceConfig"):
            yield _endpoint(endpoint, [v["VariantName"] for v in variants], components.get(name, []))


def _endpoint(endpoint: dict[str, Any], variants: list[str], components: list[str]) -> Resource:
    name = endpoint["EndpointName"]
    by_variant = tuple(dimensions(EndpointName=name, VariantName=variant) for variant in variants)
    by_component = tuple(dimensions(InferenceComponentName=component) for component in components)
    return Resource(
        arn=endpoint["EndpointArn"],
        created_on=day_of(endpoint["CreationTime"]),
        watched=(Watched(INVOCATIONS, by_variant + by_component), Watched(GPU_UTILIZATION, by_variant)),
        marks=frozenset({("EndpointName", name)}),
    )


def provisioned_throughputs(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield purchased Bedrock capacity: https://docs.aws.amazon.com/bedrock/latest/userguide/prov-throughput.html"""
    for capacity in paged(client.list_provisioned_model_throughputs, "provisionedModelSummaries"):
        if capacity["status"] in SERVING:
            yield _model(capacity["provisionedModelArn"], created=capacity["creationTime"])


def imported_models(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield imported models; each is invoked under its own ARN."""
    for model in paged(client.list_imported_models, "modelSummaries"):
        yield _model(model["modelArn"], created=model["creationTime"])


def custom_models(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield custom models; each is invoked under the ARN of the capacity or deployment that serves it.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-use.html
    """
    models = list(paged(client.list_custom_models, "modelSummaries", isOwned=True))
    served_as: dict[str, list[str]] = {}
    if models:
        for capacity in paged(client.list_provisioned_model_throughputs, "provisionedModelSummaries"):
            served_as.setdefault(capacity["modelArn"], []).append(capacity["provisionedModelArn"])
        for deployment in paged(client.list_custom_model_deployments, "modelDeploymentSummaries"):
            served_as.setdefault(deployment["modelArn"], []).append(deployment["customModelDeploymentArn"])
    for model in models:
        if model.get("modelStatus", "Active") == "Active":
            arn = model["modelArn"]
            yield _model(arn, *served_as.get(arn, ()), created=model["creationTime"])


def _model(arn: str, *others: str, created: Any) -> Resource:
    """Return a model. CloudWatch identifies the model as in the call: by its ARN or by the last part of the ARN.

    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
    https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-mantle-metrics.html
    """
    called_as = [name for model_arn in (arn, *others) for name in (model_arn, model_arn.rpartition("/")[2])]
    runtime: tuple[Dimensions, ...] = tuple(dimensions(ModelId=name) for name in called_as)
    mantle: tuple[Dimensions, ...] = tuple(dimensions(Model=name) for name in called_as)
    return Resource(
        arn=arn,
        created_on=day_of(created),
        watched=(Watched(MODEL_INVOCATIONS, runtime), Watched(MANTLE_INFERENCES, mantle)),
        marks=frozenset(("", name) for name in called_as),
    )
