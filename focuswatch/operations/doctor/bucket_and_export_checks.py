"""Checks of the billing export: the data bucket, the age of the newest delivery, the status of the export."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from focuswatch.collect.aws_paging import paged
from focuswatch.operations.doctor.check_result_and_context import (
    Check,
    DoctorContext,
    failed,
    noted,
    ok,
    restore_command,
)
from focuswatch.operations.resource_names import PAYER_REGION

MANIFEST = "-Manifest.json"
LIST_EXPORTS = (
    "check the status of the export in the payer account: "
    f"`aws bcm-data-exports list-exports --region {PAYER_REGION}`."
)
NOT_FOUND = {"404", "NoSuchBucket", "NotFound"}


def check_bucket(context: DoctorContext) -> Iterator[Check]:
    """Check that the data bucket exists and belongs to the pipeline's account."""
    deployment = context.deployment
    try:
        context.client("s3").head_bucket(
            Bucket=deployment.bucket, ExpectedBucketOwner=deployment.accounts.pipeline
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_FOUND:
            raise
        fix = f"Run `{restore_command(f'{deployment.name}-pipeline')}`."
        yield failed("bucket", f"{deployment.bucket} does not exist", fix=fix)
        return
    yield ok("bucket", deployment.bucket)


def check_delivery(context: DoctorContext) -> Iterator[Check]:
    """Check that the newest manifest is not older than `alarms.data_age_hours`."""
    deployment, objects = context.deployment, _objects(context, "metadata/")
    manifests = {key: modified for key, modified in objects.items() if key.endswith(MANIFEST)}
    if not manifests:
        folder = f"s3://{deployment.bucket}/{deployment.export_path}/metadata/"
        fix = f"A new export is delivered within 24 hours. After that, {LIST_EXPORTS}"
        yield failed("delivery", f"no manifest in {folder}", fix=fix)
        return
    newest, modified = max(manifests.items(), key=lambda item: item[1])
    hours, limit = context.hours_since(modified), deployment.alarms.data_age_hours
    found = f"newest manifest is {hours:.0f} hour{'' if round(hours) == 1 else 's'} old: {newest}"
    if hours > limit:
        fix = (
            "AWS delivers an export at least once a day. If the bucket policy was changed manually, AWS might not be "
            "able to write to the bucket. To check the bucket policy, run "
            f"`npx cdk drift {deployment.name}-pipeline`. Also, {LIST_EXPORTS}"
        )
        yield failed("delivery", f"{found} (limit: {limit} hours)", fix=fix)
    else:
        yield ok("delivery", found)


def _objects(context: DoctorContext, folder: str) -> dict[str, datetime]:
    client, deployment = context.client("s3"), context.deployment

    def page(**options: Any) -> dict[str, Any]:
        response = client.list_objects_v2(**options)
        return {
            "Contents": response.get("Contents"),
            "ContinuationToken": response.get("NextContinuationToken"),
        }

    prefix = f"{deployment.export_path}/{folder}"
    objects = paged(page, "Contents", token="ContinuationToken", Bucket=deployment.bucket, Prefix=prefix)
    return {item["Key"]: item["LastModified"] for item in objects}


def check_export(context: DoctorContext) -> Iterator[Check]:
    """Check the status of the export, which can be read only if the pipeline runs in the payer account."""
    deployment = context.deployment
    if not deployment.is_one_account:
        found = f"not checked: the export is in the payer account {deployment.accounts.payer}"
        yield noted("export", found)
        return
    client = context.client("bcm-data-exports", region=PAYER_REGION)
    exports = {
        export["ExportName"]: export for export in paged(client.list_exports, "Exports", token="NextToken")
    }
    export = exports.get(deployment.export.name)
    if export is None:
        fix = f"Run `{restore_command(f'{deployment.name}-payer')}`."
        yield failed("export", f"no export named {deployment.export.name}", fix=fix)
        return
    status = export.get("ExportStatus", {})
    if status.get("StatusCode") == "UNHEALTHY":
        fix = (
            "To allow bcm-data-exports.amazonaws.com to write to the bucket, restore the bucket policy: "
            f"`{restore_command(f'{deployment.name}-pipeline')}`."
        )
        yield failed("export", f"unhealthy: {status.get('StatusReason', 'no reason given')}", fix=fix)
    else:
        yield ok("export", str(status.get("StatusCode", "exists")).lower())
