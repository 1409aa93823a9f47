"""One issue per finding: its fields, comments and transitions, on Cloud and on Data Center."""

import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from focuswatch.errors import ConfigError, Refused, TryLater
from focuswatch.findings.related_finding_and_region_rollout_models import Rollout
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.jira.issue_text_and_comments import render_change
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import label_of
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.teams_and_routing_sections import Jira
from tests.fakes.local_jira_rules import Step
from tests.given.incidents import with_critical_finding
from tests.given.jira_world import FINGERPRINT, OWNERS, a_finding, jira_world, notification
from tests.given.one_line_findings import saving_of


@pytest.fixture(params=["cloud", "data center"])
def world(request, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with jira_world(cloud=request.param == "cloud") as world:
        yield world


def with_jira(world, **section):
    """Change the `jira` section of the team in owners.toml."""
    jira = {**OWNERS["teams"]["search"]["jira"], **section}
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#search", "jira": jira}}})


def test_new_finding_gets_an_issue_with_the_fields_of_its_team(world):
    """Project, type, priority by severity, component, assignee and labels come from owners.toml."""
    assignee = "712020:grace" if world.jira.cloud else "grace"
    with_jira(world, assignee=assignee, labels=["cost"], priority={"high": "Highest"}, issue_type="Bug")
    assert world.channel.deliver(notification()) == f"{FINGERPRINT}-0: new, SRCH-1 created"
    (issue,) = world.issues
    assert issue.fields | {"summary": "", "description": ""} == {
        "project": {"key": "SRCH"},
        "issuetype": {"name": "Bug"},
        "summary": "",
        "description": "",
        "labels": ["focuswatch", label_of(FINGERPRINT), "cost"],
        "priority": {"name": "Highest"},
        "components": [{"name": "cost"}],
        "assignee": {"accountId": assignee} if world.jira.cloud else {"name": assignee},
    }
    assert world.state.url == f"{world.jira.url}/browse/SRCH-1"


def test_repeated_notification_is_delivered_once(world):
    """SQS delivers at least once, sometimes much later."""
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(4000)))
    before = world.jira.wrote()
    assert world.channel.deliver(notification()) is None
    assert world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(4000))) is None
    assert world.jira.wrote() == before


def test_notification_out_of_order_waits(world):
    world.channel.deliver(notification())
    with pytest.raises(TryLater):
        world.channel.deliver(notification(2, "resolved"))
    world.channel.deliver(notification(1, "changed"))
    assert world.channel.deliver(notification(2, "resolved")).endswith("SRCH-1 closed")


def test_changes_are_commented_once_a_week_and_always_update_the_description(world):
    world.channel.deliver(notification())
    for number, cost in enumerate((2000, 3000, 4000), start=1):
        world.channel.deliver(notification(number, "changed", monthly_cost=Decimal(cost)))
        world.pass_days(2)
    (issue,) = world.issues
    assert (
        len(issue.bodies) == 1
        and "Now 2,000 USD/month in potential savings. Previously 1,200 USD/month." in issue.bodies[0]
    )
    assert (
        "4,000 USD/month" in issue.fields["summary"]
        and "*4,000 USD/month in potential savings*" in issue.fields["description"]
    )
    world.pass_days(2)
    world.channel.deliver(notification(4, "changed", monthly_cost=Decimal(5000)))
    assert len(issue.bodies) == 2


def test_comment_about_a_rollout_compares_the_totals_of_all_accounts(world):
    """The amount of the lead alone is not what the issue showed."""

    def rollout(number, kind, *, accounts):
        total = Decimal(100 * accounts)
        extent = Rollout(
            services=("Amazon GuardDuty",), account_count=accounts, region_count=1, groups=(), teams=("search",),
            cost_so_far=total,
        )  # fmt: skip
        event = {"category": "security", "monthly_cost": Decimal(100), "cost_so_far": Decimal(100)}
        return notification(number, kind, rollout=extent, **event)

    world.channel.deliver(rollout(0, "new", accounts=8))
    world.channel.deliver(rollout(1, "changed", accounts=12))
    (issue,) = world.issues
    assert "Now 1,200 USD charged so far. Previously 800 USD." in issue.bodies[0]


def test_cost_stored_by_earlier_versions_is_not_shown_as_the_previous_one():
    """Earlier versions stored the cost of one account, also if the issue shows the cost of a rollout."""
    stored = {"key": "SRCH-1", "told": 3, "severity": "high", "monthly_cost": "4000"}
    state = IssueState.model_validate(stored)
    assert (state.last_number, state.severity, state.main_cost) == (3, "high", None)
    comment = render_change(a_finding(), number=4, cost=state.main_cost, severity=state.severity)
    assert "Previously" not in comment and "Now " in comment


def test_higher_severity_is_always_commented_and_raises_the_priority(world):
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(2000)))
    world.channel.deliver(notification(2, "changed", monthly_cost=Decimal(12000), severity="critical"))
    (issue,) = world.issues
    assert len(issue.bodies) == 2 and "Severity: critical, previously high" in issue.bodies[1]
    assert issue.fields["priority"] == {"name": "Highest"}
    world.channel.deliver(notification(3, "changed", monthly_cost=Decimal(200), severity="medium"))
    assert len(issue.bodies) == 2


def test_reminder_is_commented_only_if_configured(world):
    """An open issue is already on the team's board."""
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "reminder"))
    (issue,) = world.issues
    assert issue.bodies == []
    with_jira(world, remind=True)
    world.channel.deliver(notification(2, "reminder"))
    assert "Still open" in issue.bodies[0]


def test_resolved_finding_closes_its_issue_with_its_savings(world):
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "resolved"))
    (issue,) = world.issues
    assert issue.done and "Expected savings: 1,200 USD/month" in issue.bodies[-1]
    assert issue.resolution == ("Done" if world.jira.cloud else "Fixed")


VERIFIED = {"verified_saving": saving_of(a_finding(), saved="40", on=date(2026, 11, 20))}


def test_verified_saving_is_one_comment_and_leaves_the_issue_closed(world):
    """The queue can deliver the notification twice."""
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "resolved"))
    delivery = notification(2, "saving_verified", **VERIFIED)
    assert world.channel.deliver(delivery).endswith("SRCH-1 commented")
    assert world.channel.deliver(delivery) is None
    (issue,) = world.issues
    assert issue.done and len(issue.bodies) == 2
    assert "Verified on the bill: 40.00 USD/day saved since 2026" in issue.bodies[-1]


def test_verified_saving_creates_no_issue(world):
    """A finding below the severity of issues has none."""
    assert world.channel.deliver(notification(0, "saving_verified", **VERIFIED)) is None
    assert world.issues == []


def test_finding_detected_again_reopens_its_issue(world):
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "resolved"))
    assert world.channel.deliver(notification(2, "new", monthly_cost=Decimal(1500))).endswith(
        "SRCH-1 reopened"
    )
    (issue,) = world.issues
    assert not issue.done and "The finding was detected again: 1,500 USD/month" in issue.bodies[-1]
    assert "1,500 USD/month" in issue.fields["summary"]
    world.channel.deliver(notification(3, "resolved"))
    assert issue.done and len(issue.bodies) == 3


def test_closed_issue_is_reopened_before_it_is_edited():
    """The classic workflow of Data Center does not allow edits of closed issues."""
    with jira_world(cloud=False) as world:
        with_jira(world, done=["Close Issue"])
        world.channel.deliver(notification())
        world.channel.deliver(notification(1, "resolved"))
        assert world.issues[0].status == "6"
        world.channel.deliver(notification(2, "new", monthly_cost=Decimal(1500)))
        assert not world.issues[0].done and "1,500 USD" in world.issues[0].fields["summary"]


def test_transition_is_chosen_by_configured_name_else_by_category(world):
    with_jira(world, done=["Nothing of that name", "In Progress", "start progress"])
    world.channel.deliver(notification())
    world.channel.deliver(notification(1, "resolved"))
    assert world.issues[0].status in ("10001", "3")
    with_jira(world, done=["Nothing of that name"])
    world.channel.deliver(notification(2, "new"))
    world.channel.deliver(notification(3, "resolved"))
    assert world.issues[0].done


def test_transition_with_required_fields_is_not_used(world):
    world.channel.deliver(notification())
    for steps in world.jira.workflow.values():
        for step in steps:
            step.fields = {"customfield_1": {"required": True, "hasDefaultValue": False, "name": "Cause"}}
        steps.append(Step("91", "Ship it", "10002" if world.jira.cloud else "6"))
    assert world.channel.deliver(notification(1, "resolved")).endswith("SRCH-1 closed")
    assert ("POST", "/rest/api/2/issue/SRCH-1/transitions") in world.jira.wrote()


@pytest.mark.parametrize("missing", [True, False])
def test_issue_that_cannot_be_closed_is_commented_and_logged(world, missing):
    """The workflow has no closing transition, or it has required fields: a retry would not help."""
    world.channel.deliver(notification())
    for status, steps in world.jira.workflow.items():
        for step in steps:
            step.fields = {"customfield_1": {"required": True, "hasDefaultValue": False, "name": "Cause"}}
        if missing:
            world.jira.workflow[status] = []
    outcome = world.channel.deliver(notification(1, "resolved"))
    assert "closing failed" in outcome
    (issue,) = world.issues
    assert not issue.done and len(issue.bodies) == 1 and "Resolved" in issue.bodies[0]
    assert world.channel.deliver(notification(1, "resolved")) is None


def test_refused_transition_is_not_retried(world):
    """A condition or validator of the workflow, which the API does not show, can refuse a transition."""
    world.channel.deliver(notification())
    world.jira.fail("400", "POST", "transitions")
    assert "closing failed: moving SRCH-1" in world.channel.deliver(notification(1, "resolved"))
    world.channel.deliver(notification(2, "new"))
    assert world.channel.deliver(notification(3, "resolved")).endswith("SRCH-1 closed")


def test_finding_below_least_severity_gets_no_issue_until_it_grows(world):
    """Otherwise a first scan would create thousands of issues."""
    assert world.channel.deliver(notification(severity="low", monthly_cost=Decimal(20))) is None
    assert world.jira.issues == []
    world.channel.deliver(notification(1, "changed", severity="medium", monthly_cost=Decimal(120)))
    assert len(world.issues) == 1
    world.channel.deliver(notification(2, "changed", severity="low", monthly_cost=Decimal(50)))
    assert "50.00 USD/month" in world.issues[0].fields["summary"]


def test_resolved_finding_without_an_issue_gets_none(world):
    assert world.channel.deliver(notification(3, "resolved", age=1000)) is None
    assert world.jira.issues == []


def test_team_without_jira_causes_no_request_and_unowned_findings_follow_routing(world):
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#search"}}})
    assert world.channel.deliver(notification()) is None
    assert world.channel.deliver(notification(team=None)) is None
    assert world.jira.requests == []
    world.owners = Owners.model_validate({"routing": {"jira": {"project": "FIN"}}})
    assert world.channel.deliver(notification(team=None)).endswith("FIN-1 created")


def test_detection_on_trial_notifies_finops_only(world, monkeypatch):
    routed = {**OWNERS, "routing": {"jira": {"project": "FIN"}}}
    world.owners = Owners.model_validate(routed)
    detection = world.channel.catalog.detections["idle_sagemaker_endpoint"]
    trial = replace(detection, header=detection.header.model_copy(update={"status": "trial"}))
    monkeypatch.setitem(world.channel.catalog.detections, detection.id, trial)
    assert world.channel.deliver(notification()).endswith("FIN-1 created")


def test_issue_is_closed_after_jira_was_removed_from_owners_toml(world):
    world.channel.deliver(notification())
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#search"}}})
    assert world.channel.deliver(notification(1, "resolved")).endswith("SRCH-1 closed")


def test_refused_optional_field_is_left_out_and_logged(world):
    """An assignee leaves, a component is renamed, a priority does not exist: the team still gets its issue."""
    with_jira(world, assignee="712020:gone", component="renamed", priority={"high": "P1"})
    outcome = world.channel.deliver(notification())
    (issue,) = world.issues
    assert not {"assignee", "components", "priority"} & issue.fields.keys()
    for part in ("without its priority", "without its components", "without its assignee"):
        assert part in outcome


def test_refused_required_field_is_reported_with_the_reason_from_jira(world):
    with_jira(world, project="GONE")
    with pytest.raises(Refused, match="project: valid project is required"):
        world.channel.deliver(notification())
    assert len(world.jira.wrote("POST")) == 1, "a request that Jira refused is not retried"
    with_jira(world)
    assert world.channel.deliver(notification()).endswith("SRCH-1 created")


def test_fields_edited_by_people_are_not_overwritten(world):
    world.channel.deliver(notification())
    world.jira.edit("SRCH-1", "summary", "Ask Ada about the ranker")
    world.jira.edit("SRCH-1", "priority", {"name": "Low"})
    world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(12000), severity="critical"))
    (issue,) = world.issues
    assert issue.fields["summary"] == "Ask Ada about the ranker" and issue.fields["priority"] == {
        "name": "Low"
    }
    assert "*12,000 USD/month in potential savings*" in issue.fields["description"]


def test_field_that_cannot_be_edited_does_not_block_the_others(world):
    world.channel.deliver(notification())
    world.jira.priorities = {"Medium"}
    world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(12000), severity="critical"))
    (issue,) = world.issues
    assert issue.fields["priority"] == {"name": "High"} and "12,000 USD" in issue.fields["summary"]
    assert len(issue.bodies) == 1


def test_moved_issue_is_followed_and_deleted_issue_is_created_again(world):
    world.channel.deliver(notification())
    world.issues[0].key = "FIN-9"
    world.jira.moved = {"SRCH-1": "FIN-9"}
    world.channel.deliver(notification(1, "changed"))
    assert world.state.key == "FIN-9" and len(world.issues) == 1
    world.jira.issues.clear()
    world.channel.deliver(notification(2, "changed"))
    assert len(world.issues) == 1 and world.state.key == "SRCH-1"


def test_wrong_token_is_refused(world):
    channel = world.channel
    channel.client.token = "wrong"
    with pytest.raises(Refused, match="401"):
        channel.deliver(notification())


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('{ project = "srch" }', "teams.search.jira.project: String should match pattern.*found 'srch'"),
        ('{ issue_type = "Task" }', "teams.search.jira.project: Field required"),
        ('{ project = "SRCH", labels = ["two words"] }', "jira.labels.0: .*found 'two words'"),
        ('{ project = "SRCH", priority = { urgent = "High" } }', "jira.priority.urgent.*found 'urgent'"),
        ('{ project = "SRCH", least_severity = "serious" }', "jira.least_severity: .*found 'serious'"),
        ('{ project = "SRCH", done = "Done" }', "jira.done: .*found 'Done'"),
        ('{ project = "SRCH", assigne = "x" }', "jira.assigne: Extra inputs"),
    ],
)
def test_invalid_jira_section_is_refused_with_its_key(tmp_path, section, message):
    path = tmp_path / "owners.toml"
    path.write_text(f'[teams.search]\nchannel = "#search"\njira = {section}\n')
    with pytest.raises(ConfigError, match=message):
        Owners.load(path)


def test_shipped_owners_toml_documents_the_defaults_of_jira():
    """Its comments name every key with its default."""
    text = (Path(__file__).parents[3] / "config" / "owners.toml").read_text()
    fields = {
        line.partition(" = ")[0].strip("# "): line.partition(" = ")[2].split("  ")[0]
        for line in text.partition("As a table")[2].partition("# If the project")[0].splitlines()[1:]
        if " = " in line
    }
    default = Jira(project="SRCH")
    assert fields.keys() == default.model_dump().keys() - {"project"}
    assert tomllib.loads(f"priority = {fields['priority']}")["priority"] == default.priority
    for name in ("issue_type", "least_severity", "remind"):
        assert tomllib.loads(f"it = {fields[name]}")["it"] == getattr(default, name)
    for name in ("done", "reopen"):
        assert set(tomllib.loads(f"it = {fields[name]}")["it"]) <= set(getattr(default, name))


@pytest.mark.parametrize(
    "value",
    ["", "{}", '{"url": "http://jira.example.com", "token": "hidden"}', '{"url": "https://j.example"}'],
)
def test_malformed_secret_is_refused_and_not_shown(value):
    """An http:// URL is refused too, because the token would be sent unencrypted."""
    with pytest.raises(Refused) as refused:
        JiraClient.from_secret(value)
    assert "hidden" not in str(refused.value)


def test_secret_with_email_is_for_cloud_and_without_for_data_center():
    cloud = JiraClient.from_secret('{"url": "https://a.atlassian.net", "email": "a@b.example", "token": "t"}')
    data_center = JiraClient.from_secret('{"url": "https://jira.example.com", "token": "t"}')
    assert (cloud.email, data_center.email) == ("a@b.example", None)
    assert "token" not in repr(cloud) and "'t'" not in repr(data_center)


def test_unchanged_severity_of_an_incident_is_not_commented_as_a_change(world):
    """The severity that the issue shows is the highest of the incident, not that of its lead."""
    lead = with_critical_finding(a_finding(severity="medium"))
    changes = lead.model_dump(include={"severity", "incident_lead", "also_detected", "related_findings"})
    world.channel.deliver(notification(**changes))
    world.channel.deliver(notification(1, "changed", **{**changes, "monthly_cost": Decimal(4000)}))
    (body,) = world.issues[0].bodies
    assert "Now 4,000 USD/month" in body and "Severity" not in body
    world.channel.deliver(notification(2, "changed", severity="high"))
    world.pass_days(8)
    world.channel.deliver(notification(3, "changed", **{**changes, "monthly_cost": Decimal(9000)}))
    assert "Severity: critical, previously high" in world.issues[0].bodies[-1]


@pytest.mark.parametrize("label", ["focuswatch-ml", "focuswatch-double"])
def test_label_of_a_team_does_not_hide_the_incident_of_an_issue(world, label):
    """A label in owners.toml can start like those of focuswatch."""
    with_jira(world, labels=[label])
    world.channel.deliver(notification())
    (issue,) = world.issues
    issue.fields["labels"] = [label, *(other for other in issue.fields["labels"] if other != label)]
    parsed_issue = world.client.get(issue.key)
    assert parsed_issue and parsed_issue.incident_id == FINGERPRINT
    world.jira.move(issue.key, "Done" if world.jira.cloud else "Closed", by="Grace")
    assert world.channel.sweep().excluded == [issue.key]


def test_duplicate_that_cannot_be_closed_is_in_the_log_of_the_delivery(world):
    """The sweep of the next day reports it as well."""
    world.channel.deliver(notification())
    world.jira.now += 60
    world.jira.clone("SRCH-1")
    world.jira.fail("403", "POST", "issue/SRCH-2/comment")
    world.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    done = world.channel.deliver(notification())
    assert done.startswith(f"{FINGERPRINT}-0: new, SRCH-1 updated; SRCH-2 is a duplicate of SRCH-1: ")
