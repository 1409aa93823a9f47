"""Map the service names on the bill to CloudTrail event sources (`eventSource`).

An event source is usually the short name of the service in ARNs, followed by `.amazonaws.com`, but not always:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from collections.abc import Iterable

SUFFIX = ".amazonaws.com"
# Keys are parts of the service name; the first match is used. For other services, the ARN of the resource determines
# the event source.
SERVICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AgentCore", ("bedrock-agentcore",)),
    ("Bedrock", ("bedrock", "bedrock-agentcore")),
    ("SageMaker", ("sagemaker", "application-autoscaling")),
    ("Elastic Compute Cloud", ("ec2", "autoscaling")),
    ("Virtual Private Cloud", ("ec2",)),
    ("Elastic Container Service for Kubernetes", ("eks",)),
    ("Elastic Kubernetes Service", ("eks",)),
    ("Elastic Container Service", ("ecs", "application-autoscaling")),
    ("Elastic Container Registry", ("ecr",)),
    ("Elastic Load Balancing", ("elasticloadbalancing",)),
    ("Elastic File System", ("elasticfilesystem",)),
    ("OpenSearch", ("es", "aoss")),
    ("Neptune", ("rds", "neptune-graph")),
    ("Relational Database", ("rds",)),
    ("DynamoDB", ("dynamodb", "application-autoscaling")),
    ("ElastiCache", ("elasticache",)),
    ("Redshift", ("redshift", "redshift-serverless")),
    ("Simple Storage Service", ("s3",)),
    ("Simple Queue Service", ("sqs",)),
    ("Simple Notification Service", ("sns",)),
    ("Simple Email Service", ("ses",)),
    ("CloudWatch", ("monitoring", "logs")),
    ("CloudFront", ("cloudfront",)),
    ("CloudTrail", ("cloudtrail",)),
    ("Route 53", ("route53",)),
    ("API Gateway", ("apigateway",)),
    ("Lambda", ("lambda",)),
    ("Glue", ("glue",)),
    ("Athena", ("athena",)),
    ("Kendra", ("kendra",)),
    ("Amazon Q", ("qbusiness", "q")),
    ("Firehose", ("firehose",)),
    ("Kinesis", ("kinesis", "kinesisanalytics")),
    ("Managed Streaming", ("kafka",)),
    ("Step Functions", ("states",)),
    ("EventBridge", ("events",)),
    ("Key Management", ("kms",)),
    ("Secrets Manager", ("secretsmanager",)),
    ("WorkSpaces", ("workspaces",)),
    ("Lightsail", ("lightsail",)),
    ("App Runner", ("apprunner",)),
    ("Location Service", ("geo",)),
    ("Batch", ("batch",)),
    ("EMR", ("elasticmapreduce", "emr-serverless")),
)
ARN_SOURCES = {"cloudwatch": "monitoring"}  # services whose ARN and event source differ


def event_sources(services: Iterable[str | None], resources: Iterable[str | None]) -> frozenset[str]:
    """Return the event sources of the named services and of the resources' ARNs; empty if none is known."""
    sources = {source for name in services if name for source in _of_service(name)}
    arns = (resource.split(":") for resource in resources if resource and resource.startswith("arn:"))
    sources |= {ARN_SOURCES.get(parts[2], parts[2]) for parts in arns if len(parts) > 2 and parts[2]}
    return frozenset(source + SUFFIX for source in sources)


def _of_service(name: str) -> tuple[str, ...]:
    return next((sources for part, sources in SERVICES if part in name), ())
