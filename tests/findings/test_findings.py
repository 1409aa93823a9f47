"""A finding's fingerprint, severity, texts, size, and published schema."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.findings.decimal_money_type_and_rounding import money
from focuswatch.findings.evidence_labels_and_values_that_fill_placeholders import evidence_label
from focuswatch.findings.finding import Finding, fingerprint
from focuswatch.findings.finding_from_row import to_finding
from focuswatch.findings.limit_finding_bytes import FINDING_BYTES, whole_length
from focuswatch.findings.severity import severity_of
from focuswatch.findings.value_as_json import json_value
from tests.given.one_line_findings import finding

SCHEMA = Path(__file__).parents[2] / "docs" / "finding.schema.json"
ROW = {
    "sub_account_id": "111122223333",
    "region_id": "us-east-1",
    "resource_id": None,
    "monthly_cost": 345.6,
    "service_name": "Amazon OpenSearch Service",
    "ocu_hours": 336.0,
    "because": "the account made no Bedrock calls",
    "lookback_days": 7,
    "tags": {"team": "search"},
}


def test_fingerprint_does_not_depend_on_cost_or_date():
    """The same resource at another cost on another day is the same finding."""
    assert fingerprint("d", ROW) == fingerprint("d", ROW | {"monthly_cost": 1.0, "ocu_hours": 1.0})


@pytest.mark.parametrize("key", ["sub_account_id", "region_id", "service_name", "resource_id"])
def test_fingerprint_depends_on_each_part_of_the_identity(key):
    """Another account, region, service or resource is another finding; null differs from the text None."""
    others = {fingerprint("d", ROW | {key: value}) for value in ("x", None, "None", "")}
    assert len(others) == 4


def test_fingerprint_separates_the_parts_of_the_identity():
    """An account 'a' with region 'bc' is not account 'ab' with region 'c'."""
    first = fingerprint("d", ROW | {"sub_account_id": "a", "region_id": "bc"})
    assert first != fingerprint("d", ROW | {"sub_account_id": "ab", "region_id": "c"})


@pytest.mark.parametrize(
    ("category", "cost", "severity"),
    [
        ("waste", "99.99", "low"),
        ("waste", "100", "medium"),
        ("waste", "1000", "high"),
        ("waste", "10000", "critical"),
        ("security", "0", "high"),
        ("security", "-3", "high"),
        ("security", "1000", "critical"),
        ("anomaly", "499", "low"),
        ("governance", "0", "low"),
    ],
)
def test_severity_follows_from_category_and_money(category, cost, severity):
    """A security finding such as a new region is high from the first cent."""
    assert severity_of(category, Decimal(cost)) == severity


def test_minor_row_has_severity_low():
    """The flag `minor` overrides category and cost."""
    assert severity_of("security", Decimal("0.00001"), minor=True) == "low"


def test_texts_show_the_row_and_data_is_never_a_template():
    """A name that looks like a placeholder is not replaced."""
    detection = Catalog.load().detection("orphaned_opensearch_collection")
    row = ROW | {"region_id": "{resource_id}"}
    finding = to_finding(row, detection=detection, as_of=date(2026, 3, 31), currency="USD", account_names={})
    assert "336 OCU-hours of OpenSearch Serverless in {resource_id}, and the account made" in finding.reason
    assert finding.monthly_cost == Decimal("345.6")
    assert finding.evidence == {
        "ocu_hours": 336.0,
        "because": "the account made no Bedrock calls",
        "lookback_days": 7,
        "tags": {"team": "search"},
    }


ARNS = [f"arn:aws:sagemaker:us-east-1:111122223333:notebook-instance/{number:05}" for number in range(20_000)]


def finding_with(**columns):
    """Return the finding of ROW with additional or changed columns."""
    detection = Catalog.load().detection("orphaned_opensearch_collection")
    return to_finding(
        ROW | columns, detection=detection, as_of=date(2026, 3, 31), currency="USD", account_names={}
    )


@pytest.mark.parametrize(
    "columns",
    [
        {"resource_ids": ARNS},
        {"note": "x" * 300_000},
        {"note": "\N{FIRE}" * 300_000, "causes": [{"what": "é" * 9_000, "ids": ARNS}] * 90},
        {"tags": {f"key-{number}": "v" * 256 for number in range(5_000)}},
        {f"column_{number}": "\x01" * 4_000 for number in range(2_000)},
        {"region_id": "\N{FIRE}" * 100_000, "resource_id": "\x01" * 300_000, "service_name": "s" * 300_000},
    ],
)
def test_large_finding_is_shortened_to_fit_the_ledger_and_sns(columns):
    """DynamoDB and SNS would refuse a larger finding, and the whole run would fail. The fingerprint is unchanged."""
    finding = finding_with(**columns)
    assert len(finding.model_dump_json(by_alias=True).encode()) <= FINDING_BYTES
    assert finding.fingerprint == fingerprint("orphaned_opensearch_collection", ROW | columns)
    assert Finding.model_validate_json(finding.model_dump_json(by_alias=True)) == finding


def test_shortened_finding_states_what_is_omitted():
    """It states the number of omitted characters, values and columns."""
    finding = finding_with(
        resource_ids=ARNS, note="x" * 300_000, counts={str(number): 1 for number in range(500)}
    )
    assert finding.evidence["resource_ids"][:100] == ARNS[:100]
    assert finding.evidence["resource_ids"][100:] == ["… and 19,900 more"]
    assert whole_length(finding.evidence["resource_ids"]) == 20_000
    assert whole_length(ARNS) == 20_000
    assert finding.evidence["note"] == "x" * 4_000 + "… (296,000 more characters)"
    assert finding.evidence["counts"]["…"] == "… and 400 more"
    many = finding_with(**{f"column_{number:04}": 1 for number in range(5_000)})
    assert many.evidence["column_0000"] == 1
    assert many.evidence["…"] == f"and {5_004 - len(many.evidence) + 1:,} more columns"


def test_sentences_with_a_long_name_are_shortened():
    """The finding is still notified."""
    finding = finding_with(region_id="x" * 300_000)
    assert "… (2" in finding.reason
    assert len(finding.reason) < 4_100
    assert len(finding.action) < 4_100


def test_small_finding_is_unchanged():
    """Names of 3,000 characters and lists of a hundred values are not shortened."""
    name = "\N{FIRE}" * 1_000 + "x" * 2_000
    finding = finding_with(resource_id=name, resource_ids=ARNS[:100])
    assert (finding.resource_id, finding.evidence["resource_ids"]) == (name, ARNS[:100])


def test_finding_survives_json():
    """A ledger stores findings as JSON."""
    one = finding(cost="0.123456", tags={"naïve 🙂": "'\"\\"})
    assert Finding.model_validate_json(one.model_dump_json(by_alias=True)) == one


def test_published_schema_is_up_to_date():
    """Update docs/finding.schema.json with the command in docs/finding.md."""
    assert json.loads(SCHEMA.read_text()) == Finding.model_json_schema(by_alias=True, mode="serialization")


@pytest.mark.parametrize("value", [1e22, -1e22, 1e300, 1.7e308])
def test_money_accepts_any_amount(value):
    """From 1e22 on, six decimals have more digits than the default precision of Python's decimals."""
    assert float(money(value)) == pytest.approx(value)


def test_nan_and_infinity_are_null_in_json():
    """JSON has neither NaN nor Infinity."""
    row = {"a": float("nan"), "b": [float("inf")], "c": {"d": Decimal("-Infinity")}, "e": 1.5}
    assert json_value(row) == {"a": None, "b": [None], "c": {"d": None}, "e": 1.5}


@pytest.mark.parametrize(
    ("column", "label"),
    [("peak_hours_before", "previous_peak_hours_per_day"), ("moved", "changed"), ("gpu_hours", "gpu_hours")],
)
def test_labels_of_evidence_are_clear_without_the_other_columns(column, label):
    """In a message, readers do not know to which period "before" refers."""
    assert evidence_label(column) == label
