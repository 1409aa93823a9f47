"""The data bucket: the delivered export, the tables derived from it, and query results.

The bucket is encrypted with SSE-S3 and not with KMS, as in AWS's own FOCUS stack: Data Exports delivers from a service
account, and a query would call KMS for each of the thousands of objects that it reads.
https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-data-collection
"""

from typing import Any, cast

from aws_cdk import Duration, RemovalPolicy, aws_iam, aws_s3
from constructs import Construct

from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_TABLES
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.resource_names import (
    PAYER_REGION,
    RECOMMENDATIONS_DAYS,
    RECOMMENDATIONS_EXPORT,
    RECOMMENDATIONS_PREFIX,
)

RESULTS = "athena-results/"
ACCESS_LOG_DAYS = 90


class DataBucket(Construct):
    """The bucket and its policy. The bucket and its objects are retained when the stack is deleted."""

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
        # The corresponding option of the construct would add a Lambda function.
        key = "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled"
        cast(aws_s3.CfnBucket, self.bucket.node.default_child).add_property_override(key, True)
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
    # Retained when the stack is deleted, but not if its first deployment fails: the next attempt needs the name.
    "removal_policy": RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
}


def _lifecycle(deployment: Deployment) -> list[aws_s3.LifecycleRule]:
    keep = deployment.keep
    return [
        aws_s3.LifecycleRule(
            id="expire-query-results",
            prefix=RESULTS,
            expiration=Duration.days(keep.athena_results_days),
            noncurrent_version_expiration=Duration.days(1),
        ),
        *(
            # A refresh can recreate replaced files. If two rules apply to an object, the shorter period wins:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
            aws_s3.LifecycleRule(
                id=f"expire-replaced-{table}",
                prefix=f"tables/{table}/",
                noncurrent_version_expiration=Duration.days(1),
            )
            for table in (*PERIOD_TABLES, "principal_charges")
        ),
        aws_s3.LifecycleRule(
            id="expire-recommendations",
            prefix=f"{RECOMMENDATIONS_PREFIX}/{RECOMMENDATIONS_EXPORT}/",
            expiration=Duration.days(RECOMMENDATIONS_DAYS),
            noncurrent_version_expiration=Duration.days(1),
        ),
        *([_intelligent_tiering(f"{deployment.export_path}/data/")] if keep.intelligent_tiering else []),
        aws_s3.LifecycleRule(
            id="expire-old-versions",  # an export is overwritten up to three times a day
            noncurrent_version_expiration=Duration.days(keep.old_versions_days),
            abort_incomplete_multipart_upload_after=Duration.days(7),
        ),
        aws_s3.LifecycleRule(id="remove-expired-delete-markers", expired_object_delete_marker=True),
    ]


def _intelligent_tiering(prefix: str) -> aws_s3.LifecycleRule:
    """Return the rule that moves the export to Intelligent-Tiering; objects below 128 KB stay in S3 Standard.

    Over 13 months, Glacier Instant Retrieval costs the same, but it charges for each retrieval, and for at least 90
    days of storage even if a new delivery replaces the object.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
    """
    transition = aws_s3.Transition(
        storage_class=aws_s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(0)
    )
    return aws_s3.LifecycleRule(id="intelligent-tiering", prefix=prefix, transitions=[transition])


def _delivery_statements(bucket: aws_s3.Bucket, *, payer: str) -> list[aws_iam.PolicyStatement]:
    """Return the statements that allow Data Exports to deliver for the payer account only.

    AWS has documented two versions, with one principal and one action, or with two of each. This policy satisfies both:
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
