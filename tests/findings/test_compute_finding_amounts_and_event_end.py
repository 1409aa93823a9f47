"""The amounts of a finding: monthly savings, or an event's cost so far and its monthly cost if usage continues."""

import csv
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import typer.testing

from focuswatch.cli import app
from focuswatch.detect.scan_result import ScanResult
from focuswatch.findings.aws_alert_detection_ids import AWS_ALERTS
from focuswatch.findings.compute_finding_amounts_and_event_end import Stake, stake_of
from focuswatch.findings.decimal_money_type_and_rounding import money
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import (
    SUFFIX_BY_DETECTION,
    amount_label,
    changed_amount,
    cost_so_far_text,
    full_amount,
    main_amount,
)
from focuswatch.findings.saving_text import saving_text
from focuswatch.findings.severity import severity_of
from focuswatch.ledger import decide
from tests.given.incidents import CATALOG, MONDAY, scanned, security_rollout
from tests.given.one_line_findings import DAY, finding, run, saving_of

AS_OF = date(2026, 5, 31)
HEADER = (
    "BilledCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ConsumedQuantity",
    "ConsumedUnit",
    "EffectiveCost",
    "RegionId",
    "ResourceId",
    "ServiceName",
    "SkuMeter",
    "SubAccountId",
    "SubAccountName",
)


def spikes(path: Path, *, until: date, days: dict[str, list[date]], excess: float = 1000.0) -> Path:
    """Write a bill with machines at 10 USD a day since April, and GPUs on the days listed for each account."""
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
                    rows.writerow(
                        (
                            cost,
                            "USD",
                            day.replace(day=1),
                            "Usage",
                            day,
                            day + timedelta(days=1),
                            24,
                            "Hours",
                            cost,
                            "us-east-1",
                            resource,
                            "Amazon Elastic Compute Cloud",
                            meter,
                            account,
                            f"account {account[0]}",
                        )
                    )
    return path


def scan(export: Path, *more: str, format: str = "json") -> str:
    state = str(export.parent / "state")
    done = typer.testing.CliRunner().invoke(
        app, ["scan", str(export), "--state", state, "--format", format, *more]
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def money_of(findings: list[dict], detection: str) -> dict[str, tuple]:
    names = ("severity", "monthly_cost", "cost_so_far", "monthly_cost_if_continues", "started_on", "ended_on")
    return {
        one["sub_account_id"]: tuple(one[name] for name in names)
        for one in findings
        if one["detection"] == detection
    }


def test_equal_spikes_on_different_days_have_equal_amounts(tmp_path):
    """One day costs 1,000 USD more, on 26 or on 28 May. The two days after it show that the spike ended."""
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
    """Five days, the last two not complete: 3,000 USD so far on complete days, 30,000 USD/month if usage continues."""
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
        (date(2026, 5, 30), date(2026, 5, 30), 3000),  # continues through the last day of the bill
        (date(2026, 5, 29), date(2026, 5, 30), 3500),  # a single later day may be incomplete
        (date(2026, 5, 28), date(2026, 5, 30), 0),
        (date(2026, 5, 28), date(2026, 5, 28), 4200),  # the account's bill is late
    ],
)
def test_two_later_days_on_the_bill_show_that_an_event_ended(last_day, billed_until, monthly):
    """The days must be on the account's own bill; a late bill does not show an end."""
    finding = event({"first_day": "2026-05-24", "last_day": str(last_day)}, billed_until=billed_until)
    assert finding.cost_so_far == 700
    assert finding.monthly_if_continues == monthly
    assert finding.ended_on == (None if monthly else last_day)
    assert finding.started_on == date(2026, 5, 24)


def test_week_without_charges_of_the_account_shows_that_an_event_ended():
    """The charges that made a dormant account active may be all of its charges."""
    row = {"first_day": "2026-05-22", "last_day": "2026-05-23"}
    assert event(row, billed_until=date(2026, 5, 23)).ended_on == date(2026, 5, 23)
    late = row | {"last_day": "2026-05-24"}
    assert event(late, billed_until=date(2026, 5, 24)).ended_on is None


def test_finding_without_days_has_no_monthly_amount():
    """The amount is then unknown and not zero."""
    assert event({}) == Stake(Decimal(700), cost_so_far=Decimal(700))


@pytest.mark.parametrize("monthly", [1e22, 1e60, 1e300, Decimal("1e30")])
def test_any_amount_that_a_column_can_hold_is_accepted_per_month(monthly):
    """Amounts on a bill are input that anyone may have written."""
    assert event({"monthly_cost_if_continues": monthly}).monthly_if_continues == Decimal(
        repr(monthly) if isinstance(monthly, float) else monthly
    )


def test_any_amount_of_an_event_that_continues_is_projected():
    """Also from 1e22 on, where six decimals have more digits than the default precision."""
    stated = stake_of(
        "security",
        {"first_day": "2026-05-30", "last_day": "2026-05-30"},
        cost=money(1e60),
        as_of=AS_OF,
        billed_until=AS_OF - timedelta(days=1),
    )
    assert stated.monthly_if_continues == Decimal("30e60")


def test_detection_can_state_that_an_event_continues():
    """unit_cost_regression evaluates a complete week; the end of that week is not the end of the increase."""
    finding = event(
        {"first_day": "2026-05-20", "last_day": "2026-05-26", "monthly_cost_if_continues": 3000.0}
    )
    assert (finding.monthly_if_continues, finding.ended_on) == (3000, None)


def test_waste_and_governance_have_only_savings():
    for category in ("waste", "governance"):
        row = {"first_day": "2026-05-20", "last_day": "2026-05-26"}
        assert stake_of(category, row, cost=Decimal(9), as_of=AS_OF, billed_until=AS_OF) == Stake(Decimal(9))


def event_finding(
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
    """At 400 USD so far, the severity is low if the event ended, medium at 20 and high at 400 USD/day."""
    assert event_finding("400", "0").severity == "low"
    assert event_finding("400", "600").severity == "medium"
    assert event_finding("400", "12000").severity == "high"
    assert event_finding("400", None).severity == "low"


def test_findings_are_ordered_by_stake():
    """A one-day event is not ordered by the cost of thirty such days."""
    ended, continuing = event_finding("1000", "0", resource="a"), event_finding("500", "15000", resource="b")
    notifications = decide({}, [], run(ended, continuing, ran=("cost_anomaly",))).notifications
    assert [one.finding.resource_id for one in notifications] == ["b", "a"]


def test_continuing_event_is_not_notified_as_changed():
    """The cost so far grows every day. Only an unexpected increase by half since the last notification is a change."""
    entries = {
        entry.fingerprint: entry for entry in decide({}, [], run(event_finding("100", "3000"))).entries
    }
    assert decide(entries, [], run(event_finding("300", "3000"), ran=("cost_anomaly",))).notifications == ()
    for later in (event_finding("600", "3000"), event_finding("300", "9000")):
        assert [one.kind for one in decide(entries, [], run(later, ran=("cost_anomaly",))).notifications] == [
            "changed"
        ]


def test_ended_event_is_not_notified_as_changed():
    entries = {
        entry.fingerprint: entry for entry in decide({}, [], run(event_finding("1000", "30000"))).entries
    }
    assert (
        decide(entries, [], run(event_finding("2000", "0", ended=DAY), ran=("cost_anomaly",))).notifications
        == ()
    )


def test_findings_of_an_older_ledger_use_their_only_amount():
    """A finding written before this version has no cost so far."""
    old = finding(cost="700", category="security")
    assert old.stake == 700
    assert main_amount(old) == "700 USD charged"


def test_total_adds_only_amounts_with_the_same_meaning():
    """Waste is summed; other findings are only counted."""
    findings = (
        finding("w", cost="70"),
        event_finding("1000", "0"),
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
    ("example", "expected_text"),
    [
        (finding(cost="345.6"), "346 USD/month in potential savings"),
        (
            event_finding("1000", "0", ended=DAY),
            "1,000 USD above expected from 2026-03-27 to 2026-03-31; ended",
        ),
        (
            event_finding("1000", "0", ended=DAY - timedelta(days=4)),
            "1,000 USD above expected on 2026-03-27; ended",
        ),
        (
            event_finding("450", "4500"),
            "450 USD above expected since 2026-03-27; 4,500 USD/month if usage continues",
        ),
        (event_finding("450", None), "450 USD above expected since 2026-03-27"),
    ],
)
def test_amount_states_its_meaning(example, expected_text):
    assert full_amount(example) == expected_text
    assert expected_text.startswith(main_amount(example))


def test_table_shows_the_meaning_of_the_amount():
    """The page shows the currency in its heading."""
    assert amount_label(finding()) == "a month in potential savings"
    assert amount_label(event_finding("450", "4500")) == "above expected since 2026-03-27"


def a_rollout(*, accounts: int) -> Finding:
    """Return the lead of a rollout in which each account is charged 0.40 USD."""
    decision = decide(
        {}, [], scanned(*security_rollout(accounts=accounts, regions=1), on=MONDAY + timedelta(days=1))
    )
    (lead,) = [one.finding for one in decision.notifications if not one.in_incident]
    return lead


def test_every_text_about_a_rollout_states_the_total_of_all_accounts():
    """The amount, the cost so far and the previous amount of a changed rollout are all totals."""
    lead, before = a_rollout(accounts=12), a_rollout(accounts=8)
    assert main_amount(lead) == "4.80 USD charged since 2026-06-01"
    assert cost_so_far_text(lead, today=MONDAY) == "cost so far: 4.80 USD"
    assert changed_amount(lead, before=before).startswith(
        "4.80 USD charged since 2026-06-01 (previously 3.20 USD)"
    )


@pytest.mark.parametrize("saved", ["1e26", "1e300"])
def test_verified_saving_of_any_amount_is_stated(saved):
    """Rounding to cents works for any number of digits."""
    resolved = finding(cost=str(Decimal(saved) * 30))
    resolved = resolved.model_copy(update={"verified_saving": saving_of(resolved, saved=saved)})
    assert saving_text(resolved).startswith("Verified on the bill: ")


def test_every_detection_with_its_own_amount_text_exists():
    """A detection that is renamed keeps the meaning of its amount."""
    assert SUFFIX_BY_DETECTION.keys() - AWS_ALERTS <= CATALOG.detections.keys()
