"""Does the bill arrive?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from focuswatch.collect.aws_paging import paged
from focuswatch.operations.deployment_config import PAYER_REGION
from focuswatch.operations.doctor.doctor_check import Check, DoctorContext, failed, noted, ok

MANIFEST = "-Manifest.json"
ASK_PAYER = (
    f"ask for the export's status in the payer: aws bcm-data-exports list-exports --region {PAYER_REGION}."
)
GONE = {"404", "NoSuchBucket", "NotFound"}


def bucket(patient: DoctorContext) -> Iterator[Check]:
    """The data bucket is there and ours."""
    deployment = patient.deployment
    try:
        patient.client("s3").head_bucket(
            Bucket=deployment.bucket, ExpectedBucketOwner=deployment.accounts.pipeline
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        mend = f"Run npx cdk deploy {deployment.name}-pipeline."
        yield failed("bucket", f"{deployment.bucket} does not exist", mend=mend)
        return
    yield ok("bucket", deployment.bucket)


def delivered(patient: DoctorContext) -> Iterator[Check]:
    """Manifests arrive, and are young enough."""
    deployment, found = patient.deployment, _objects(patient, "metadata/")
    manifests = {key: at for key, at in found.items() if key.endswith(MANIFEST)}
    if not manifests:
        place = f"s3://{deployment.bucket}/{deployment.export_path}/metadata/"
        mend = f"A new export delivers within 24 hours; after that, {ASK_PAYER}"
        yield failed("delivery", f"no manifest in {place}", mend=mend)
        return
    newest, at = max(manifests.items(), key=lambda item: item[1])
    hours, limit = patient.hours_since(at), deployment.alarms.data_age_hours
    what = f"newest manifest {hours:.0f} hours old: {newest}"
    if hours > limit:
        mend = f"AWS delivers at least daily: see that the bucket's policy is as deployed, and {ASK_PAYER}"
        yield failed("delivery", f"{what}, more than {limit}", mend=mend)
    else:
        yield ok("delivery", what)


def _objects(patient: DoctorContext, under: str) -> dict[str, datetime]:
    client, deployment = patient.client("s3"), patient.deployment

    def page(**asked: Any) -> dict[str, Any]:
        told = client.list_objects_v2(**asked)
        return {"Contents": told.get("Contents"), "ContinuationToken": told.get("NextContinuationToken")}

    prefix = f"{deployment.export_path}/{under}"
    found = paged(page, "Contents", token="ContinuationToken", Bucket=deployment.bucket, Prefix=prefix)
    return {one["Key"]: one["LastModified"] for one in found}


def export(patient: DoctorContext) -> Iterator[Check]:
    """The export is healthy, as far as this account may know: it is the payer's."""
    deployment = patient.deployment
    if not deployment.is_one_account:
        yield noted(
            "export", f"it is in the payer, {deployment.accounts.payer}; this account sees what it delivers"
        )
        return
    client = patient.client("bcm-data-exports", region=PAYER_REGION)
    found = {one["ExportName"]: one for one in paged(client.list_exports, "Exports", token="NextToken")}
    mine = found.get(deployment.export.name)
    if mine is None:
        mend = f"Run npx cdk deploy {deployment.name}-payer."
        yield failed("export", f"there is no export {deployment.export.name}", mend=mend)
        return
    status = mine.get("ExportStatus", {})
    if status.get("StatusCode") == "UNHEALTHY":
        mend = "Let the bucket's policy allow bcm-data-exports.amazonaws.com to write, as npx cdk deploy writes it."
        yield failed("export", f"unhealthy: {status.get('StatusReason', 'no reason given')}", mend=mend)
    else:
        yield ok("export", str(status.get("StatusCode", "there")).lower())
