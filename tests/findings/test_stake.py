"""The amounts of a finding: savings a month, or what an event has cost so far and costs if usage continues."""

import csv
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import typer.testing

from focuswatch.cli import app
from focuswatch.detect.scan_result import ScanResult
from focuswatch.findings.finding import severity_of
from focuswatch.findings.finding_amount_text import amount_label, full_amount, main_amount
from focuswatch.findings.stake import Stake, stake_of
from focuswatch.ledger import decide
from tests.given.one_line_findings import DAY, finding, run

AS_OF = date(2026, 5, 31)
HEADER = (
    "BilledCost", "BillingCurrency", "BillingPeriodStart", "ChargeCategory", "ChargePeriodStart", "ChargePeriodEnd",
    "ConsumedQuantity", "ConsumedUnit", "EffectiveCost", "RegionId", "ResourceId", "ServiceName", "SkuMeter",
    "SubAccountId", "SubAccountName",
)  # fmt: skip


def spikes(path: Path, *, until: date, days: dict[str, list[date]], excess: float = 1000.0) -> Path:
    """Machines at 10 USD a day since April, and GPUs beside them on an account's own `days`."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for account, bursts in days.items():
            for number in range((until - date(2026, 4, 1)).days + 1):
                day = date(2026, 4, 1) + timedelta(days=number)
                meters = [(10.0, "BoxUsage:m5.large", "i-1")]
                if day in bursts:
                    meters.append((excess, "BoxUsage:p4d.24xlarge", "i-9"))
                for cost, meter, resource in meters:
                    rows.writerow((
                        cost, "USD", day.replace(day=1), "Usage", day, day + timedelta(days=1), 24, "Hours", cost,
                        "us-east-1", resource, "Amazon Elastic Compute Cloud", meter, account, f"account {account[0]}",
                    ))  # fmt: skip
    return path


def scan(export: Path, *more: str, format: str = "json") -> str:
    state = str(export.parent / "state")
    done = typer.testing.CliRunner().invoke(
        app, ["scan", str(export), "--state", state, "--format", format, *more]
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def money_of(found: list[dict], detection: str) -> dict[str, tuple]:
    names = ("severity", "monthly_cost", "cost_so_far", "monthly_cost_if_continues", "started_on", "ended_on")
    return {
        one["sub_account_id"]: tuple(one[name] for name in names)
        for one in found
        if one["detection"] == detection
    }


def test_the_same_spike_has_the_same_size_two_days_later(tmp_path):
    """One day of 1,000 USD more, on 26 or on 28 May; the two days after show that it ended."""
    early, late = date(2026, 5, 26), date(2026, 5, 28)
    export = spikes(
        tmp_path / "bill.csv", until=date(2026, 5, 30), days={"444455556666": [early], "111122223333": [late]}
    )
    findings = json.loads(scan(export))
    for detection, severity in (("cost_anomaly", "medium"), ("gpu_burst", "critical")):
        assert money_of(findings, detection) == {
            "444455556666": (severity, 1000.0, 1000.0, 0.0, str(early), str(early)),
            "111122223333": (severity, 1000.0, 1000.0, 0.0, str(late), str(late)),
        }
    table = scan(export, "--ledger", str(tmp_path / "other.db"), format="table")
    assert "30,000" not in table
    assert "So far" in table


def test_continuing_event_has_both_amounts(tmp_path):
    """Five days, the last of them settled: 3,000 so far on complete days, 30,000 a month if usage continues."""
    days = [date(2026, 5, 26) + timedelta(days=number) for number in range(5)]
    findings = json.loads(scan(spikes(tmp_path / "bill.csv", until=days[-1], days={"111122223333": days})))
    assert money_of(findings, "cost_anomaly")["111122223333"] == (
        "high",
        3000.0,
        3000.0,
        30000.0,
        "2026-05-26",
        None,
    )
    assert money_of(findings, "gpu_burst")["111122223333"] == (
        "critical",
        5000.0,
        5000.0,
        30000.0,
        "2026-05-26",
        None,
    )


def event(row: dict, *, billed_until: date = AS_OF - timedelta(days=1)) -> Stake:
    return stake_of("security", row, cost=Decimal(700), as_of=AS_OF, billed_until=billed_until)


@pytest.mark.parametrize(
    ("last_day", "billed_until", "monthly"),
    [
        (date(2026, 5, 30), date(2026, 5, 30), 3000),  # to the last day
        (date(2026, 5, 29), date(2026, 5, 30), 3500),  # one day after it may be incomplete
        (date(2026, 5, 28), date(2026, 5, 30), 0),
        (date(2026, 5, 28), date(2026, 5, 28), 4200),  # the account's bill is late
    ],
)
def test_two_later_days_show_that_it_ended(last_day, billed_until, monthly):
    """Of the account itself: a bill that is late shows nothing."""
    finding = event({"first_day": "2026-05-24", "last_day": str(last_day)}, billed_until=billed_until)
    assert finding.cost_so_far == 700
    assert finding.monthly_if_continues == monthly
    assert finding.ended_on == (None if monthly else last_day)
    assert finding.started_on == date(2026, 5, 24)


def test_an_account_without_charges_for_a_week_shows_the_end_too():
    """The charges that made a dormant account active may be all of its charges."""
    row = {"first_day": "2026-05-22", "last_day": "2026-05-23"}
    assert event(row, billed_until=date(2026, 5, 23)).ended_on == date(2026, 5, 23)
    late = row | {"last_day": "2026-05-24"}
    assert event(late, billed_until=date(2026, 5, 24)).ended_on is None


def test_finding_without_days_has_no_monthly_amount():
    """Unknown is not zero."""
    assert event({}) == Stake(Decimal(700), cost_so_far=Decimal(700))


def test_a_detection_may_know_better():
    """unit_cost_regression judges a complete week, whose end is no end of it."""
    finding = event(
        {"first_day": "2026-05-20", "last_day": "2026-05-26", "monthly_cost_if_continues": 3000.0}
    )
    assert (finding.monthly_if_continues, finding.ended_on) == (3000, None)


def test_waste_and_governance_have_savings_alone():
    for category in ("waste", "governance"):
        row = {"first_day": "2026-05-20", "last_day": "2026-05-26"}
        assert stake_of(category, row, cost=Decimal(9), as_of=AS_OF, billed_until=AS_OF) == Stake(Decimal(9))


def an_event(
    cost: str,
    monthly: str | None,
    *,
    resource: str = "a",
    category: str = "anomaly",
    ended: date | None = None,
):
    created = finding(resource, cost=cost, category=category, detection="cost_anomaly")
    more = {
        "cost_so_far": Decimal(cost),
        "monthly_cost_if_continues": None if monthly is None else Decimal(monthly),
        "started_on": DAY - timedelta(days=4),
        "ended_on": ended,
    }
    created = created.model_copy(update=more)
    return created.model_copy(update={"severity": severity_of(created.category, created.stake)})


def test_severity_uses_cost_so_far_and_one_more_week():
    """400 so far: low where it ended, medium where it goes on at 20 a day, high at 400 a day."""
    assert an_event("400", "0").severity == "low"
    assert an_event("400", "600").severity == "medium"
    assert an_event("400", "12000").severity == "high"
    assert an_event("400", None).severity == "low"


def test_findings_are_ordered_by_stake():
    """Not with thirty days of something that lasted one."""
    ended, goes_on = an_event("1000", "0", resource="a"), an_event("500", "15000", resource="b")
    notifications = decide({}, [], run(ended, goes_on, ran=("cost_anomaly",))).notifications
    assert [one.finding.resource_id for one in notifications] == ["b", "a"]


def test_continuing_event_is_not_changed():
    """Its cost so far grows every day; the owner is notified if the cost is half more than at the last notification."""
    entries = {entry.fingerprint: entry for entry in decide({}, [], run(an_event("100", "3000"))).entries}
    assert decide(entries, [], run(an_event("300", "3000"), ran=("cost_anomaly",))).notifications == ()
    for later in (an_event("600", "3000"), an_event("300", "9000")):
        assert [one.kind for one in decide(entries, [], run(later, ran=("cost_anomaly",))).notifications] == [
            "changed"
        ]


def test_ended_event_is_not_changed():
    entries = {entry.fingerprint: entry for entry in decide({}, [], run(an_event("1000", "30000"))).entries}
    assert (
        decide(entries, [], run(an_event("2000", "0", ended=DAY), ran=("cost_anomaly",))).notifications == ()
    )


def test_findings_of_an_older_ledger_are_compared_by_the_amount_they_have():
    """A finding written before this version has no cost so far."""
    old = finding(cost="700", category="security")
    assert old.stake == 700
    assert main_amount(old) == "700 USD charged"


def test_no_total_adds_amounts_of_two_meanings():
    """Waste is summed; of the others there is a count."""
    findings = (
        finding("w", cost="70"),
        an_event("1000", "0"),
        finding("g", cost="500", category="governance"),
    )
    scanned = ScanResult(
        as_of=DAY,
        currency="USD",
        findings=findings,
        notifications=(),
        outcomes=(),
        coverage=None,
        suppressed=0,
        seconds=0.0,
    )  # type: ignore[arg-type]
    assert scanned.monthly_waste == scanned.unowned_waste == 70
    assert len(scanned.unowned) == 3


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (finding(cost="345.6"), "346 USD/month in potential savings"),
        (an_event("1000", "0", ended=DAY), "1,000 USD above expected from 2026-03-27 to 2026-03-31; ended"),
        (
            an_event("1000", "0", ended=DAY - timedelta(days=4)),
            "1,000 USD above expected on 2026-03-27; ended",
        ),
        (
            an_event("450", "4500"),
            "450 USD above expected since 2026-03-27; 4,500 USD/month if usage continues",
        ),
        (an_event("450", None), "450 USD above expected since 2026-03-27"),
    ],
)
def test_amount_states_its_meaning(found, said):
    assert full_amount(found) == said
    assert said.startswith(main_amount(found))


def test_table_shows_the_meaning_of_the_amount():
    """The page has the currency from its heading."""
    assert amount_label(finding()) == "a month in potential savings"
    assert amount_label(an_event("450", "4500")) == "above expected since 2026-03-27"
