"""What may be read in accounts: the member role grants exactly these, and nothing that changes or reads content.

None of the actions of members is held to single resources: they list, so that nobody has to name a resource
before it can be found idle. Each is of access level List or Read in
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

REASONS: dict[str, str] = {
    "cloudwatch:GetMetricData": "what each resource did, day by day",
    "cloudwatch:ListMetrics": "the variants under which an endpoint was called, also those it has no longer",
    "sagemaker:ListEndpoints": "which endpoints run",
    "sagemaker:DescribeEndpoint": "whether one is real-time, and its variants: a metric needs both names",
    "sagemaker:ListInferenceComponents": "the components under which an endpoint is called",
    "bedrock:ListProvisionedModelThroughputs": "which model capacity is bought",
    "bedrock:ListImportedModels": "which imported models are kept",
    "bedrock:ListCustomModels": "which customised models are kept",
    "bedrock:ListCustomModelDeployments": "under which ARN a customised model is called on demand",
    "aoss:ListCollections": "which OpenSearch Serverless collections there are",
    "aoss:BatchGetCollection": "since when there is a collection",
    "kendra:ListIndices": "which Kendra indices there are",
    "qbusiness:ListApplications": "which Amazon Q Business applications there are",
    "qbusiness:ListIndices": "which indices they have: these are billed",
    "es:ListDomainNames": "which OpenSearch domains there are",
    "es:DescribeDomainConfig": "since when there is a domain",
    "neptune-graph:ListGraphs": "which Neptune Analytics graphs there are",
    "neptune-graph:GetGraph": "since when there is a graph",
    "cloudtrail:LookupEvents": "who made or changed what on the day a cost rose; `detect` asks, for news alone",
}
ACTIONS: tuple[str, ...] = tuple(REASONS)

MANAGEMENT_REASONS: dict[str, str] = {
    "organizations:ListAccounts": "which accounts there are, and which are closed",
    "organizations:ListTagsForResource": "an account's tags: they may name its team",
    "organizations:ListParents": "where in the organisation an account is",
    "organizations:DescribeOrganizationalUnit": "an organisational unit's name",
}
MANAGEMENT_ACTIONS: tuple[str, ...] = tuple(MANAGEMENT_REASONS)

BUCKET_REASONS: dict[str, str] = {
    "s3:ListBucket": "which days are there already; only under tables/activity/ and tables/accounts/",
    "s3:GetObject": "what is known of a day, so that an account that refuses keeps it; only there",
    "s3:PutObject": "to write it down; only there",
}
