"""docs/cost.md says what benchmarks/cost.py computes, of what infra/ deploys."""

import pytest

from benchmarks.cost import ALARM_METRICS, DETECTIONS, KEYS, OLD_VERSIONS_DAYS, Line, lines, table
from focuswatch.catalog.catalog import Catalog
from focuswatch.operations.deployment_config import Deployment
from tests.given.deployments import CONFIG, ROOT
from tests.given.stacks import synthesized


def test_the_document_holds_the_table_as_it_is_computed():
    """By the command that stands above it."""
    assert table(rows=[5e6, 100e6, 1e9], accounts=100, runs=1) in (ROOT / "docs" / "cost.md").read_text()


def test_what_is_counted_is_what_is_deployed():
    """Alarms by the metrics they look at, keys, and how long overwritten files stay."""
    alarms = synthesized("one").properties("pipeline", "AWS::CloudWatch::Alarm")
    metrics = [sum("MetricStat" in metric for metric in one.get("Metrics", [])) or 1 for one in alarms]
    assert sum(metrics) == ALARM_METRICS
    keys = [
        key for stack in ("pipeline", "payer") for key in synthesized("one").resources(stack, "AWS::KMS::Key")
    ]
    assert len(keys) == KEYS
    assert Deployment.load(CONFIG / "deployment.toml").keep.old_versions_days == OLD_VERSIONS_DAYS


def test_another_detection_changes_no_sum_by_more_than_cents():
    """So docs/cost.md, computed for a stated number of them, stays true while detections are added."""
    sums = [
        sum(line.dollars for line in lines(rows=1e8, accounts=100, runs=1, detections=detections))
        for detections in (DETECTIONS, DETECTIONS + 1)
    ]
    assert 0 < sums[1] - sums[0] < 0.05
    assert abs(len(Catalog.load().live) - DETECTIONS) <= 20  # beyond that, compute it anew


@pytest.mark.parametrize(("quantity", "left"), [(12, 0.2), (10, 0.0), (7, 0.0)])
def test_what_is_free_is_taken_off_and_never_more(quantity, left):
    """Ten of a thing are free: the rest is paid."""
    line = Line("alarms", quantity, "metric", 0.1, "https://example.com", "nothing", free=10)
    assert line.dollars == pytest.approx(quantity * 0.1)
    assert line.dollars_left == pytest.approx(left)


def test_ten_times_the_bill_costs_at_most_ten_times_as_much():
    """And what watches it costs the same."""
    small, large = (lines(rows=rows, accounts=100, runs=1, detections=23) for rows in (1e8, 1e9))
    for one, other in zip(small, large, strict=True):
        if "rows" in one.grows_with:
            assert 9.9 * one.dollars < other.dollars <= 10.0001 * one.dollars
        else:
            assert other.dollars == one.dollars
