"""The whole way, deployed: `cdk deploy` to a local AWS, an export's manifest arrives, findings come out of SNS.

What comes out is what the same scan says on a laptop about the same files. In `make conformance` what a Lambda asks
of Athena is parsed and run by a real Trino; in `make test`, which has not that time, by DuckDB.
"""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from focuswatch.catalog.catalog import Catalog
from focuswatch.cli.doctor_command import _reach
from focuswatch.cli.option_groups import BillOptions
from focuswatch.cli.scan_command import run_scan
from focuswatch.engines.sql_literals import literal
from focuswatch.findings.finding import Finding
from focuswatch.ledger.decide import MOST_A_TEAM
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.operations.doctor import examine
from focuswatch.operations.heartbeat import heartbeats
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.page.page_data import is_shown
from focuswatch.reports.page.signed_link import KEY
from focuswatch.simulate import simulate
from focuswatch.simulate.simulation import Simulated
from tests.conformance.extent import IN_FULL
from tests.fakes.local_athena_trino import over_trino
from tests.fakes.local_aws import ACCOUNT, CDK
from tests.fakes.local_deployment import CLOSED, MEMBER, Deployed, deploying
from tests.fakes.slack_workspace import Message
from tests.given.aws_alerts import budget_message
from tests.given.page import data_of
from tests.given.same_findings import Told, as_told, differences, news_of

ON_TRINO_SECONDS = 600  # it plans a detection for seconds, on a busy machine for minutes
CHECKED_IN_THE_TEMPLATE = {  # tests/infra/test_infra.py
    "AWS::Athena::NamedQuery",
    "AWS::BCMDataExports::Export",
    "AWS::Budgets::Budget",
    "AWS::CE::AnomalySubscription",
    "AWS::CloudFormation::StackSet",
    "AWS::CloudWatch::Alarm over several metrics",
    "AWS::Lambda::LayerVersion",
}

pytestmark = pytest.mark.skipif(
    not CDK.exists() and not os.environ.get("CI"), reason="needs the CDK's command line: make setup-dev"
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """An organisation of 40 accounts, and the bill of two months but for the last day."""
    return simulate(tmp_path_factory.mktemp("organisation") / "it", days=60, end=date(2026, 5, 31))


@pytest.fixture(scope="module")
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, simulated: Simulated
) -> Iterator[Deployed]:
    """focuswatch, deployed with the organisation's owners; in full, behind Athena's door."""
    with (
        deploying(tmp_path_factory.mktemp("deployed"), owners=simulated.owners) as deployed,
        over_trino(deployed.aws, request.getfixturevalue("local_trino")) if IN_FULL else nullcontext(),
    ):
        yield replace(deployed, stalled_seconds=ON_TRINO_SECONDS) if IN_FULL else deployed


def put_beside(deployed: Deployed, simulated: Simulated) -> None:
    """What the collector would have written: a file of activity for every day, one of accounts."""
    activity = pq.read_table(simulated.activity)
    days = activity.column("activity_date")
    for day in days.unique().to_pylist():
        deployed.put_table(f"activity/activity_date={day}/all.parquet", activity.filter(pc.equal(days, day)))
    deployed.put_table("accounts/accounts.parquet", pq.read_table(simulated.accounts))


def next_day(simulated: Simulated, *, without: str) -> None:
    """The bill goes on for a day, and the resource `without` was switched off as the month began."""
    (june,) = simulated.export.glob(f"data/*{simulated.as_of:%Y-%m}/*.parquet")
    last = simulated.as_of - timedelta(days=1)
    changed = june.with_suffix(".changed")
    duckdb.execute(f"""
        COPY (
            WITH kept AS (
                SELECT * FROM read_parquet({literal(str(june))}, hive_partitioning = false)
                WHERE ResourceId IS DISTINCT FROM {literal(without)}
            )
            FROM kept
            UNION ALL
            SELECT * REPLACE (
                ChargePeriodStart + INTERVAL 1 DAY AS ChargePeriodStart,
                ChargePeriodEnd + INTERVAL 1 DAY AS ChargePeriodEnd
            )
            FROM kept
            WHERE CAST(ChargePeriodStart AS date) = {literal(last)}
        ) TO {literal(str(changed))} (FORMAT parquet)
    """)
    changed.replace(june)


def told_of(messages: list[dict[str, Any]]) -> Told:
    """What messages told; each is told once."""
    assert len(messages) == len({message["news_id"] for message in messages})
    return {
        finding.fingerprint: (message["change"], as_told(finding))
        for message in messages
        for finding in [Finding.model_validate(message["finding"])]
    }


def test_the_whole_way_from_the_manifest_to_sns(
    deployed: Deployed, simulated: Simulated, tmp_path: Path
) -> None:
    """One test, since it has one deployment; its steps build on each other."""

    def here() -> Told:
        bill_options = BillOptions(
            export=str(simulated.export), activity=simulated.activity, accounts=simulated.accounts,
            owners=simulated.owners, state=tmp_path,
        )  # fmt: skip
        scanned, _ = run_scan(bill_options)
        assert not scanned.failures
        return news_of(scanned)

    assert deployed.left_out == CHECKED_IN_THE_TEMPLATE
    the_collector_looks_where_it_may_and_names_who_refuses(deployed)
    put_beside(deployed, simulated)
    heard = deployed.deliver(simulated.export)
    why_nobody_is_named_is_said(heard)
    told = told_of(heard)
    assert differences(told, here()) == []
    subscribers_hear_what_they_asked_for(deployed, told)
    deployed.await_told()
    every_finding_is_one_message_and_at_most_one_issue(deployed, told, owners=Owners.load(simulated.owners))
    before = spoken(deployed)
    newest = f"{simulated.as_of:%Y-%m}"
    assert deployed.deliver(simulated.export, period=newest) == []
    deployed.await_told()
    assert spoken(deployed) == before
    the_team_answers_and_nobody_else(deployed, told)
    costliest = next(
        finding
        for _, finding in sorted(told.values(), key=lambda one: -float(one[1]["monthly_cost"]))
        if finding["category"] == "waste" and finding["resource_id"]
    )
    next_day(simulated, without=costliest["resource_id"])
    deployed.aws.athena.throttle(
        "StartQueryExecution", times=3
    )  # which costs a run seconds, and nothing else
    told = told_of(deployed.deliver(simulated.export, period=newest))
    assert not deployed.aws.athena.throttled["StartQueryExecution"]
    assert told[costliest["fingerprint"]][0] == "resolved"
    assert differences(told, here()) == []
    deployed.await_told()
    what_is_over_is_told_as_over(deployed, costliest["fingerprint"])
    a_budget_that_speaks_is_heard_in_slack(deployed)
    finops_hears_how_focuswatch_is(deployed)
    every_team_hears_how_its_week_was(deployed)
    assert deployed.invoke("sweep")["failed"] == {}
    the_page_is_there_and_a_digest_leads_to_it(deployed)
    every_run_said_how_it_went(deployed)
    the_doctor_finds_nothing_but_what_cannot_be_here(deployed)
    a_refresh_that_fails_is_kept_in_the_dead_letters(deployed, period=newest)


def the_collector_looks_where_it_may_and_names_who_refuses(deployed: Deployed) -> None:
    """It assumes the member role with the external id; an account without that role fails nothing."""
    answer = deployed.invoke("collect")
    accounts = {row["name"]: row["sub_account_id"] for row in deployed.table("accounts/")}
    assert answer["ran"] == [ACCOUNT]
    assert "AccessDenied" in answer["failed"][accounts[CLOSED]]


def why_nobody_is_named_is_said(heard: list[dict[str, Any]]) -> None:
    """The simulated bill is older than what CloudTrail keeps: its accounts are not asked, and nothing fails."""
    explained = [message["finding"]["explanation"] for message in heard if message["finding"]["explanation"]]
    assert len(explained) > 10
    assert {one["unseen"].partition(",")[0] for one in explained} == {"its history has 90 days"}


def subscribers_hear_what_they_asked_for(deployed: Deployed, told: Told) -> None:
    """By filter policy on the findings, and first charges in a region on a topic of their own."""
    security = {one for one, (_, finding) in told.items() if finding["category"] == "security"}
    regions = {one for one, (_, finding) in told.items() if finding["detection"] == "new_region"}
    assert {message["finding"]["fingerprint"] for message in deployed.heard("security")} == security
    assert {message["finding"]["fingerprint"] for message in deployed.heard("regions")} == regions
    assert regions < security


def messages_of(deployed: Deployed) -> dict[str, list[tuple[str, Message]]]:
    """What stands in Slack, by fingerprint: the channel's name and the message."""
    found: dict[str, list[tuple[str, Message]]] = defaultdict(list)
    for channel in deployed.slack.workspace.channels.values():
        for message in channel.shown:
            fingerprint = (message.metadata or {}).get("event_payload", {}).get("fingerprint")
            found[str(fingerprint)].append((f"#{channel.name}", message))
    return found


def spoken(deployed: Deployed) -> tuple[list[str], list[str]]:
    """Everything that was ever said: messages with their threads, issues with their comments."""
    channels = deployed.slack.workspace.channels.values()
    said = sorted(message.ts for channel in channels for message in channel.messages.values())
    return said, sorted(f"{issue.key} {len(issue.comments)}" for issue in deployed.jira.issues)


def every_finding_is_one_message_and_at_most_one_issue(
    deployed: Deployed, told: Told, *, owners: Owners
) -> None:
    """In its owner's channel, and in its owner's project where it is bad enough."""
    assert not deployed.jira.unlawful
    messages = messages_of(deployed)
    by_team = Counter(finding["team"] for _, finding in told.values())
    in_digests = set(told) - set(messages)
    assert len(in_digests) == sum(max(count - MOST_A_TEAM, 0) for count in by_team.values())
    assert len(messages["None"]) == sum(count > MOST_A_TEAM for count in by_team.values())  # the digests
    for fingerprint, (_, finding) in told.items():
        if fingerprint in in_digests:
            continue
        team = owners.teams.get(finding["team"] or "")
        ((channel, _),) = messages[fingerprint]
        assert channel == (team.channel if team else owners.routing.fallback_channel)
        issues = deployed.jira.with_label(f"focuswatch-{fingerprint}")
        wanted = team is not None and finding["severity"] != "low"
        assert [issue.key.partition("-")[0] for issue in issues] == ([team.jira.project] if wanted else [])


def the_team_answers_and_nobody_else(deployed: Deployed, told: Told) -> None:
    """A press is answered at once and recorded; one by a stranger, or not by Slack, changes nothing."""
    shown = messages_of(deployed)
    fingerprint = next(
        one for one, (_, finding) in told.items() if finding["severity"] == "low" and one in shown
    )
    ((name, message),) = messages_of(deployed)[fingerprint]
    channel = deployed.slack.workspace.named(name, by_name=True)
    assert deployed.press(deployed.slack.pressed(channel, message.ts, "snooze_30", user="U0MALLORY")) == 200
    genuine = deployed.slack.pressed(channel, message.ts, "snooze_7", user=MEMBER)
    assert deployed.press(replace(genuine, body=genuine.body + "&more=1")) == 401
    assert deployed.press(genuine) == 200
    deployed.await_told()
    with deployed.aws.used():
        ledger = DynamoLedger(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
        (silence,) = ledger.silences()
    assert (silence.value, silence.author) == (fingerprint, f"{MEMBER.lower()} ({MEMBER})")
    assert "Snoozed" in json.dumps(message.blocks)


def what_is_over_is_told_as_over(deployed: Deployed, fingerprint: str) -> None:
    """The message says so, its thread too, and the issue is done."""
    ((_, message),) = messages_of(deployed)[fingerprint]
    assert "Resolved" in message.text
    assert message.replies
    assert all(issue.done for issue in deployed.jira.with_label(f"focuswatch-{fingerprint}"))


def a_budget_that_speaks_is_heard_in_slack(deployed: Deployed) -> None:
    """AWS Budgets tells the payer's topic, as text."""
    deployed.publish("-spending", budget_message())
    deployed.wait_until(
        lambda: any(
            "budget" in message.text.lower()
            for found in messages_of(deployed).values()
            for _, message in found
        )
    )


def finops_hears_how_focuswatch_is(deployed: Deployed) -> None:
    """Once a day, however often it is asked."""
    channel = deployed.slack.workspace.named("#finops", by_name=True)
    before = len(channel.shown)
    deployed.invoke("pulse")
    deployed.invoke("pulse")
    assert len(channel.shown) == before + 1


def every_team_hears_how_its_week_was(deployed: Deployed) -> None:
    """Once, in its own channel, by Athena's count; FinOps hears everybody's."""
    told = deployed.invoke("weekly")["ran"]
    deployed.invoke("weekly")
    weeks = [
        message.text
        for channel in deployed.slack.workspace.channels.values()
        for message in channel.shown
        if "settled days" in message.text
    ]
    assert len(weeks) == len(told) > 5
    assert sum(text.startswith("All of it came to") for text in weeks) == 1


def the_page_is_there_and_a_digest_leads_to_it(deployed: Deployed) -> None:
    """It shows what the ledger knows, nothing in it failed, and without its whole signature a link leads nowhere."""
    told = deployed.invoke("page")
    assert told["failed"] == {}
    s3, bucket = deployed.aws.client("s3"), deployed.deployment.bucket
    shown = data_of(s3.get_object(Bucket=bucket, Key=KEY)["Body"].read().decode())
    with deployed.aws.used():
        known = DynamoLedger(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
        entries, silences = known.entries().values(), known.silences()
    as_of = date.fromisoformat(shown["as_of"])
    seen = {one.fingerprint for one in entries if is_shown(one, silences, as_of=as_of)}
    assert {one["fingerprint"] for one in shown["findings"]} == seen
    assert not shown["freshness"]["failures"] and shown["freshness"]["detections"] == len(Catalog.load().live)
    assert {row["fingerprint"] for row in deployed.table("known_findings")} == {
        one.fingerprint for one in entries
    }
    finops = deployed.slack.workspace.named("#finops", by_name=True)
    (link,) = re.findall(
        r"https?://[^\"]*/page[?]until=\d+&sign=\w+", json.dumps([one.blocks for one in finops.shown])
    )
    status, address = deployed.opened(link)
    assert (status, urlsplit(address).path.endswith(KEY)) == (302, True)
    assert deployed.opened(link[:-1]) == (403, "")


def every_run_said_how_it_went(deployed: Deployed) -> None:
    """The last heartbeat of each function; no detection failed, and what they scanned is counted."""
    with deployed.aws.used():
        found = heartbeats(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
    assert set(found) >= set(deployed.deployment.daily)
    assert found["detect"].failed == {}
    assert set(found["detect"].ran) == {detection.id for detection in Catalog.load().live}
    assert found["detect"].scanned_bytes > 0


def the_doctor_finds_nothing_but_what_cannot_be_here(deployed: Deployed) -> None:
    """There is no Data Exports, and an account has no role for us."""
    with deployed.aws.used():
        checks = list(
            examine(
                deployed.deployment,
                session=boto3.Session(),
                now=datetime.now(UTC),
                reach=_reach,
            )
        )
    assert {check.name for check in checks if check.state == "failed"} == {"export", "accounts"}


def a_refresh_that_fails_is_kept_in_the_dead_letters(deployed: Deployed, *, period: str) -> None:
    """A manifest that lists a file which no engine can read: the event waits for whoever mends it."""
    export = deployed.deployment.export_path
    broken = f"{export}/data/billing_period={period}/broken.parquet"
    deployed.put(broken, b"broken")
    key = f"{export}/metadata/billing_period={period}/focus-Manifest.json"
    address = f"s3://{deployed.deployment.bucket}/{broken}"
    deployed.put(key, json.dumps({"dataFiles": [address]}).encode())
    (letter,) = deployed.dead_letters("refresh")
    assert json.loads(letter)["requestPayload"]["detail"]["object"]["key"] == key
