"""Delete files of Athena tables in S3, and report objects that S3 does not delete."""

import json

import boto3
from moto import mock_aws

from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles


@mock_aws
def test_objects_that_s3_does_not_delete_are_reported():
    """S3 lists them in a successful response; the other objects are deleted."""
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="data")
    refused = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": "arn:aws:s3:::data/*/a",
    }
    s3.put_bucket_policy(Bucket="data", Policy=json.dumps({"Version": "2012-10-17", "Statement": [refused]}))
    for name in "ab":
        s3.put_object(Bucket="data", Key=f"tables/daily_charges/period=2026-05/run/{name}", Body=b"")
    files = AthenaTableFiles(s3, "data", "run")
    assert files.warnings() == []
    files.remove("daily_charges", "2026-05")
    left = [item["Key"].rpartition("/")[2] for item in s3.list_objects_v2(Bucket="data")["Contents"]]
    assert left == ["a"]
    (warning,) = files.warnings()
    assert warning.startswith(
        "S3 did not delete 1 outdated objects under s3://data/tables/: Access Denied. No table"
    )
