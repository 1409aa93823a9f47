"""Map the service codes in CloudTrail, CloudWatch and AWS Health events to service names on the bill."""

# Keys are the lower-case codes in a CloudTrail event source (`lambda.amazonaws.com`), a CloudWatch namespace
# (`AWS/Lambda`) or an AWS Health event (`LAMBDA`). Events of other services have no service name, because a wrong name
# would show the event next to the cost of another service.
SERVICE_NAMES = {
    "aoss": "Amazon OpenSearch Service",
    "apigateway": "Amazon API Gateway",
    "applicationelb": "Elastic Load Balancing",
    "apprunner": "AWS App Runner",
    "bedrock": "Amazon Bedrock",
    "cloudfront": "Amazon CloudFront",
    "cloudwatch": "AmazonCloudWatch",
    "codedeploy": "AWS CodeDeploy",
    "codepipeline": "AWS CodePipeline",
    "dynamodb": "Amazon DynamoDB",
    "ec2": "Amazon Elastic Compute Cloud",
    "ecs": "Amazon Elastic Container Service",
    "eks": "Amazon Elastic Kubernetes Service",
    "elasticache": "Amazon ElastiCache",
    "elasticloadbalancing": "Elastic Load Balancing",
    "elb": "Elastic Load Balancing",
    "es": "Amazon OpenSearch Service",
    "glue": "AWS Glue",
    "kendra": "Amazon Kendra",
    "kinesis": "Amazon Kinesis",
    "lambda": "AWS Lambda",
    "logs": "AmazonCloudWatch",
    "networkelb": "Elastic Load Balancing",
    "opensearch": "Amazon OpenSearch Service",
    "rds": "Amazon Relational Database Service",
    "redshift": "Amazon Redshift",
    "s3": "Amazon Simple Storage Service",
    "sagemaker": "Amazon SageMaker AI",
    "sns": "Amazon Simple Notification Service",
    "sqs": "Amazon Simple Queue Service",
    "states": "AWS Step Functions",
}


def service_of_source(source: str | None) -> str | None:
    """Return the service name for an event source or AWS Health code; None if it is not listed."""
    return SERVICE_NAMES.get((source or "").partition(".")[0].lower())


def service_of_namespace(namespace: str | None) -> str | None:
    """Return the service name for `AWS/Lambda` or `/aws/sagemaker/Endpoints`; None if it is not listed."""
    prefix, _, rest = (namespace or "").strip("/").partition("/")
    return SERVICE_NAMES.get(rest.partition("/")[0].lower()) if prefix.lower() == "aws" else None
