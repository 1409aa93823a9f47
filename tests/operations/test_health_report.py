"""Once a day focuswatch says how it is: green in one line, or what is wrong first and how to mend it.

Golden files are read in review; FOCUSWATCH_WRITE_GOLDEN=1 writes them anew.
"""

import dataclasses
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from moto import mock_aws

from focuswatch.notify.slack.health_message import pulse_message
from focuswatch.operations.health_report import pulse
from focuswatch.operations.heartbeat import Heartbeat, heartbeats, record
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, too_long
from tests.given.ledger import ledger_table

GOLDEN = Path(__file__).parents[1] / "golden" / "pulse"
WRITE = os.environ.get("FOCUSWATCH_WRITE_GOLDEN")
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
EXPECTED = ("refresh", "collect", "detect", "publish")
GIB = 1024**3


def beat(kind, *, hours_ago=1.0, **told):
    return Heartbeat(function=kind, run_id="r", ended_at=NOW - timedelta(hours=hours_ago), seconds=12, **told)


def well():
    """A morning on which all is well."""
    beats = (
        beat("refresh", hours_ago=2, ran=("2026-11",), data_age_hours=7.0, scanned_bytes=3 * GIB // 2),
        beat("collect", hours_ago=4, ran=("111122223333", "444455556666")),
        beat("detect", ran=("idle_kendra_index", "new_region"), as_of=date(2026, 11, 20), data_age_hours=8.2,
             scanned_bytes=GIB // 2),
        beat("publish", hours_ago=0.1),
    )  # fmt: skip
    return {one.function: one for one in beats}


def felt(*changed, without=(), waiting=None, dead_letters=None, **told):
    """The pulse of a morning on which something is otherwise."""
    beats = {kind: one for kind, one in well().items() if kind not in without}
    return pulse(
        beats | {one.function: one for one in changed},
        waiting=waiting or {}, dead_letters=dead_letters or {}, expected=EXPECTED, now=NOW, **told,
    )  # fmt: skip


def whats(told):
    return [trouble.what for trouble in told.troubles]


def test_all_is_well_in_one_line():
    """What was looked at, as of when; nothing else asks for attention."""
    told = felt(dead_letters={"slack": 0}, waiting={"untold": 0})
    assert told.is_well
    assert told.headline == "✅ All is well: 2 detections over 2 accounts, the bill as of 2026-11-20"
    assert told.facts == "newest delivery 9 hours old, 2.0 GiB scanned by the last runs"
    assert not told.notes


@pytest.mark.parametrize("hours, silent", [(29.9, False), (30.1, True)])
def test_a_function_that_fell_silent_is_wrong(hours, silent):
    """After the hours that its alarm has too; a function that never ran as well."""
    told = felt(beat("collect", hours_ago=hours, ran=("111122223333",)))
    assert whats(told) == (["collect ended its last run 30 hours ago, more than 30"] if silent else [])
    assert whats(felt(beat("publish", hours_ago=3))) == [
        "publish ended its last run 3 hours ago, more than 2"
    ]
    (never,) = felt(without=["refresh"]).troubles
    assert never.what == "refresh has never ended a run"
    assert never.command == "aws logs tail /aws/lambda/focuswatch-refresh --since 2d"


def test_a_function_that_waits_for_work_may_be_silent():
    """Only those that run by the clock are expected."""
    assert felt(beat("slack", hours_ago=500)).is_well


@pytest.mark.parametrize("age, stale", [(46.9, False), (47.1, True)])
def test_a_bill_that_grew_old_is_wrong(age, stale):
    """By now, not when it was looked at; the newest that any run saw counts."""
    told = felt(beat("detect", ran=("d",), as_of=date(2026, 11, 18), data_age_hours=age), without=["refresh"])
    assert whats(told)[1:] == (["The newest delivery is 48 hours old, more than 48"] if stale else [])
    assert felt(beat("detect", as_of=date(2026, 11, 18), data_age_hours=90)).is_well


def test_without_a_bill_nothing_is_well():
    """A detection that looked at nothing found nothing."""
    told = felt(beat("detect", doubts=("no billing period was refreshed yet",)))
    (trouble,) = told.troubles
    assert (trouble.what, trouble.details) == (
        "There is no bill to look at", ("no billing period was refreshed yet",)
    )  # fmt: skip
    assert told.evaluated == "0 detections over 2 accounts, no bill yet"


def test_detections_that_failed_are_named_with_the_reason():
    failed = {
        "idle_kendra_index": "HIVE_BAD_DATA: x",
        "new_region": "HIVE_BAD_DATA: x",
        "gpu_burst": "a typo",
    }
    (trouble,) = felt(beat("detect", as_of=date(2026, 11, 20), failed=failed)).troubles
    assert trouble.what == "3 failed in the last run of detect"
    assert trouble.details == ("idle_kendra_index, new_region: HIVE_BAD_DATA: x", "gpu_burst: a typo")


def test_what_a_queue_gave_back_long_ago_is_no_news():
    """It came again since, or is a dead letter."""
    failed = {"m": "Slack is away"}
    assert whats(felt(beat("slack", hours_ago=23, failed=failed))) == ["1 failed in the last run of slack"]
    assert felt(beat("slack", hours_ago=25, failed=failed)).is_well


def test_what_failed_yesterday_counts_until_the_next_run():
    """A daily function's failure is not forgotten by the hour in which the pulse is taken."""
    failed = beat("detect", hours_ago=25, as_of=date(2026, 11, 20), failed={"new_region": "a typo"})
    assert whats(felt(failed)) == ["1 failed in the last run of detect"]


def test_dead_letters_are_wrong_and_can_be_handed_back():
    (trouble,) = felt(dead_letters={"slack": 3, "jira": 0, "detect": 1}).troubles
    assert trouble.what == "4 dead letters: not done, and not delivered"
    assert trouble.details == ("1 of detect", "3 of slack")
    assert trouble.command == "focuswatch redrive"


def test_every_heartbeat_is_read_however_long_they_are():
    """A page of DynamoDB's ends at a megabyte, and a bad day's heartbeats are longer."""
    with mock_aws():
        table = ledger_table()
        for number in range(30):
            failed = {f"{place}": "x" * 900 for place in range(100)}
            told = Heartbeat(function=f"f{number}", run_id="r", ended_at=NOW, seconds=1, failed=failed)
            record(table, told)
        assert sorted(heartbeats(table)) == sorted(f"f{number}" for number in range(30))


def test_a_heartbeat_fits_the_table_whatever_failed():
    """An organisation that refuses everything everywhere; how many are left out is said."""
    refused = {f"{account:012d} eu-west-{region}": "explicitly denied " * 12
               for account in range(200) for region in range(17)}  # fmt: skip
    with mock_aws():
        table = ledger_table()
        record(table, beat("collect", failed=refused))
        record(table, beat("detect", failed={"a": "b"}))
        kept = heartbeats(table)
    assert kept["detect"].failed == {"a": "b"}
    *named, (more, _) = kept["collect"].failed.items()
    assert dict(named).items() <= refused.items()
    assert more == f"{len(refused) - len(named):,} more"
    assert len(named) > 300


def test_what_waits_is_noted():
    """It is tried again by itself."""
    told = felt(waiting={"untold": 2, "slack": 1200, "jira": 0})
    assert told.is_well
    assert told.notes == (
        "1,200 wait to be told for slack, and are tried again",
        "2 wait to be told by publish, and are tried again",
    )


def test_an_account_that_refuses_is_wrong_and_a_service_is_noted():
    refused = {
        "777788889999": "AccessDenied: no role",
        "111122223333 Bedrock in eu-west-1": "AccessDenied: SCP",
    }
    told = felt(beat("collect", ran=("111122223333",), failed=refused))
    (trouble,) = told.troubles
    assert (trouble.what, trouble.details) == (
        "1 account could not be looked at", ("777788889999: AccessDenied: no role",)
    )  # fmt: skip
    assert told.notes == ("not looked at: 111122223333 Bedrock in eu-west-1: AccessDenied: SCP",)


def test_a_doubt_is_noted_once():
    """Refresh and detect may have the same."""
    doubt = ("2026-10 shrank",)
    told = felt(beat("refresh", doubts=doubt), beat("detect", as_of=date(2026, 11, 20), doubts=doubt))
    assert told.notes == ("nothing is called resolved, since 2026-10 shrank",)


def test_a_billing_period_that_was_skipped_is_wrong_and_one_without_charges_is_noted():
    """The first keeps an older delivery; the second is of a month that has just begun."""
    failing = beat("refresh", failed={"2026-05": "found 2 billing currencies, expected one"})
    found = felt(failing)
    assert [trouble.what for trouble in found.troubles] == ["1 failed in the last run of refresh"]
    assert "2026-05" in found.troubles[0].details[0]
    empty = felt(beat("refresh", warnings=("billing period 2026-12: has no charges",)))
    assert empty.is_well and "billing period 2026-12: has no charges" in empty.notes


def test_of_what_is_alike_the_first_are_named():
    many = {f"d{number:02}": "the same" for number in range(30)} | {
        f"e{number}": str(number) for number in range(9)
    }
    (trouble,) = felt(beat("detect", as_of=date(2026, 11, 20), failed=many)).troubles
    assert trouble.details[0] == "d00, d01, d02, d03, d04 and 25 more: the same"
    assert (len(trouble.details), trouble.details[-1]) == (6, "and 5 other reasons")


def test_text_of_others_moves_no_cursor():
    failed = {"new_region": "\x1b[2J gone"}
    assert "\x1b" not in felt(beat("detect", as_of=date(2026, 11, 20), failed=failed)).as_text()


MORNINGS = {
    "well": lambda: felt(),
    "noted": lambda: felt(
        beat("refresh", data_age_hours=7.0, doubts=("the billing period 2026-10 shrank",)),
        beat("collect", ran=("111122223333",), failed={"111122223333 Kendra in eu-west-1": "AccessDenied: SCP"}),
        waiting={"untold": 2, "slack": 14},
    ),
    "ill": lambda: felt(
        beat("collect", hours_ago=40, ran=("111122223333",), failed={"777788889999": "AccessDenied: no role"}),
        beat("detect", ran=("new_region",), as_of=date(2026, 11, 18), data_age_hours=60,
             failed={"idle_kendra_index": "QueryError: <!channel> *bold* & `code`", "gpu_burst": "a typo"}),
        beat("slack", failed={"m-1": "Refused: channel_not_found"}),
        without=["refresh"], waiting={"untold": 2}, dead_letters={"slack": 3, "detect": 1}, name="bill",
    ),
}  # fmt: skip


@pytest.mark.parametrize("morning", MORNINGS)
def test_a_morning_reads_as_its_golden_file(morning):
    """In Slack and in a mail."""
    told = MORNINGS[morning]()
    message = pulse_message(told)
    assert not blocks_problems(message["blocks"])
    read = f"Notification: {message['text']}\n\n{seen(message)}\n--- as a mail ---\n{told.as_text()}"
    same_as_golden(f"{morning}.txt", read)
    same_as_golden(f"{morning}.json", json.dumps(message, indent=1, ensure_ascii=False) + "\n")


def same_as_golden(name, content):
    path = GOLDEN / name
    if WRITE:
        path.write_text(content, encoding="utf-8")
    assert path.exists(), f"{name} is missing; FOCUSWATCH_WRITE_GOLDEN=1 writes it, then read it"
    assert content == path.read_text(encoding="utf-8")


def test_the_worst_morning_fits_a_message():
    """However much is wrong, Slack takes it, and what is first stays."""
    long = "<!channel> & " * 200
    told = felt(
        *(beat(kind, as_of=None, doubts=(long,) * 9, failed={f"{long}{n}": f"{n}{long}" for n in range(99)})
          for kind in ("detect", "publish", "slack", "jira", "record", "spending")),
        beat("collect", failed={f"{n:012}": f"{n} {long}" for n in range(99)}),
        without=["refresh"], dead_letters=dict.fromkeys("abcdefgh", 9),
        waiting={"untold": 10**9},
    )  # fmt: skip
    message = pulse_message(told)
    assert not blocks_problems(message["blocks"])
    assert not too_long(message["blocks"])
    assert len(message["text"]) <= 500
    assert "refresh has never ended a run" in json.dumps(message["blocks"])
    shown = sum(block["type"] == "rich_text" for block in message["blocks"])
    assert 0 < shown < len(told.troubles)
    assert f"{len(told.troubles) - shown} more have no room here" in json.dumps(message["blocks"][-1])


def test_a_long_reason_is_cut():
    """So that the next trouble has room too."""
    told = felt(beat("detect", as_of=date(2026, 11, 20), failed={"new_region": "x" * 9000}))
    (item,) = pulse_message(told)["blocks"][1]["elements"][1]["elements"]
    assert len(item["elements"][0]["text"]) == 300


def test_more_troubles_than_are_read_are_counted():
    """Ten are told, the others are named by the doctor."""
    told = felt(without=EXPECTED)
    many = dataclasses.replace(told, troubles=told.troubles * 3)
    assert len(many.troubles) == 12
    assert "2 more have no room here" in json.dumps(pulse_message(many)["blocks"][-1])
