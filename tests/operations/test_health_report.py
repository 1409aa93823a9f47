"""The daily health report: one line if focuswatch is healthy, otherwise each problem with its fix."""

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import DetectionSummary
from focuswatch.operations.function_run_heartbeats import Heartbeat
from focuswatch.operations.health_report import health_report
from focuswatch.operations.health_slack_message import health_message
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, too_long
from tests.given.golden_files import assert_golden

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
EXPECTED = ("refresh", "collect", "detect", "publish")
GIB = 1024**3


def beat(kind, *, hours_ago=1.0, **fields):
    return Heartbeat(
        function=kind, run_id="r", ended_at=NOW - timedelta(hours=hours_ago), seconds=12, **fields
    )


def healthy():
    """Return heartbeats of a day without problems."""
    beats = (
        beat("refresh", hours_ago=2, ran=("2026-11",), data_age_hours=7.0, scanned_bytes=3 * GIB // 2),
        beat("collect", hours_ago=4, ran=("111122223333", "444455556666")),
        beat("detect", ran=("idle_kendra_index", "new_region"), as_of=date(2026, 11, 20), data_age_hours=8.2,
             scanned_bytes=GIB // 2),
        beat("publish", hours_ago=0.1),
    )  # fmt: skip
    return {one.function: one for one in beats}


def report_of(*changed, without=(), queued=None, dead_letters=None, **options):
    """Return the report of a healthy day with some heartbeats changed or missing."""
    beats = {kind: one for kind, one in healthy().items() if kind not in without}
    return health_report(
        beats | {one.function: one for one in changed},
        queued=queued or {},
        dead_letters=dead_letters or {},
        expected=EXPECTED,
        now=NOW,
        **options,
    )


def summaries(report):
    return [problem.summary for problem in report.problems]


def test_healthy_report_is_one_line():
    """It states the number of detections and accounts and the end of the data, and has no notes."""
    report = report_of(dead_letters={"slack": 0}, queued={"pending": 0})
    assert report.is_healthy
    assert (
        report.headline
        == "✅ focuswatch health: no problems. Evaluated 2 detections in 2 accounts for charges before 2026-11-20"
    )
    assert (
        report.facts == "Newest delivery of the billing export: 9 hours old. "
        "Data scanned in the latest run of each function: 2.0 GiB."
    )
    assert not report.notes


@pytest.mark.parametrize("hours, is_missing", [(29.9, False), (30.1, True)])
def test_function_without_a_recent_run_is_a_problem(hours, is_missing):
    """The limits are those of the alarms. A function that never ran is a problem too."""
    report = report_of(beat("collect", hours_ago=hours, ran=("111122223333",)))
    assert summaries(report) == (
        ["The function focuswatch-collect last completed a run 30 hours ago (limit: 30 hours)"]
        if is_missing
        else []
    )
    assert summaries(report_of(beat("publish", hours_ago=3))) == [
        "The function focuswatch-publish last completed a run 3 hours ago (limit: 2 hours)"
    ]
    (never,) = report_of(without=["refresh"]).problems
    assert never.summary == "The function focuswatch-refresh has never completed a run"
    assert never.command == "aws logs tail /aws/lambda/focuswatch-refresh --since 2d"


def test_function_invoked_by_a_queue_may_run_rarely():
    """Only functions that run on a schedule are expected."""
    assert report_of(beat("slack", hours_ago=500)).is_healthy


@pytest.mark.parametrize("age, stale", [(46.9, False), (47.1, True)])
def test_old_delivery_is_a_problem(age, stale):
    """The age is as of now and not as of the last run. The newest delivery that any run saw counts."""
    report = report_of(
        beat("detect", ran=("d",), as_of=date(2026, 11, 18), data_age_hours=age), without=["refresh"]
    )
    assert summaries(report)[1:] == (
        ["The newest delivery of the billing export is 48 hours old (limit: 48 hours)"] if stale else []
    )
    assert report_of(beat("detect", as_of=date(2026, 11, 18), data_age_hours=90)).is_healthy


def test_missing_bill_is_a_problem():
    """Without charges, detections have no findings, which would look healthy."""
    report = report_of(beat("detect", doubts=("no billing period was refreshed yet",)))
    (problem,) = report.problems
    assert (problem.summary, problem.details) == (
        "No billing data to analyze",
        ("no billing period was refreshed yet",),
    )
    assert report.evaluated == "0 detections in 2 accounts, no bill yet"


def test_failed_detections_are_listed_by_reason():
    failed = {
        "idle_kendra_index": "HIVE_BAD_DATA: x",
        "new_region": "HIVE_BAD_DATA: x",
        "gpu_burst": "a typo",
    }
    (problem,) = report_of(beat("detect", as_of=date(2026, 11, 20), failed=failed)).problems
    assert problem.summary == "3 failures in the last run of the function focuswatch-detect"
    assert problem.details == ("idle_kendra_index, new_region: HIVE_BAD_DATA: x", "gpu_burst: a typo")


def test_old_failure_of_a_function_invoked_by_a_queue_is_omitted():
    """The message was processed since then, or it is a dead letter, which is reported separately."""
    failed = {"m": "Slack is away"}
    assert summaries(report_of(beat("slack", hours_ago=23, failed=failed))) == [
        "1 failure in the last run of the function focuswatch-slack"
    ]
    assert report_of(beat("slack", hours_ago=25, failed=failed)).is_healthy


def test_failure_of_a_daily_function_counts_until_its_next_run():
    """The failure is reported however many hours ago the run was."""
    failed = beat("detect", hours_ago=25, as_of=date(2026, 11, 20), failed={"new_region": "a typo"})
    assert summaries(report_of(failed)) == ["1 failure in the last run of the function focuswatch-detect"]


def test_dead_letters_are_a_problem_that_redrive_fixes():
    (problem,) = report_of(dead_letters={"slack": 3, "jira": 0, "detect": 1}).problems
    assert problem.summary == "4 events in dead-letter queues: all retries failed"
    assert problem.details == (
        "Queue of the function focuswatch-detect: 1",
        "Queue of the function focuswatch-slack: 3",
    )
    assert problem.command == "focuswatch redrive"


def test_pending_notifications_are_noted():
    """They are retried automatically."""
    report = report_of(queued={"pending": 2, "slack": 1200, "jira": 0})
    assert report.is_healthy
    assert report.notes == (
        "2 notifications are not yet sent; the function focuswatch-publish retries them automatically.",
        "1,200 messages are queued for the function focuswatch-slack, which retries them automatically.",
    )


def test_denied_account_is_a_problem_and_denied_service_is_noted():
    refused = {
        "777788889999": "AccessDenied: no role",
        "111122223333 Bedrock in eu-west-1": "AccessDenied: SCP",
    }
    report = report_of(beat("collect", ran=("111122223333",), failed=refused))
    (problem,) = report.problems
    assert (problem.summary, problem.details) == (
        "The function focuswatch-collect was denied access to 1 account",
        ("777788889999: AccessDenied: no role",),
    )
    assert report.notes == (
        "Resources not evaluated, by service: 111122223333 Bedrock in eu-west-1: AccessDenied: SCP.",
    )


def test_doubt_is_noted_once():
    """Also if both refresh and detect report it."""
    doubt = ("2026-10 shrank",)
    report = report_of(beat("refresh", doubts=doubt), beat("detect", as_of=date(2026, 11, 20), doubts=doubt))
    assert report.notes == (
        "focuswatch does not mark any finding as resolved until the following is fixed: 2026-10 shrank.",
    )


def test_detections_of_services_that_are_not_on_the_bill_are_noted():
    """Users need not fix anything."""
    detections = (
        DetectionSummary(detection="idle_ai_seat", services_not_on_bill=("Kiro",)),
        DetectionSummary(detection="new_region", findings=1),
    )
    ran = {"ran": ("idle_ai_seat", "new_region"), "as_of": date(2026, 11, 20)}
    report = report_of(beat("detect", **ran, detections=detections))
    assert report.is_healthy
    assert report.notes == (
        "The function focuswatch-detect did not run 1 detection for services that are not on the bill (Kiro).",
    )


def test_skipped_billing_period_is_a_problem_and_empty_one_is_noted():
    """A skipped period still has the charges of an older delivery. An empty period is a month that has just begun."""
    failing = beat("refresh", failed={"2026-05": "found 2 billing currencies; expected one currency"})
    report = report_of(failing)
    assert [problem.summary for problem in report.problems] == [
        "1 failure in the last run of the function focuswatch-refresh"
    ]
    assert "2026-05" in report.problems[0].details[0]
    empty = report_of(beat("refresh", warnings=("billing period 2026-12: has no charges",)))
    assert empty.is_healthy and "billing period 2026-12: has no charges" in empty.notes


def test_only_the_first_names_and_reasons_are_listed():
    many = {f"d{number:02}": "the same" for number in range(30)} | {
        f"e{number}": str(number) for number in range(9)
    }
    (problem,) = report_of(beat("detect", as_of=date(2026, 11, 20), failed=many)).problems
    assert problem.details[0] == "d00, d01, d02, d03, d04 and 25 more: the same"
    assert (len(problem.details), problem.details[-1]) == (6, "and 5 other reasons")


def test_control_characters_in_a_reason_are_not_sent():
    failed = {"new_region": "\x1b[2J gone"}
    assert "\x1b" not in report_of(beat("detect", as_of=date(2026, 11, 20), failed=failed)).as_text()


REPORTS = {
    "healthy": lambda: report_of(),
    "noted": lambda: report_of(
        beat("refresh", data_age_hours=7.0, doubts=("the billing period 2026-10 shrank",)),
        beat("collect", ran=("111122223333",), failed={"111122223333 Kendra in eu-west-1": "AccessDenied: SCP"}),
        queued={"pending": 2, "slack": 14},
    ),
    "problems": lambda: report_of(
        beat("collect", hours_ago=40, ran=("111122223333",), failed={"777788889999": "AccessDenied: no role"}),
        beat("detect", ran=("new_region",), as_of=date(2026, 11, 18), data_age_hours=60,
             failed={"idle_kendra_index": "QueryError: <!channel> *bold* & `code`", "gpu_burst": "a typo"}),
        beat("slack", failed={"m-1": "Refused: channel_not_found"}),
        without=["refresh"], queued={"pending": 2}, dead_letters={"slack": 3, "detect": 1}, name="bill",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_report_matches_its_golden_file(name):
    """As a Slack message and as an email."""
    report = REPORTS[name]()
    message = health_message(report)
    assert not blocks_problems(message["blocks"])
    text = f"Notification: {message['text']}\n\n{seen(message)}\n--- as mail ---\n{report.as_text()}"
    assert_golden(f"pulse/{name}.txt", text)
    if name == "problems":  # one report is also compared as Block Kit JSON
        assert_golden(f"pulse/{name}.json", json.dumps(message, indent=1, ensure_ascii=False) + "\n")


def test_report_with_many_problems_fits_a_message():
    """Slack accepts it, and the first problem is shown."""
    long = "<!channel> & " * 200
    report = report_of(
        *(beat(kind, as_of=None, doubts=(long,) * 9, failed={f"{long}{n}": f"{n}{long}" for n in range(99)})
          for kind in ("detect", "publish", "slack", "jira", "record", "spending")),
        beat("collect", failed={f"{n:012}": f"{n} {long}" for n in range(99)}),
        without=["refresh"], dead_letters=dict.fromkeys("abcdefgh", 9),
        queued={"pending": 10**9},
    )  # fmt: skip
    message = health_message(report)
    assert not blocks_problems(message["blocks"])
    assert not too_long(message["blocks"])
    assert len(message["text"]) <= 500
    assert "The function focuswatch-refresh has never completed a run" in json.dumps(message["blocks"])
    shown = sum(block["type"] == "rich_text" for block in message["blocks"])
    assert 0 < shown < len(report.problems)
    assert f"{len(report.problems) - shown} more problems are not shown" in json.dumps(message["blocks"][-1])


def test_long_reason_is_shortened():
    """The next problem is then shown too."""
    report = report_of(beat("detect", as_of=date(2026, 11, 20), failed={"new_region": "x" * 9000}))
    (item,) = health_message(report)["blocks"][1]["elements"][1]["elements"]
    assert len(item["elements"][0]["text"]) == 300


def test_problems_beyond_ten_are_counted():
    """`focuswatch doctor` lists all of them."""
    report = report_of(without=EXPECTED)
    many = dataclasses.replace(report, problems=report.problems * 3)
    assert len(many.problems) == 12
    assert "2 more problems are not shown" in json.dumps(health_message(many)["blocks"][-1])
