"""docs/cost.md has the tables that benchmarks/cost.py computes for the resources in infra/."""

import pytest

from benchmarks.cost import (
    ALARM_METRICS,
    BILLS_ALARM_METRICS,
    CHANNEL_ALARM_METRICS,
    CUSTOM_METRICS,
    DETECTIONS,
    EVENTS_ALARM_METRICS,
    FETCH_ALARM_METRICS,
    HOURLY_ALARM_METRICS,
    KEYS,
    OLD_VERSIONS_DAYS,
    Line,
    hourly_table,
    lines,
    table,
)
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.operations.lambda_function_groups_and_modules import CHANNELS, FUNCTIONS, WITHOUT_RUNS
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from tests.given.deployments import CONFIG, ROOT, source_of
from tests.given.synthesized_stacks import synthesized


def test_document_has_the_computed_tables():
    """The command above each table in the document prints it."""
    text = (ROOT / "docs" / "cost.md").read_text()
    assert table(rows=[5e6, 100e6, 1e9], accounts=100, runs=1) in text
    assert hourly_table([10, 100, 1000]) in text


def test_counted_resources_are_deployed():
    """Alarm metrics with Slack and Jira and for each further channel, KMS keys, retention of overwritten files."""
    alarms = synthesized("one").properties("pipeline", "AWS::CloudWatch::Alarm")
    further = [channel.name for channel in CHANNELS if channel.name not in ("slack", "jira")]
    of_functions = {
        "fetch": FETCH_ALARM_METRICS,
        "bills": BILLS_ALARM_METRICS,
        "hourly": HOURLY_ALARM_METRICS,
        "events": EVENTS_ALARM_METRICS,
    }
    optional = [*further, *of_functions]
    metrics = dict.fromkeys(["", *optional], 0)
    for one in alarms:
        of_channel = one["AlarmName"].removeprefix("focuswatch-").partition("-")[0]
        metrics[of_channel if of_channel in optional else ""] += (
            sum("MetricStat" in metric for metric in one.get("Metrics", [])) or 1
        )
    of_channels = dict.fromkeys(further, CHANNEL_ALARM_METRICS)
    assert metrics == {"": ALARM_METRICS} | of_functions | of_channels
    keys = [
        key for stack in ("pipeline", "payer") for key in synthesized("one").resources(stack, "AWS::KMS::Key")
    ]
    assert len(keys) == KEYS
    assert Deployment.load(CONFIG / "deployment.toml").keep.old_versions_days == OLD_VERSIONS_DAYS


def test_counted_metrics_are_written():
    """Custom metrics with Slack and Jira: `Runs` of the functions that write it, and each add_metric call."""
    of_channels = [
        one for channel in CHANNELS if channel.name in ("slack", "jira") for one in channel.functions
    ]
    sources = {kind: source_of(kind) for kind in (*FUNCTIONS, *of_channels)}
    runs = [
        kind for kind, text in sources.items() if "@lambda_function(" in text and kind not in WITHOUT_RUNS
    ]
    assert len(runs) + sum(text.count("add_metric(") for text in sources.values()) == CUSTOM_METRICS


def test_each_further_detection_costs_only_cents():
    """Therefore docs/cost.md stays valid when detections are added."""
    sums = [
        sum(line.dollars for line in lines(rows=1e8, accounts=100, runs=1, detections=detections))
        for detections in (DETECTIONS, DETECTIONS + 1)
    ]
    assert 0 < sums[1] - sums[0] < 0.05
    # With more new detections, compute docs/cost.md again.
    assert abs(len(Catalog.load().enabled) - DETECTIONS) <= 20


@pytest.mark.parametrize(("quantity", "dollars_left"), [(12, 0.2), (10, 0.0), (7, 0.0)])
def test_free_tier_is_subtracted(quantity, dollars_left):
    """Ten units are free."""
    line = Line("alarms", quantity, "metric", 0.1, "https://example.com", "nothing", free=10)
    assert line.dollars == pytest.approx(quantity * 0.1)
    assert line.dollars_left == pytest.approx(dollars_left)


@pytest.mark.parametrize("rows", [1e7, 1e9])
def test_cost_grows_at_most_linearly_with_rows(rows):
    """The cost of monitoring is constant. Between 1e8 and 1e9 rows, billing periods become too large to be sorted."""
    small, large = (lines(rows=size, accounts=100, runs=1, detections=23) for size in (rows, 10 * rows))
    for one, other in zip(small, large, strict=True):
        if "rows" in one.grows_with:
            assert 9.9 * one.dollars < other.dollars <= 10.0001 * one.dollars
        else:
            assert other.dollars == one.dollars
