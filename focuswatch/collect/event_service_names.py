"""The bill's names of the services that events name otherwise."""

# Service names of the bill, by the short name in a CloudTrail event source (`lambda.amazonaws.com`), in a namespace of
# CloudWatch (`AWS/Lambda`) and in a code of AWS Health (`LAMBDA`), in lower case. A service that is not listed has no
# name in the row, since a wrong one would put the event beside the cost of another service.
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
    """Return the bill's name of the service of `lambda.amazonaws.com`; None if it is not listed."""
    return SERVICE_NAMES.get((source or "").partition(".")[0].lower())


def service_of_namespace(namespace: str | None) -> str | None:
    """Return the bill's name of the service of `AWS/Lambda` or `/aws/sagemaker/Endpoints`; None if not listed."""
    prefix, _, rest = (namespace or "").strip("/").partition("/")
    return SERVICE_NAMES.get(rest.partition("/")[0].lower()) if prefix.lower() == "aws" else None
