"""OCSF records: valid against the published schema of their class, and stored as files in S3."""

import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import Refused, TryLater
from focuswatch.notify.security.ocsf_finding import SCHEMA_VERSION, ocsf_finding
from focuswatch.notify.security.write_ocsf_files_to_s3 import OcsfFiles, ocsf_key
from tests.given.golden_files import assert_golden
from tests.given.golden_findings import golden_finding
from tests.given.one_line_findings import finding
from tests.given.slack_world import notification

TESTS = Path(__file__).parents[2]
CATALOG = Catalog.load()
FINDING_TYPES = ["Unusual Behaviors/VM", "Effects/Resource Consumption"]  # from the header of gpu_burst
SCHEMA = json.loads((TESTS / "data" / "ocsf_detection_finding.json").read_text(encoding="utf-8"))
TYPES = {
    "integer_t": int,
    "long_t": int,
    "timestamp_t": int,
    "string_t": str,
    "boolean_t": bool,
    "resource_uid_t": str,
}


def violations_of(record, attributes, path):
    """Return violations of the schema: unknown or missing attributes, wrong types, values outside an enumeration."""
    unknown = record.keys() - attributes.keys()
    violations = [f"{path}: unknown {name}" for name in unknown]
    required = {
        name
        for name, one in attributes.items()
        if one["requirement"] == "required" and one.get("profile") in (None, "cloud")
    }
    violations += [f"{path}: no {name}" for name in required - record.keys()]
    for name in record.keys() - unknown:
        spec, value = attributes[name], record[name]
        values = value if spec.get("is_array") else [value]
        if "enum" in spec and str(value) not in spec["enum"]:
            violations.append(f"{path}.{name}: {value} is not in the enumeration")
        for one in values:
            if spec["type"] in SCHEMA["objects"]:
                inner = SCHEMA["objects"][spec["type"]]
                violations += violations_of(one, inner["attributes"], f"{path}.{name}")
                least = inner.get("constraints", {}).get("at_least_one", [])
                violations += [f"{path}.{name}: none of {least}"] * bool(least and not {*least} & one.keys())
            elif type(one) is not TYPES.get(spec["type"], type(one)):
                violations.append(f"{path}.{name}: {one!r} is no {spec['type']}")
    return violations


@pytest.mark.parametrize("kind", ["new", "changed", "reminder", "resolved"])
@pytest.mark.parametrize("bare", [False, True])
def test_record_follows_the_published_schema(kind, bare):
    subject = golden_finding("gpu_burst")
    if bare:  # without any optional field
        subject = finding(resource=None, account=None, category="security", detection="gpu_burst").model_copy(
            update={"region_id": None, "service_name": None}
        )
    record = ocsf_finding(notification(subject, kind), types=FINDING_TYPES)
    assert violations_of(record, SCHEMA["class"], "record") == []
    assert record["metadata"]["version"] == SCHEMA_VERSION == SCHEMA["version"]
    assert record["type_uid"] == record["class_uid"] * 100 + record["activity_id"]


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        ({"severity_id": 7}, "enumeration"),
        ({"made_up": 1}, "unknown made_up"),
        ({"finding_info": {"title": "x"}}, "no uid"),
        ({"time": "2026-05-31"}, "timestamp_t"),
        ({"resources": [{"region": "eu-west-1"}]}, "none of"),
    ],
)
def test_schema_check_reports_each_kind_of_violation(change, violation):
    """Otherwise a check that accepts every record would go unnoticed."""
    record = ocsf_finding(notification(golden_finding("gpu_burst")), types=FINDING_TYPES) | change
    assert any(violation in one for one in violations_of(record, SCHEMA["class"], "record"))


def test_record_matches_its_golden_file():
    record = ocsf_finding(
        notification(golden_finding("gpu_burst"), number=1780207200000), types=FINDING_TYPES
    )
    del record["unmapped"]  # JSON of the finding itself
    text = json.dumps(record, indent=1) + "\n"
    assert_golden("security/gpu_burst.new.ocsf.json", text)


def test_activity_and_status_follow_the_change():
    records = [
        ocsf_finding(notification(golden_finding("gpu_burst"), kind), types=FINDING_TYPES)
        for kind in ("new", "changed", "reminder", "resolved")
    ]
    assert [one["activity_name"] for one in records] == ["Create", "Update", "Update", "Close"]
    assert [one["status"] for one in records] == ["New", "New", "New", "Resolved"]


@pytest.fixture
def s3():
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="data")
        yield client


def stored_files(s3):
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="data").get("Contents", [])]
    return {key: s3.get_object(Bucket="data", Key=key)["Body"].read().decode() for key in keys}


def test_each_notification_is_a_file_with_one_line(s3):
    """Delivering a notification again writes the same file."""
    files, intrusion = OcsfFiles(s3, "data", CATALOG), golden_finding("gpu_burst")
    deliveries = [notification(intrusion, kind, number=n) for n, kind in ((1, "new"), (2, "resolved"))]
    for delivery in [*deliveries, *deliveries]:
        files.deliver(delivery)
    content = stored_files(s3)
    assert sorted(content) == [
        f"ocsf/region=eu-central-1/accountId=132160099458/eventDay=20260531/{intrusion.fingerprint}-{number}.jsonl"
        for number in (1, 2)
    ]
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in content.values())
    assert [json.loads(text)["activity_id"] for _, text in sorted(content.items())] == [1, 3]


def test_findings_of_other_categories_are_not_written(s3):
    assert OcsfFiles(s3, "data", CATALOG).deliver(notification(finding())) is None
    assert stored_files(s3) == {}


@pytest.mark.parametrize("name", ["../../tables", "eu west", "x" * 100, "é", ""])
def test_names_from_a_bill_cannot_choose_the_folder(name):
    named = finding(category="security", account=name).model_copy(update={"region_id": name})
    assert ocsf_key(notification(named)).startswith("ocsf/region=global/accountId=unknown/eventDay=20260331/")


@pytest.mark.parametrize(("code", "error"), [("SlowDown", TryLater), ("AccessDenied", Refused)])
def test_s3_error_is_retried_or_refused(code, error):
    from botocore.exceptions import ClientError

    class FailingS3:
        def put_object(self, **_request):
            raise ClientError({"Error": {"Code": code}}, "PutObject")

    with pytest.raises(error):
        OcsfFiles(FailingS3(), "data", CATALOG).deliver(notification(golden_finding("gpu_burst")))
