"""The weekly digest in ten lines: spend, budget, changes with their cause, open findings, savings."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.weekly_digest import MOST_LINES, weeks
from focuswatch.reports.weekly_slack_message import render_weekly_message
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems
from tests.given.golden_findings import golden_findings
from tests.given.one_line_findings import finding
from tests.given.slack_golden_files import assert_slack_golden
from tests.reports.test_reports import AS_OF, report

SAMPLE_FINDINGS = golden_findings()
OWNERS = Owners.model_validate(
    {"teams": {"search": {"channel": "#search", "monthly_budget": 1000}, "fraud": {"channel": "#fraud"}}}
)


def row(
    team="search", service="Amazon Kendra", *, now=700.0, before=500.0, month=900.0, account="111122223333"
):
    """Return a row of the report team_weeks."""
    return {
        "team": team, "sub_account_id": account, "sub_account_name": "search-prod", "service_name": service,
        "effective_cost": now, "effective_cost_before": before, "movement": now - before, "month_to_date": month,
        "settled_until": date(2026, 4, 8),
    }  # fmt: skip


def week_of(rows, entries=(), *, team="search", as_of=date(2026, 4, 11)):
    """Return one team's week."""
    summaries = weeks(rows, entries, owners=OWNERS, as_of=as_of, currency="USD")
    return next(week for week in summaries if week.team == team)


def test_week_is_compared_with_the_week_before_and_the_budget():
    """The heading and the first line state the comparison."""
    week = week_of([row()])
    assert week.heading == (
        "Team search spent 700 USD on usage in the last 7 complete days (excluding credits, tax and fees), "
        "40% more than in the previous 7 days"
    )
    assert week.lines[0] == (
        "Month to date: 900 USD billed, excluding credits and tax; "
        "90% of the 1,000 USD budget used; 27% of the month elapsed"
    )


def test_without_a_week_before_there_is_no_comparison():
    """A previous week of 0 USD causes no division by zero."""
    assert "with no earlier week for comparison" in week_of([row(before=0.0)]).heading


def test_largest_week_over_week_changes_have_their_cause():
    """The line names a finding about the same service and account, or says that no finding explains the change."""
    about = finding(team="search", cost="300").model_copy(
        update={"service_name": "Amazon Kendra", "title": "An index idles"}
    )
    rows = [
        row(),
        row(service="AWS Lambda", now=10.0, before=500.0),
        row(service="Amazon S3", now=50.0, before=5.0),
        row(service="Amazon SQS", now=2.0, before=1.5),
    ]
    moved = [line for line in week_of(rows, [LedgerEntry(finding=about)]).lines if " in search-prod" in line]
    assert moved == [
        "AWS Lambda in search-prod (111122223333): -490 USD",
        "Amazon Kendra in search-prod (111122223333): +200 USD (An index idles)",
        "Amazon S3 in search-prod (111122223333): +45.00 USD (not explained by a finding)",
    ]


def test_open_findings_and_verified_savings_are_summed():
    """Waste is summed by its monthly saving. A saving counts once, in the week in which it was verified."""
    as_of = date(2026, 4, 11)
    entries = [
        LedgerEntry(finding=finding(cost="100", on=as_of - timedelta(days=9), team="search")),
        LedgerEntry(finding=finding("alarm", cost="50", on=as_of, team="search", category="security")),
        LedgerEntry(
            finding=finding("gone", team="search"), state="resolved", resolved_on=as_of - timedelta(days=9),
            saved_daily=Decimal(4), saving_verified_on=as_of - timedelta(days=4),
        ),
        LedgerEntry(
            finding=finding("just gone", team="search"), state="resolved", resolved_on=as_of, saved_daily=Decimal(9)
        ),
        LedgerEntry(
            finding=finding("long gone", team="search"), state="resolved", resolved_on=as_of - timedelta(days=13),
            saved_daily=Decimal(9), saving_verified_on=as_of - timedelta(days=8),
        ),
        LedgerEntry(finding=finding("another's", team="fraud")),
    ]  # fmt: skip
    lines = week_of([row()], entries).lines
    assert "2 open findings: 100 USD/month of waste; the oldest finding is 9 days old" in lines
    assert "1 finding resolved this week; savings verified on the bill this week: 120 USD/month" in lines
    assert "Highest severity: A title, 50.00 USD charged, 111122223333. First step: An action" in lines


def test_week_of_the_organization_has_unallocated_spend():
    """The organization's budget is the sum of all budgets, compared with the spend of the teams that have one."""
    week = week_of([row(), row(team=None, now=300.0), row(team="fraud", month=5000.0)], team=None)
    assert week.spent == 1700
    assert (
        "Unallocated: 300 USD, 18% of the week's spend. Details: focuswatch report unowned_spend"
        in week.lines
    )
    assert "900 USD billed, excluding credits and tax; 90% of the 1,000 USD budget" in week.lines[0]


def golden(name):
    """Return the week of a golden file: a team's, the organization's, or a week without changes."""
    as_of = date(2026, 4, 11)
    caused = [one for one in SAMPLE_FINDINGS if one.detection in ("idle_sagemaker_endpoint", "gpu_burst")]
    mine = [
        one.model_copy(update={"team": "search", "first_seen": as_of - timedelta(days=9)}) for one in caused
    ]
    idle = next(one for one in mine if one.service_name)
    resolved = LedgerEntry(
        finding=finding("gone", team="search"),
        state="resolved",
        resolved_on=as_of - timedelta(days=5),
        saved_daily=Decimal(4),
        saving_verified_on=as_of,
    )
    rows = [
        row(service=idle.service_name, account=idle.sub_account_id, month=600.0),
        row(service="Amazon S3", now=50.0, before=5.0, month=90.0),
        row(team=None, service="AWS Lambda", now=300.0, before=310.0),
        row("fraud", month=5000.0, now=20.0, before=21.0),
    ]
    if name == "fraud":
        return week_of([row("fraud", now=20.0, before=20.4, month=31.0)], team="fraud", as_of=as_of)
    entries = [*(LedgerEntry(finding=one) for one in mine), resolved]
    return week_of(rows, entries, team="search" if name == "search" else None, as_of=as_of)


@pytest.mark.parametrize("name", ["search", "everybody", "fraud"])
def test_weekly_message_matches_its_golden_file(name):
    """A team with open findings, the organization, and a team in a week without changes."""
    payload = render_weekly_message(golden(name))
    assert not blocks_problems(payload["blocks"])
    assert_slack_golden(
        f"weekly.{name}", payload=payload, text=f"Notification: {payload['text']}\n\n{seen(payload)}"
    )


def test_team_without_spend_or_findings_is_left_out():
    """An empty digest is not sent."""
    assert [week.team for week in weeks([row()], [], owners=OWNERS, as_of=AS_OF, currency="USD")] == [
        None,
        "search",
    ]


@pytest.mark.parametrize("name", ["x" * 3000, "<!channel> & <@U1>", "\u202eevil", "", "a\nb"])
def test_weekly_message_fits_slack(name):
    """At most ten lines, none of them a mention."""
    week = week_of(
        [row(service=name or None), row(service=name + "2", before=0.0)],
        [LedgerEntry(finding=finding(name or None, team="search"))],
    )
    message = render_weekly_message(week)
    assert blocks_problems(message["blocks"]) == []
    assert 1 + len(week.lines) <= MOST_LINES
    assert "<!channel>" not in message["text"]


def moved(findings, **changed):
    """Return the digest's line about the service whose cost changed."""
    entries = [one if isinstance(one, LedgerEntry) else LedgerEntry(finding=one) for one in findings]
    (line,) = [line for line in week_of([row(**changed)], entries).lines if " in search-prod" in line]
    return line


def about(title="Cost anomaly", *, service="Amazon Kendra", team="search", cost="300", on=date(2026, 4, 10)):
    one = finding(title, team=team, cost=cost, category="anomaly", on=on)
    return one.model_copy(update={"service_name": service, "title": title})


def test_increase_explained_by_another_team_s_finding_names_that_team():
    """An unowned finding explains an increase too."""
    assert moved([about(team="fraud")]).endswith("(Cost anomaly, owned by fraud)")
    assert moved([about(team=None)]).endswith("(Cost anomaly)")


@pytest.mark.parametrize("state", ["resolved", "closed"])
def test_increase_is_explained_by_a_finding_that_ended(state):
    """A one-day spike is resolved in the week of its increase; a first charge is notified once and closed."""
    assert moved([LedgerEntry(finding=about(), state=state)]).endswith("(Cost anomaly)")
    old = LedgerEntry(finding=about(on=date(2026, 3, 1)), state=state)
    assert moved([old]).endswith("(not explained by a finding)")


def test_finding_about_an_account_explains_smaller_increases():
    """A dormant account explains the cost of its services; a first charge of a cent does not explain 200 USD."""
    assert moved([about("Dormant account", service=None)]).endswith("(Dormant account)")
    assert moved([about("First charge", service=None, cost="0.01")]).endswith("(not explained by a finding)")
    both = [about("Dormant account", service=None, cost="900"), about()]
    assert moved(both).endswith("(Cost anomaly)")


def test_cost_of_a_finding_about_an_account_is_that_of_a_week():
    """A finding explains an increase of 200 USD if it cost half of that in the week.

    Waste costs about a quarter of its monthly cost per week; an event costs what its days in the week cost.
    """
    idle = finding("idle", team="search", on=date(2026, 4, 10)).model_copy(
        update={"service_name": None, "title": "Idle account"}
    )
    for cost, explains in (("420", False), ("430", True)):
        waste = idle.model_copy(update={"monthly_cost": Decimal(cost)})
        assert ("(Idle account)" in moved([waste])) is explains
    event = about("Dormant account", service=None, cost="300")
    weeks_ago = {"started_on": date(2026, 3, 1), "ended_on": date(2026, 4, 4)}
    assert "(Dormant account)" not in moved([event.model_copy(update=weeks_ago)])
    continuing = {"started_on": date(2026, 3, 1), "monthly_cost_if_continues": Decimal(300)}
    assert "(Dormant account)" not in moved([event.model_copy(update=continuing)])


@pytest.mark.parametrize(("per_usd", "is_listed"), [(None, True), ("1000", False)])
def test_smallest_unallocated_cost_follows_the_rate_in_owners_toml(per_usd, is_listed):
    """300 XYZ are less than one US dollar at a rate of 1,000."""
    owners = OWNERS.model_copy(update={"exchange_rates": {"XYZ": Decimal(per_usd)} if per_usd else {}})
    (week, *_) = weeks([row(team=None, now=300.0)], [], owners=owners, as_of=AS_OF, currency="XYZ")
    assert any("Unallocated" in line for line in week.lines) is is_listed
    assert any("Amazon Kendra in" in line for line in week.lines) is is_listed


def test_second_day_of_a_month_has_no_month_to_date():
    """On the second day of May, no day of May is complete; the budget is not compared with the end of April."""
    week = week_of([row(month=0.0)], as_of=date(2026, 5, 2))
    assert "0% of the 1,000 USD budget used; 0% of the month elapsed" in week.lines[0]


def test_report_counts_settled_days_and_the_month():
    """Seven days and the previous seven days. Credits and tax are excluded."""
    charges = [
        {"charge_date": AS_OF - timedelta(days=back), "EffectiveCost": 10.0 if back < 10 else 4.0}
        for back in range(1, 25)
    ]
    for kind, cost in (("Tax", 99.0), ("Credit", -70.0)):
        charges.append(
            {"charge_date": AS_OF - timedelta(days=5), "EffectiveCost": cost, "ChargeCategory": kind}
        )
    (row,) = report("team_weeks", charges)
    assert (row["effective_cost"], row["effective_cost_before"]) == (70.0, 28.0)
    month = range(1, (AS_OF - timedelta(days=3)).day + 1)
    in_month = [one for one in charges if one["charge_date"].month == 3 and one["charge_date"].day in month]
    usage = [one for one in in_month if "ChargeCategory" not in one]
    assert row["month_to_date"] == pytest.approx(sum(one["EffectiveCost"] for one in usage))
    assert row["settled_until"] == AS_OF - timedelta(days=3)


def test_report_counts_charges_without_an_account():
    """A support plan's charges, for example, are unallocated spend of the week and of the month."""
    days = [AS_OF - timedelta(days=25), AS_OF]
    (row,) = report("team_weeks", [{"SubAccountId": None, "ServiceName": "AWS Support", "days": days}])
    assert (row["team"], row["sub_account_id"]) == (None, None)
    assert (row["effective_cost"], row["effective_cost_before"], row["month_to_date"]) == (70, 70, 230)
