"""End to end: `cdk deploy` to a local AWS, deliver an export, and receive notifications from SNS, Slack and Jira.

The notifications are those of a local scan of the same files. Athena queries run on DuckDB in `make test`, and on a
real Trino in `make conformance`.
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

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.cli.doctor_command import _http_get
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.findings.finding import Finding
from focuswatch.ledger.decide_ledger_changes_and_notifications import MAX_NOTIFICATIONS_PER_TEAM
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import DATA
from focuswatch.operations.doctor import run_doctor
from focuswatch.operations.function_run_heartbeats import heartbeats
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.page.listed_and_charted_findings import shown_incidents
from focuswatch.reports.page.sign_and_verify_page_link import KEY
from focuswatch.simulate import simulate
from focuswatch.simulate.simulate_and_write_bill import Simulated
from tests.conformance.extent import IN_FULL
from tests.fakes.local_athena_trino import over_trino
from tests.fakes.local_aws_with_cdk import ACCOUNT, CDK
from tests.fakes.local_deployment import CLOSED, MEMBER, Deployed, deploying
from tests.fakes.mcp_agent import serving_agent
from tests.fakes.slack_workspace import Message
from tests.given.aws_alerts import budget_message
from tests.given.exports import write
from tests.given.local_scan import scan_local_bill
from tests.given.page_inputs import data_of
from tests.given.same_findings import NotifiedFindings, comparable_fields, differences, notifications_of

ON_TRINO_SECONDS = 600  # planning a detection takes seconds, or minutes on a busy machine
CHECKED_IN_THE_TEMPLATE = {  # not deployed here; tests/infra checks them in the template
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
    """Return a simulated organization with a bill of two months that lacks the last day."""
    return simulate(tmp_path_factory.mktemp("organization") / "export", days=60, end=date(2026, 5, 31))


@pytest.fixture(scope="module")
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, simulated: Simulated
) -> Iterator[Deployed]:
    """Yield a deployment with the organization's owners; `make conformance` uses Trino instead of DuckDB as Athena."""
    with (
        deploying(tmp_path_factory.mktemp("deployed"), owners=simulated.owners) as deployed,
        over_trino(deployed.aws, request.getfixturevalue("local_trino")) if IN_FULL else nullcontext(),
    ):
        yield replace(deployed, stalled_seconds=ON_TRINO_SECONDS) if IN_FULL else deployed


def put_collected(deployed: Deployed, simulated: Simulated) -> None:
    """Write the files that the collector would write: activity for each day, and accounts."""
    activity = pq.read_table(simulated.activity)
    days = activity.column("activity_date")
    for day in days.unique().to_pylist():
        deployed.put_table(f"activity/activity_date={day}/all.parquet", activity.filter(pc.equal(days, day)))
    deployed.put_table("accounts/accounts.parquet", pq.read_table(simulated.accounts))


def next_day(simulated: Simulated, *, without: str) -> None:
    """Extend the bill by a day, without the resource `without` in the last month."""
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


def notified_findings(messages: list[dict[str, Any]]) -> NotifiedFindings:
    """Return the findings of messages by fingerprint, and check that each message was sent once."""
    assert len(messages) == len({message["news_id"] for message in messages})
    return {
        finding.fingerprint: (message["change"], comparable_fields(finding))
        for message in messages
        for finding in [Finding.model_validate(message["finding"])]
    }


def test_deployment_notifies_the_findings_of_a_delivered_manifest(
    deployed: Deployed, simulated: Simulated, tmp_path: Path
) -> None:
    """This is one test, because a deployment takes minutes and its steps build on each other."""

    def local_findings() -> NotifiedFindings:
        bill_options = BillOptions(
            export=str(simulated.export),
            activity=simulated.activity,
            accounts=simulated.accounts,
            owners=simulated.owners,
            state=tmp_path,
        )
        scanned = scan_local_bill(bill_options)
        assert not scanned.failures
        return notifications_of(scanned)

    assert deployed.left_out == CHECKED_IN_THE_TEMPLATE
    check_collection(deployed)
    put_collected(deployed, simulated)
    messages = deployed.deliver(simulated.export)
    check_explanations_of_old_charges(messages)
    notified = notified_findings(messages)
    assert differences(notified, local_findings()) == []
    check_topics(deployed, notified)
    deployed.await_notifications()
    check_messages_and_issues(deployed, notified, owners=Owners.load(simulated.owners))
    # A separate function sends the month close after the first refresh.
    deployed.wait_until(lambda: month_closes(deployed))
    before = all_messages(deployed)
    newest = f"{simulated.as_of:%Y-%m}"
    assert deployed.deliver(simulated.export, period=newest) == []
    deployed.await_notifications()
    assert all_messages(deployed) == before
    check_actions(deployed, notified)
    costliest = next(
        finding
        for _, finding in sorted(notified.values(), key=lambda one: -float(one[1]["monthly_cost"]))
        if finding["category"] == "waste" and finding["resource_id"] and not finding["related_findings"]
    )
    next_day(simulated, without=costliest["resource_id"])
    deployed.aws.athena.throttle("StartQueryExecution", times=3)  # delays the run by seconds
    notified = notified_findings(deployed.deliver(simulated.export, period=newest))
    assert not deployed.aws.athena.throttled["StartQueryExecution"]
    assert notified[costliest["fingerprint"]][0] == "resolved"
    assert differences(notified, local_findings()) == []
    deployed.await_notifications()
    check_resolution(deployed, costliest["fingerprint"])
    check_budget_alert(deployed)
    check_bills(deployed, tmp_path)
    check_health_report(deployed)
    check_weekly_digest(deployed)
    check_month_close(deployed)
    assert deployed.invoke("sweep")["failed"] == {}
    check_page(deployed)
    check_agent(deployed, tmp_path)
    check_heartbeats(deployed)
    check_doctor(deployed)
    check_dead_letters(deployed, period=newest)


def check_collection(deployed: Deployed) -> None:
    """`collect` assumes the member role with the external ID, and lists an account without the role as failed."""
    response = deployed.invoke("collect")
    accounts = {row["name"]: row["sub_account_id"] for row in deployed.table("accounts/")}
    assert response["ran"] == [ACCOUNT]
    assert "AccessDenied" in response["failed"][accounts[CLOSED]]


def check_explanations_of_old_charges(messages: list[dict[str, Any]]) -> None:
    """CloudTrail has 90 days of events. For older charges, no account is queried, and the explanation says so."""
    explained = [
        message["finding"]["explanation"] for message in messages if message["finding"]["explanation"]
    ]
    assert len(explained) > 10
    assert {one["unseen"].partition(",")[0] for one in explained} == {"the event history covers only 90 days"}


def check_topics(deployed: Deployed, notified: NotifiedFindings) -> None:
    """The topic of findings has a filter policy, and first charges in a Region have their own topic."""
    security = {one for one, (_, finding) in notified.items() if finding["category"] == "security"}
    regions = {one for one, (_, finding) in notified.items() if finding["detection"] == "new_region"}
    assert {message["finding"]["fingerprint"] for message in deployed.received("security")} == security
    assert {message["finding"]["fingerprint"] for message in deployed.received("regions")} == regions
    assert regions < security


def messages_of(deployed: Deployed) -> dict[str, list[tuple[str, Message]]]:
    """Return the messages in Slack by fingerprint, each with the channel's name."""
    messages: dict[str, list[tuple[str, Message]]] = defaultdict(list)
    for channel in deployed.slack.workspace.channels.values():
        for message in channel.shown:
            fingerprint = (message.metadata or {}).get("event_payload", {}).get("fingerprint")
            messages[str(fingerprint)].append((f"#{channel.name}", message))
    return messages


def all_messages(deployed: Deployed) -> tuple[list[str], list[str]]:
    """Return all messages with their threads, and all issues with the number of comments."""
    channels = deployed.slack.workspace.channels.values()
    timestamps = sorted(message.ts for channel in channels for message in channel.messages.values())
    return timestamps, sorted(f"{issue.key} {len(issue.comments)}" for issue in deployed.jira.issues)


def check_messages_and_issues(deployed: Deployed, notified: NotifiedFindings, *, owners: Owners) -> None:
    """Each incident is one message in its owner's channel and, if it has an owner and is not low, one issue."""
    assert not deployed.jira.unlawful
    messages = messages_of(deployed)
    leads = {id: (change, finding) for id, (change, finding) in notified.items() if finding["incident_lead"]}
    assert not set(messages) & (set(notified) - set(leads))
    in_digests = set(leads) - set(messages)
    minor = {id for id, (_, finding) in leads.items() if Finding.model_validate(finding).is_minor}
    assert minor <= in_digests
    teams = Counter(finding["team"] for id, (_, finding) in leads.items() if id not in minor)
    assert len(in_digests - minor) == sum(
        max(count - MAX_NOTIFICATIONS_PER_TEAM, 0) for count in teams.values()
    )
    digests = [message for _, message in messages["None"] if not message.text.startswith("Month close")]
    assert len(digests) == len({notified[id][1]["team"] for id in in_digests})  # one digest for each team
    for fingerprint, (_, finding) in leads.items():
        if fingerprint in in_digests:
            continue
        team = owners.teams.get(finding["team"] or "")
        ((channel, _),) = messages[fingerprint]
        assert channel == (team.channel if team else owners.routing.fallback_channel)
        issues = deployed.jira.with_label(f"focuswatch-{finding['incident']}")
        has_issue = team is not None and finding["severity"] != "low"
        assert [issue.key.partition("-")[0] for issue in issues] == ([team.jira.project] if has_issue else [])


def check_actions(deployed: Deployed, notified: NotifiedFindings) -> None:
    """An action is recorded with its author. Without membership or with a wrong signature, it changes nothing."""
    shown = messages_of(deployed)
    fingerprint = next(
        one
        for one, (_, finding) in notified.items()
        if finding["severity"] == "low" and one in shown and not finding["related_findings"]
    )
    ((name, message),) = messages_of(deployed)[fingerprint]
    channel = deployed.slack.workspace.named(name, by_name=True)
    assert deployed.press(deployed.slack.pressed(channel, message.ts, "snooze_30", user="U0MALLORY")) == 200
    genuine = deployed.slack.pressed(channel, message.ts, "snooze_7", user=MEMBER)
    assert deployed.press(replace(genuine, body=genuine.body + "&more=1")) == 401
    assert deployed.press(genuine) == 200
    deployed.await_notifications()
    with deployed.aws.used():
        ledger = DynamoLedger(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
        (suppression,) = ledger.suppressions()
    assert (suppression.value, suppression.author) == (fingerprint, f"{MEMBER.lower()} ({MEMBER})")
    assert "Snoozed" in json.dumps(message.blocks)


def check_resolution(deployed: Deployed, fingerprint: str) -> None:
    """The message and its thread say that the finding is resolved, and the issue is done."""
    ((_, message),) = messages_of(deployed)[fingerprint]
    assert "Resolved" in message.text
    assert message.replies
    assert all(issue.done for issue in deployed.jira.with_label(f"focuswatch-{fingerprint}"))


def check_budget_alert(deployed: Deployed) -> None:
    """AWS Budgets publishes text to the payer's topic."""
    deployed.publish("-spending", budget_message())
    deployed.wait_until(
        lambda: any(
            "budget" in message.text.lower()
            for messages in messages_of(deployed).values()
            for _, message in messages
        )
    )


def check_health_report(deployed: Deployed) -> None:
    """The report is sent once a day, however often the function is invoked."""
    deployed.invoke("pulse")
    deployed.invoke("pulse")  # its schedule may also have invoked it, if the test runs at 08:00 UTC
    channel = deployed.slack.workspace.named("#finops", by_name=True)
    deliveries = [
        message.metadata["event_payload"].get("said", "") for message in channel.shown if message.metadata
    ]
    assert len([one for one in deliveries if one.startswith("pulse of")]) == 1


def check_bills(deployed: Deployed, folder: Path) -> None:
    """The function `bills` adds the bill of another provider to the tables, with its own permissions."""
    rows = [
        {
            "BillingPeriodStart": "2026-05-01 00:00:00",
            "ChargePeriodStart": f"2026-05-{day:02} 00:00:00",
            "ChargePeriodEnd": f"2026-05-{day + 1:02} 00:00:00",
            "ProviderName": "Microsoft",
            "ServiceName": "Virtual Machines",
            "SubAccountId": "sub-1",
        }
        for day in range(1, 31)
    ]
    deployed.put("bills/azure/may.parquet", write(folder / "may.parquet", *rows).read_bytes())
    result = deployed.invoke("bills")
    assert (result["ran"], result["failed"]) == (["2026-05.azure"], {})
    written = deployed.table("daily_services/period=2026-05.azure/")
    assert {(row["subaccountid"], row["providername"]) for row in written} == {("sub-1", "Microsoft")}
    assert deployed.invoke("bills")["ran"] == []


def check_weekly_digest(deployed: Deployed) -> None:
    """Each team receives its digest once, and the FinOps channel receives the organization's digest."""
    result = deployed.invoke("weekly")["ran"]
    deployed.invoke("weekly")
    weeks = [
        channel.name
        for channel in deployed.slack.workspace.channels.values()
        for message in channel.shown
        if "complete days" in message.text
    ]
    assert len(weeks) == len(result) > 5
    assert weeks.count("finops") == 1


def month_closes(deployed: Deployed) -> list[str]:
    """Return the channel of each message about the close of a month."""
    return [
        channel.name
        for channel in deployed.slack.workspace.channels.values()
        for message in channel.shown
        if message.text.startswith("Month close")
    ]


def check_month_close(deployed: Deployed) -> None:
    """FinOps receives the close of the newest invoiced month once; the forecasts of both scans are stored."""
    deployed.invoke("close")
    assert month_closes(deployed) == ["finops"]
    forecasts = deployed.table("forecasts/")
    assert len({row["made_on"] for row in forecasts}) == 2
    assert {row["plan_of"] for row in forecasts} == {"all", "team", "use case"}


def check_page(deployed: Deployed) -> None:
    """The page shows the ledger's findings without failures; a link with a changed signature is refused."""
    result = deployed.invoke("page")
    assert result["failed"] == {}
    s3, bucket = deployed.aws.client("s3"), deployed.deployment.bucket
    shown = data_of(s3.get_object(Bucket=bucket, Key=KEY)["Body"].read().decode())
    with deployed.aws.used():
        ledger = DynamoLedger(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
        entries, suppressions = ledger.entries().values(), ledger.suppressions()
    as_of = date.fromisoformat(shown["as_of"])
    incidents = shown_incidents(entries, suppressions, as_of=as_of)
    expected = {one.fingerprint for incident in incidents for one in incident}
    assert {one["fingerprint"] for one in shown["findings"]} == expected
    assert not shown["coverage"]["failures"] and shown["coverage"]["detections"] == len(
        Catalog.load().enabled
    )
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


def check_agent(deployed: Deployed, folder: Path) -> None:
    """An agent reads the ledger and Athena, and its decision is recorded with the operator's name."""
    with deployed.aws.used():
        ledger = DynamoLedger(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
        entries, suppressions = ledger.entries(), ledger.suppressions()
        as_of = max(ledger.evaluated_until().values())
    incidents = shown_incidents(entries.values(), suppressions, as_of=as_of)
    expected = {one.fingerprint for incident in incidents for one in incident}
    options = ("--deployment", deployed.config, "--allow-write", "--author", "Ana")
    with serving_agent(*options, folder=folder, environment=deployed.aws.environment) as agent:
        listed = [one["fingerprint"] for page in agent.pages("list_findings") for one in page["findings"]]
        assert len(listed) == len(expected) and set(listed) == expected
        (anomaly, *_) = agent.read("list_findings", detection="cost_anomaly", status="all")["findings"]
        cause = agent.read("explain_increase", fingerprint=anomaly["fingerprint"])[DATA]["root_cause"]
        assert cause[0].endswith("usage.") or cause[0].endswith("price.")
        savings = agent.read("run_report", name="savings")
        assert savings["rows_in_total"] > 5 and savings["as_of"] == str(as_of)
        assert "complete days" in agent.read("weekly_summary")[DATA]["summary"][0]
        skipped = agent.read("not_evaluated")
        assert "AccessDenied" in str(skipped[DATA]["accounts_whose_activity_was_not_read"])
        agent.read("acknowledge", fingerprint=listed[0])
    with deployed.aws.used():
        assert ledger.entries()[listed[0]].acknowledged_by == "Ana via MCP"


def check_heartbeats(deployed: Deployed) -> None:
    """Each function has a heartbeat, no detection failed, and scanned bytes are counted."""
    with deployed.aws.used():
        beats = heartbeats(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
    assert set(beats) >= set(deployed.deployment.daily)
    assert beats["detect"].failed == {}
    assert set(beats["detect"].ran) == {detection.id for detection in Catalog.load().enabled}
    assert beats["detect"].scanned_bytes > 0


def check_doctor(deployed: Deployed) -> None:
    """Only checks of resources that the local AWS lacks fail: Data Exports, and the role of one account."""
    with deployed.aws.used():
        checks = list(
            run_doctor(
                deployed.deployment,
                session=boto3.Session(),
                now=datetime.now(UTC),
                http_get=_http_get,
            )
        )
    assert {check.name for check in checks if check.state == "failed"} == {"export", "accounts"}


def check_dead_letters(deployed: Deployed, *, period: str) -> None:
    """The event of a manifest that lists an unreadable file becomes a dead letter."""
    export = deployed.deployment.export_path
    broken = f"{export}/data/billing_period={period}/broken.parquet"
    deployed.put(broken, b"broken")
    key = f"{export}/metadata/billing_period={period}/focus-Manifest.json"
    address = f"s3://{deployed.deployment.bucket}/{broken}"
    deployed.put(key, json.dumps({"dataFiles": [address]}).encode())
    (letter,) = deployed.dead_letters("refresh")
    assert json.loads(letter)["requestPayload"]["detail"]["object"]["key"] == key
