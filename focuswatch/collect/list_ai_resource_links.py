"""List the resources that knowledge bases, agents, gateways and endpoints use, from the control plane APIs.

The APIs and their fields:
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Agents_for_Amazon_Bedrock.html
https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_GetGatewayTarget.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpointConfig.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBClusters.html
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.aws_paging import paged

DRAFT = "DRAFT"  # the version that every agent has
DATA_SOURCE = "data source of knowledge base"
# The kind of listed resource, for each `from_type` of a Link that is not itself such a kind.
KIND_BY_FROM_TYPE = {DATA_SOURCE: "knowledge base"}
# Storage of a knowledge base: field with the configuration, field with the ARN, type of the resource.
VECTOR_STORES = (
    ("opensearchServerlessConfiguration", "collectionArn", "OpenSearch Serverless collection"),
    ("opensearchManagedClusterConfiguration", "domainArn", "OpenSearch domain"),
    ("rdsConfiguration", "resourceArn", "Aurora cluster"),
    ("neptuneAnalyticsConfiguration", "graphArn", "Neptune Analytics graph"),
    ("s3VectorsConfiguration", "vectorBucketArn", "S3 vector bucket"),
)


@dataclass(frozen=True, order=True)
class Link:
    """The resource `from_arn` uses the resource `to_arn`; `to_arn` is the ARN on the bill."""

    from_type: str
    from_arn: str
    to_type: str
    to_arn: str


LinkLister = Callable[[Any, Place], Iterator[Link]]


def knowledge_base_links(client: Any, _place: Place) -> Iterator[Link]:
    """Yield the vector store, the Kendra index and the data source buckets of each knowledge base."""
    for summary in paged(client.list_knowledge_bases, "knowledgeBaseSummaries"):
        key = summary["knowledgeBaseId"]
        details = client.get_knowledge_base(knowledgeBaseId=key)["knowledgeBase"]
        arn, storage = details["knowledgeBaseArn"], details.get("storageConfiguration") or {}
        for configuration, name, type_ in VECTOR_STORES:
            if store_arn := (storage.get(configuration) or {}).get(name):
                yield Link("knowledge base", arn, type_, store_arn)
        kendra = details.get("knowledgeBaseConfiguration", {}).get("kendraKnowledgeBaseConfiguration") or {}
        if index_arn := kendra.get("kendraIndexArn"):
            yield Link("knowledge base", arn, "Kendra index", index_arn)
        for source in paged(client.list_data_sources, "dataSourceSummaries", knowledgeBaseId=key):
            yield from _bucket_links(client, arn, key, source["dataSourceId"])


def _bucket_links(client: Any, arn: str, knowledge_base: str, data_source: str) -> Iterator[Link]:
    response = client.get_data_source(knowledgeBaseId=knowledge_base, dataSourceId=data_source)
    configuration = response["dataSource"].get("dataSourceConfiguration") or {}
    if bucket_arn := (configuration.get("s3Configuration") or {}).get("bucketArn"):
        yield Link(DATA_SOURCE, arn, "S3 bucket", bucket_arn)


def agent_links(client: Any, place: Place) -> Iterator[Link]:
    """Yield the Lambda functions of the action groups of each agent."""
    for agent in paged(client.list_agents, "agentSummaries"):
        key = agent["agentId"]
        arn = place.arn("bedrock", f"agent/{key}")
        groups = paged(
            client.list_agent_action_groups, "actionGroupSummaries", agentId=key, agentVersion=DRAFT
        )
        for group in groups:
            response = client.get_agent_action_group(
                agentId=key, agentVersion=DRAFT, actionGroupId=group["actionGroupId"]
            )
            executor = response["agentActionGroup"].get("actionGroupExecutor") or {}
            if function_arn := executor.get("lambda"):
                yield Link("agent", arn, "Lambda function", unqualified(function_arn))


def gateway_links(client: Any, _place: Place) -> Iterator[Link]:
    """Yield the Lambda functions and runtimes that are targets of AgentCore gateways."""
    for gateway in paged(client.list_gateways, "items"):
        key = gateway["gatewayId"]
        for listed in paged(client.list_gateway_targets, "items", gatewayIdentifier=key):
            target = client.get_gateway_target(gatewayIdentifier=key, targetId=listed["targetId"])
            configuration = target.get("targetConfiguration") or {}
            function = (configuration.get("mcp") or {}).get("lambda") or {}
            runtime = (configuration.get("http") or {}).get("agentcoreRuntime") or {}
            if function_arn := function.get("lambdaArn"):
                yield Link("gateway", target["gatewayArn"], "Lambda function", unqualified(function_arn))
            if runtime_arn := runtime.get("arn"):
                yield Link("gateway", target["gatewayArn"], "AgentCore runtime", runtime_arn)


def endpoint_links(client: Any, place: Place) -> Iterator[Link]:
    """Yield the models of each SageMaker endpoint, except for variants with inference components."""
    for endpoint in paged(client.list_endpoints, "Endpoints", token="NextToken", MaxResults=100):
        details = client.describe_endpoint(EndpointName=endpoint["EndpointName"])
        name = details["EndpointConfigName"]
        for variant in client.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]:
            if model := variant.get("ModelName"):
                model_arn = place.arn("sagemaker", f"model/{model.lower()}")  # ARNs are in lower case
                yield Link("endpoint", endpoint["EndpointArn"], "model", model_arn)


def aurora_links(client: Any, place: Place, links: Iterable[Link]) -> Iterator[Link]:
    """Yield links to the billed parts of the Aurora clusters in `links`: instances, and storage by cluster resource ID.

    Clusters in other accounts or Regions are skipped.
    """
    here = place.arn("rds", "cluster:")
    for link in sorted(link for link in set(links) if link.to_type == "Aurora cluster"):
        if not link.to_arn.startswith(here):
            continue
        for cluster in client.describe_db_clusters(DBClusterIdentifier=link.to_arn)["DBClusters"]:
            storage_arn = here + cluster["DbClusterResourceId"]
            yield replace(link, to_arn=storage_arn)
            for member in cluster["DBClusterMembers"]:
                instance_arn = place.arn("rds", f"db:{member['DBInstanceIdentifier']}")
                yield replace(link, to_type="Aurora instance", to_arn=instance_arn)


def unqualified(function_arn: str) -> str:
    """Return the ARN of a Lambda function without version or alias, as on the bill."""
    return ":".join(function_arn.split(":")[:7])
