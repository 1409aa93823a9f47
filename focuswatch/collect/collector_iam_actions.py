"""List the IAM actions of the collector. The roles grant exactly these actions, and none that changes a member account.

The actions in member accounts apply to all resources, because the collector must find resources that no configuration
names. Each has the access level List or Read in
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Iterable

REASONS: dict[str, str] = {
    "cloudwatch:GetMetricData": "daily activity of each resource, and hourly token counts of Bedrock models",
    "cloudwatch:ListMetrics": "endpoint variants and Bedrock models that were called, even if they no longer exist",
    "sagemaker:ListEndpoints": "running endpoints",
    "sagemaker:DescribeEndpoint": "variants of an endpoint; each variant has its own metrics",
    "sagemaker:ListInferenceComponents": "inference components of an endpoint",
    "bedrock:ListProvisionedModelThroughputs": "purchased model capacity",
    "bedrock:ListImportedModels": "imported models",
    "bedrock:ListCustomModels": "custom models",
    "bedrock:ListCustomModelDeployments": "ARN that on-demand calls to a custom model use",
    "aoss:ListCollections": "OpenSearch Serverless collections",
    "aoss:BatchGetCollection": "creation date of a collection",
    "kendra:ListIndices": "Kendra indices",
    "qbusiness:ListApplications": "Amazon Q Business applications",
    "qbusiness:ListIndices": "indices of Amazon Q Business applications; AWS bills these indices",
    "es:ListDomainNames": "OpenSearch domains",
    "es:DescribeDomainConfig": "creation date of a domain",
    "neptune-graph:ListGraphs": "Neptune Analytics graphs",
    "neptune-graph:GetGraph": "creation date of a graph",
    "bedrock:ListKnowledgeBases": "knowledge bases",
    "bedrock:GetKnowledgeBase": "vector store of a knowledge base",
    "bedrock:ListDataSources": "data sources of a knowledge base",
    "bedrock:GetDataSource": "bucket of a data source",
    "bedrock:ListAgents": "agents",
    "bedrock:ListAgentActionGroups": "action groups of an agent",
    "bedrock:GetAgentActionGroup": "Lambda function of an action group",
    "bedrock-agentcore:ListGateways": "AgentCore gateways",
    "bedrock-agentcore:ListGatewayTargets": "targets of a gateway",
    "bedrock-agentcore:GetGatewayTarget": "Lambda function or runtime that a gateway target invokes",
    "sagemaker:DescribeEndpointConfig": "models of an endpoint",
    "rds:DescribeDBClusters": "instances of Aurora clusters, only for clusters that serve as vector stores",
    "cloudtrail:LookupEvents": "changes to resources on the day a cost increase started; for new findings only",
}
ACTIONS: tuple[str, ...] = tuple(REASONS)

# Granted only if `[invocation_logs]` is enabled, and StartQuery only for the configured log groups. A principal that
# may start a query can also read the log events: IAM cannot limit a query to sums.
INVOCATION_LOG_REASONS: dict[str, str] = {
    "bedrock:GetModelInvocationLoggingConfiguration": "log group that receives the model invocation logs",
    "logs:StartQuery": "token sums by caller and request metadata",
    "logs:GetQueryResults": "results of these queries",
}
START_QUERY = "logs:StartQuery"

# Granted only for the event sources in `collector.events` of deployment.toml. The source `deployments` needs only
# cloudtrail:LookupEvents above.
EVENT_REASONS: dict[str, dict[str, str]] = {
    "alarms": {
        "cloudwatch:DescribeAlarmHistory": "state changes of alarms",
        "cloudwatch:DescribeAlarms": "metric namespace of an alarm, to identify the service",
    },
    "health": {
        "health:DescribeEvents": "service issues and scheduled changes; requires a Business Support plan or higher"
    },
}


def member_actions(events: Iterable[str]) -> tuple[str, ...]:
    """Return the actions that the member role needs for these sources of operational events."""
    return (*ACTIONS, *(action for source in events for action in EVENT_REASONS.get(source, ())))


MANAGEMENT_REASONS: dict[str, str] = {
    "organizations:ListAccounts": "accounts of the organization and their status",
    "organizations:ListTagsForResource": "tags of an account, such as the team that owns the account",
    "organizations:ListParents": "organizational unit of an account",
    "organizations:DescribeOrganizationalUnit": "name of an organizational unit",
}
MANAGEMENT_ACTIONS: tuple[str, ...] = tuple(MANAGEMENT_REASONS)

# This object stores until which hour the function `hourly` has read each account and Region. It is not a table, so it
# is not under tables/.
READ_UNTIL_KEY = "collected/token_hours.json"

IN_TABLES = "only in the S3 folders of the collected data"
BUCKET_REASONS: dict[str, str] = {
    "s3:ListBucket": f"find the days that are already stored ({IN_TABLES})",
    "s3:GetObject": f"read the stored values of a day, which are kept if an account denies access ({IN_TABLES})",
    "s3:PutObject": f"store the values of a day ({IN_TABLES})",
}
