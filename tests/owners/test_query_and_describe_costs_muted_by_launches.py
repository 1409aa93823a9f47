"""A planned launch is not reported as an anomaly, and outputs state the muted cost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.query_and_describe_costs_muted_by_launches import (
    costs_muted_by_launches,
    launches_summary,
)
from focuswatch.reports.page import build_document, gather
from focuswatch.reports.weekly_digest import weeks
from tests.given.one_line_findings import DAY
from tests.given.page_inputs import CATALOG
from tests.reports.test_page import bill

FIRST, LAST = DAY - timedelta(days=6), DAY + timedelta(days=8)
LAUNCH = {"first_day": FIRST, "last_day": LAST, "factor": 8.0}
MUTED_TEXT = (
    "The planned launch of guide allows up to 8 times the baseline through 2026-04-08. "
    "Muted: Amazon Bedrock in 111122223333, 500 USD/day, 6.0 times the baseline"
)


def owners(*launches):
    """Return two teams, and a use case of one of them with these launches."""
    use_case = {
        "intent": "production",
        "team": "search",
        "launches": list(launches),
        "rows": {"tags": {"app": ["guide"]}},
    }
    return Owners.model_validate(
        {"teams": {"search": {"channel": "#s"}, "ads": {"channel": "#a"}}, "use_cases": {"guide": use_case}}
    )


def engine_of(launch_owners, *, times=6.0):
    """Return an engine over 100 USD a day, and `times` as much since the launch began."""
    baseline = {"ServiceName": "Amazon Bedrock", "Tags": {"app": "guide"}, "EffectiveCost": 100.0}
    created = bill(
        {**baseline, "days": [DAY - timedelta(days=60), FIRST]},
        {**baseline, "EffectiveCost": 100.0 * times, "days": [FIRST, DAY]},
    )
    create_owner_and_computed_local_tables.load_owners(created.connection, launch_owners.tables)
    return created


def muted_launch_costs(launch_owners, *, times=6.0, catalog=CATALOG):
    return costs_muted_by_launches(
        engine_of(launch_owners, times=times), catalog=catalog, owners=launch_owners, as_of=DAY
    )


def with_broken_lookup():
    """Return a catalog without the lookup of muted costs."""
    broken = replace(CATALOG.lookups["muted_launch_costs"], sql="SELECT nothing")
    lookups = {**CATALOG.lookups, "muted_launch_costs": broken}
    return Catalog(CATALOG.detections, CATALOG.reports, CATALOG.tables, lookups)


def test_muted_launch_states_end_factor_and_amount():
    """There is one sentence for each account and service."""
    (one,) = muted_launch_costs(owners(LAUNCH))
    assert one.sentence("USD") == MUTED_TEXT
    assert one.team == "search"


def test_cost_above_the_factor_is_not_muted():
    """At 20 times the baseline and a factor of 8, the launch mutes seven times the baseline."""
    (one,) = muted_launch_costs(owners(LAUNCH), times=20.0)
    assert (one.daily_cost, one.ratio) == (pytest.approx(700), pytest.approx(20))


@pytest.mark.parametrize(
    "launch",
    [
        {"first_day": DAY, "last_day": LAST, "factor": 8.0},
        {"first_day": DAY - timedelta(days=30), "last_day": DAY - timedelta(days=8), "factor": 8.0},
    ],
    ids=["begins tomorrow", "over for a week"],
)
def test_inactive_launch_is_not_queried(launch):
    """A scan without an active launch runs no additional statement."""
    without = with_broken_lookup()
    assert muted_launch_costs(owners(launch), catalog=without) == ()
    assert muted_launch_costs(owners(), catalog=without) == ()


def test_launch_at_the_baseline_is_not_noted():
    """No cost was muted."""
    assert muted_launch_costs(owners(LAUNCH), times=1.0) == ()


@pytest.fixture
def scanned(tmp_path):
    """Return the result, the page and the digests of a scan during the launch."""
    planned_owners = owners(LAUNCH)
    engine, ledger = engine_of(planned_owners), SqliteLedger(tmp_path / "ledger.db")
    result = scan(
        BillToScan(engine, as_of=DAY, currency="USD"),
        catalog=CATALOG,
        detections=CATALOG.enabled,
        owners=planned_owners,
        ledger=ledger,
        progress=lambda _text: None,
    )
    page = build_document(
        gather(engine, as_of=DAY, currency="USD", catalog=CATALOG, owners=planned_owners, ledger=ledger)
    )
    muted_costs = costs_muted_by_launches(engine, catalog=CATALOG, owners=planned_owners, as_of=DAY)
    row = {
        "team": "ads",
        "sub_account_id": "1",
        "sub_account_name": None,
        "service_name": "s",
        "effective_cost": 5.0,
        "effective_cost_before": 5.0,
        "movement": 0.0,
        "month_to_date": 5.0,
    }
    summaries = weeks(
        [row, {**row, "team": "search"}],
        [],
        owners=planned_owners,
        as_of=DAY,
        currency="USD",
        launches=muted_costs,
    )
    return result, page, {week.team: week.lines for week in summaries}


def test_scan_page_and_digest_state_the_muted_cost(scanned):
    """The digests of the launch's team and of FinOps state it; the digest of another team does not."""
    result, page, lines = scanned
    assert not [
        one for one in result.notifications if one.finding.detection in ("cost_anomaly", "token_burst")
    ]
    assert MUTED_TEXT in result.notes
    assert page["coverage"]["launched"] == [MUTED_TEXT]
    expected_text = (
        "Cost muted by planned launches: 500 USD/day (guide, up to 8 times the baseline through 2026-04-08)"
    )
    assert expected_text in lines["search"] and expected_text in lines[None]
    assert not [line for line in lines["ads"] if "launch" in line]


def test_without_the_plan_it_is_an_anomaly(tmp_path):
    """Only the launch mutes the anomaly."""
    planned_owners = owners()
    result = scan(
        BillToScan(engine_of(planned_owners), as_of=DAY, currency="USD"),
        catalog=CATALOG,
        detections=[CATALOG.detections["cost_anomaly"]],
        owners=planned_owners,
        ledger=SqliteLedger(tmp_path / "ledger.db"),
        progress=lambda _text: None,
    )
    assert [one.finding.detection for one in result.notifications] == ["cost_anomaly"]
    assert result.notes == ()


def test_failed_launch_query_is_noted_and_loses_no_finding(tmp_path):
    """The findings are already recorded when the query runs."""
    planned_owners = owners(LAUNCH)
    broken = replace(CATALOG.lookups["muted_launch_costs"], sql="SELECT nothing")
    catalog = Catalog(
        CATALOG.detections,
        CATALOG.reports,
        CATALOG.tables,
        {**CATALOG.lookups, "muted_launch_costs": broken},
    )
    result = scan(
        BillToScan(engine_of(planned_owners), as_of=DAY, currency="USD"),
        catalog=catalog,
        detections=[],
        owners=planned_owners,
        ledger=SqliteLedger(tmp_path / "ledger.db"),
        progress=lambda _text: None,
    )
    (note,) = result.notes
    assert "planned launches" in note and "nothing" in note


def test_many_launches_are_one_line_of_a_digest():
    """A digest has at most ten lines."""
    one, other = (
        muted_launch_costs(owners(LAUNCH))[0],
        replace(muted_launch_costs(owners(LAUNCH))[0], use_case="other"),
    )
    line = launches_summary([one, other, other], currency="USD")
    assert line == (
        "Cost muted by planned launches: 1,500 USD/day (guide, up to 8 times the baseline through 2026-04-08 "
        "and 1 more use case)"
    )
    assert launches_summary([], currency="USD") is None
