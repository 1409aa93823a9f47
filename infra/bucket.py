"""The data bucket: the export as delivered, the tables made of it, the results of statements.

SSE-S3 and not KMS: Data Exports delivers as a service of another account, AWS's own FOCUS stack encrypts so, and a
key would be asked for each of the thousands of objects a statement reads.
https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-data-collection
"""

from typing import Any, cast

from aws_cdk import Duration, RemovalPolicy, aws_iam, aws_s3
from constructs import Construct

from focuswatch.bill.schema.glue_columns import PERIOD_TABLES
from focuswatch.operations.deployment_config import PAYER_REGION, Deployment

RESULTS = "athena-results/"
ACCESS_LOG_DAYS = 90


class DataBucket(Construct):
    """The bucket and who may put what into it. Both it and the bill in it outlive the stack."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id)
        self.bucket = aws_s3.Bucket(
            self,
            "Bucket",
            bucket_name=deployment.bucket,
            versioned=True,
            lifecycle_rules=_lifecycle(deployment),
            server_access_logs_bucket=self._access_logs(),
            **_CLOSED,
        )
        # Set here, since the construct's own switch would bring a Lambda that sets it.
        told = "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled"
        cast(aws_s3.CfnBucket, self.bucket.node.default_child).add_property_override(told, True)
        for statement in _delivery_statements(self.bucket, payer=deployment.accounts.payer):
            self.bucket.add_to_resource_policy(statement)

    def _access_logs(self) -> aws_s3.Bucket:
        expiry = aws_s3.LifecycleRule(expiration=Duration.days(ACCESS_LOG_DAYS))
        return aws_s3.Bucket(self, "AccessLogs", lifecycle_rules=[expiry], **_CLOSED)


_CLOSED: dict[str, Any] = {
    "encryption": aws_s3.BucketEncryption.S3_MANAGED,
    "block_public_access": aws_s3.BlockPublicAccess.BLOCK_ALL,
    "object_ownership": aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    "enforce_ssl": True,
    "minimum_tls_version": 1.2,
    # Kept when the stack goes, but not when its first deployment fails: the next would find its name taken.
    "removal_policy": RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
}


def _lifecycle(deployment: Deployment) -> list[aws_s3.LifecycleRule]:
    keep = deployment.keep
    return [
        aws_s3.LifecycleRule(
            id="results-are-read-once",
            prefix=RESULTS,
            expiration=Duration.days(keep.athena_results_days),
            noncurrent_version_expiration=Duration.days(1),
        ),
        *(
            # What a refresh replaces, the next one can make again. Of two rules the shorter counts:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
            aws_s3.LifecycleRule(
                id=f"made-again-{table}",
                prefix=f"tables/{table}/",
                noncurrent_version_expiration=Duration.days(1),
            )
            for table in PERIOD_TABLES
        ),
        *([_unread_is_cheaper(f"{deployment.export_path}/data/")] if keep.intelligent_tiering else []),
        aws_s3.LifecycleRule(
            id="old-versions",  # an export is overwritten up to three times a day
            noncurrent_version_expiration=Duration.days(keep.old_versions_days),
            abort_incomplete_multipart_upload_after=Duration.days(7),
        ),
        aws_s3.LifecycleRule(id="markers-of-nothing", expired_object_delete_marker=True),
    ]


def _unread_is_cheaper(prefix: str) -> aws_s3.LifecycleRule:
    """Intelligent-Tiering and not Glacier Instant Retrieval: over 13 months both cost the same, but that one charges
    for reading a period once more and for 90 days of what is delivered again. Objects below 128 KB stay as they are.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
    """
    at_once = aws_s3.Transition(
        storage_class=aws_s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(0)
    )
    return aws_s3.LifecycleRule(id="unread-is-cheaper", prefix=prefix, transitions=[at_once])


def _delivery_statements(bucket: aws_s3.Bucket, *, payer: str) -> list[aws_iam.PolicyStatement]:
    """Data Exports may deliver for the payer, and for nobody else.

    AWS's page has stood in two forms, one principal and one action or two of each; this satisfies both:
    https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html
    """
    return [
        aws_iam.PolicyStatement(
            sid="DataExportsOfThePayerAlone",
            principals=[
                aws_iam.ServicePrincipal("bcm-data-exports.amazonaws.com"),
                aws_iam.ServicePrincipal("billingreports.amazonaws.com"),
            ],
            actions=["s3:PutObject", "s3:GetBucketPolicy"],
            resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            conditions={
                "StringEquals": {"aws:SourceAccount": payer},
                "ArnLike": {
                    "aws:SourceArn": [
                        f"arn:aws:bcm-data-exports:{PAYER_REGION}:{payer}:export/*",
                        f"arn:aws:cur:{PAYER_REGION}:{payer}:definition/*",
                    ]
                },
            },
        )
    ]
