"""One issue for each finding: what it says, when it speaks, how it ends, on Cloud and on Data Center."""

import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from focuswatch.errors import ConfigError, Refused, TryLater
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.issue_state import label_of
from focuswatch.owners.owners_file import Jira, Owners
from tests.fakes.local_jira_rules import Step
from tests.given.jira import FINGERPRINT, OWNERS, given, news


@pytest.fixture(params=["cloud", "data center"])
def there(request, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with given(cloud=request.param == "cloud") as there:
        yield there


def with_jira(there, **section):
    """The team's section of owners.toml, changed."""
    jira = {**OWNERS["teams"]["search"]["jira"], **section}
    there.owners = Owners.model_validate({"teams": {"search": {"channel": "#search", "jira": jira}}})


def test_a_new_finding_gets_an_issue_as_its_team_wants_it(there):
    """Project, type, priority by severity, component, assignee and labels are the team's."""
    assignee = "712020:grace" if there.jira.cloud else "grace"
    with_jira(there, assignee=assignee, labels=["cost"], priority={"high": "Highest"}, issue_type="Bug")
    assert there.channel.tell(news()) == f"{FINGERPRINT}-0: new, SRCH-1 created"
    (issue,) = there.issues
    assert issue.fields | {"summary": "", "description": ""} == {
        "project": {"key": "SRCH"},
        "issuetype": {"name": "Bug"},
        "summary": "",
        "description": "",
        "labels": ["focuswatch", label_of(FINGERPRINT), "cost"],
        "priority": {"name": "Highest"},
        "components": [{"name": "cost"}],
        "assignee": {"accountId": assignee} if there.jira.cloud else {"name": assignee},
    }
    assert there.state.url == f"{there.jira.url}/browse/SRCH-1"


def test_news_that_comes_again_is_told_once(there):
    """SQS delivers at least once, at times doubled and long after."""
    there.channel.tell(news())
    there.channel.tell(news(1, "changed", monthly_cost=Decimal(4000)))
    before = there.jira.wrote()
    assert there.channel.tell(news()) is None
    assert there.channel.tell(news(1, "changed", monthly_cost=Decimal(4000))) is None
    assert there.jira.wrote() == before


def test_news_that_overtook_what_it_follows_waits(there):
    there.channel.tell(news())
    with pytest.raises(TryLater):
        there.channel.tell(news(2, "resolved"))
    there.channel.tell(news(1, "changed"))
    assert there.channel.tell(news(2, "resolved")).endswith("SRCH-1 closed")


def test_a_change_is_commented_at_most_once_a_week_and_the_description_follows_always(there):
    there.channel.tell(news())
    for number, cost in enumerate((2000, 3000, 4000), start=1):
        there.channel.tell(news(number, "changed", monthly_cost=Decimal(cost)))
        there.pass_days(2)
    (issue,) = there.issues
    assert len(issue.bodies) == 1 and "Now 2,000 USD/month to save. It was 1,200 USD." in issue.bodies[0]
    assert (
        "4,000 USD/month" in issue.fields["summary"]
        and "*4,000 USD/month to save*" in issue.fields["description"]
    )
    there.pass_days(2)
    there.channel.tell(news(4, "changed", monthly_cost=Decimal(5000)))
    assert len(issue.bodies) == 2


def test_a_rising_severity_always_speaks_and_raises_the_priority(there):
    there.channel.tell(news())
    there.channel.tell(news(1, "changed", monthly_cost=Decimal(2000)))
    there.channel.tell(news(2, "changed", monthly_cost=Decimal(12000), severity="critical"))
    (issue,) = there.issues
    assert len(issue.bodies) == 2 and "It is critical now, no longer high" in issue.bodies[1]
    assert issue.fields["priority"] == {"name": "Highest"}
    there.channel.tell(news(3, "changed", monthly_cost=Decimal(200), severity="medium"))
    assert len(issue.bodies) == 2


def test_a_reminder_is_silent_unless_asked_for(there):
    """An open issue stands on a board already."""
    there.channel.tell(news())
    there.channel.tell(news(1, "reminder"))
    (issue,) = there.issues
    assert issue.bodies == []
    with_jira(there, remind=True)
    there.channel.tell(news(2, "reminder"))
    assert "It is still so" in issue.bodies[0]


def test_a_resolved_finding_closes_its_issue_with_what_is_saved(there):
    there.channel.tell(news())
    there.channel.tell(news(1, "resolved"))
    (issue,) = there.issues
    assert issue.done and "1,200 USD/month should be saved" in issue.bodies[-1]
    assert issue.resolution == ("Done" if there.jira.cloud else "Fixed")


def test_what_comes_back_reopens_its_issue(there):
    there.channel.tell(news())
    there.channel.tell(news(1, "resolved"))
    assert there.channel.tell(news(2, "new", monthly_cost=Decimal(1500))).endswith("SRCH-1 reopened")
    (issue,) = there.issues
    assert not issue.done and "It is back: 1,500 USD/month" in issue.bodies[-1]
    assert "1,500 USD/month" in issue.fields["summary"]
    there.channel.tell(news(3, "resolved"))
    assert issue.done and len(issue.bodies) == 3


def test_a_closed_issue_that_nobody_may_edit_is_reopened_before_it_is_changed():
    """The classic workflow of Data Center forbids to edit what is closed."""
    with given(cloud=False) as there:
        with_jira(there, done=["Close Issue"])
        there.channel.tell(news())
        there.channel.tell(news(1, "resolved"))
        assert there.issues[0].status == "6"
        there.channel.tell(news(2, "new", monthly_cost=Decimal(1500)))
        assert not there.issues[0].done and "1,500 USD" in there.issues[0].fields["summary"]


def test_a_transition_is_found_by_the_teams_name_else_by_where_it_leads(there):
    with_jira(there, done=["Nothing of that name", "In Progress", "start progress"])
    there.channel.tell(news())
    there.channel.tell(news(1, "resolved"))
    assert there.issues[0].status in ("10001", "3")
    with_jira(there, done=["Nothing of that name"])
    there.channel.tell(news(2, "new"))
    there.channel.tell(news(3, "resolved"))
    assert there.issues[0].done


def test_a_transition_that_demands_what_we_do_not_know_is_passed_over(there):
    there.channel.tell(news())
    for steps in there.jira.workflow.values():
        for step in steps:
            step.fields = {"customfield_1": {"required": True, "hasDefaultValue": False, "name": "Cause"}}
        steps.append(Step("91", "Ship it", "10002" if there.jira.cloud else "6"))
    assert there.channel.tell(news(1, "resolved")).endswith("SRCH-1 closed")
    assert ("POST", "/rest/api/2/issue/SRCH-1/transitions") in there.jira.wrote()


@pytest.mark.parametrize("missing", [True, False])
def test_an_issue_that_cannot_be_closed_is_commented_and_the_log_says_so(there, missing):
    """No such transition, or one that demands what we do not know: nothing that a repetition would mend."""
    there.channel.tell(news())
    for status, steps in there.jira.workflow.items():
        for step in steps:
            step.fields = {"customfield_1": {"required": True, "hasDefaultValue": False, "name": "Cause"}}
        if missing:
            there.jira.workflow[status] = []
    said = there.channel.tell(news(1, "resolved"))
    assert "could not be closed" in said
    (issue,) = there.issues
    assert not issue.done and len(issue.bodies) == 1 and "It is gone" in issue.bodies[0]
    assert there.channel.tell(news(1, "resolved")) is None


def test_a_transition_that_jira_refuses_fails_no_longer_than_once(there):
    """A condition or validator of the workflow that nobody can see from outside."""
    there.channel.tell(news())
    there.jira.fail("400", "POST", "transitions")
    assert "could not be closed: moving SRCH-1" in there.channel.tell(news(1, "resolved"))
    there.channel.tell(news(2, "new"))
    assert there.channel.tell(news(3, "resolved")).endswith("SRCH-1 closed")


def test_what_is_less_than_a_team_wants_to_hear_of_gets_no_issue_until_it_grows(there):
    """Or a first scan would make five thousand."""
    assert there.channel.tell(news(severity="low", monthly_cost=Decimal(20))) is None
    assert there.jira.issues == []
    there.channel.tell(news(1, "changed", severity="medium", monthly_cost=Decimal(120)))
    assert len(there.issues) == 1
    there.channel.tell(news(2, "changed", severity="low", monthly_cost=Decimal(50)))
    assert "50.00 USD/month" in there.issues[0].fields["summary"]


def test_a_resolved_finding_without_an_issue_gets_none(there):
    assert there.channel.tell(news(3, "resolved", age=1000)) is None
    assert there.jira.issues == []


def test_a_team_without_jira_costs_no_request_and_what_nobody_owns_goes_where_routing_says(there):
    there.owners = Owners.model_validate({"teams": {"search": {"channel": "#search"}}})
    assert there.channel.tell(news()) is None
    assert there.channel.tell(news(team=None)) is None
    assert there.jira.requests == []
    there.owners = Owners.model_validate({"routing": {"jira": {"project": "FIN"}}})
    assert there.channel.tell(news(team=None)).endswith("FIN-1 created")


def test_a_detection_on_trial_is_told_to_finops_alone(there, monkeypatch):
    routed = {**OWNERS, "routing": {"jira": {"project": "FIN"}}}
    there.owners = Owners.model_validate(routed)
    detection = there.channel.catalog.detections["idle_sagemaker_endpoint"]
    trial = replace(detection, header=detection.header.model_copy(update={"status": "trial"}))
    monkeypatch.setitem(there.channel.catalog.detections, detection.id, trial)
    assert there.channel.tell(news()).endswith("FIN-1 created")


def test_an_issue_outlives_its_teams_section(there):
    """Whoever takes Jira out of owners.toml still sees what is there come to its end."""
    there.channel.tell(news())
    there.owners = Owners.model_validate({"teams": {"search": {"channel": "#search"}}})
    assert there.channel.tell(news(1, "resolved")).endswith("SRCH-1 closed")


def test_a_field_that_the_project_does_not_take_is_left_out_and_said(there):
    """Somebody leaves, a component is renamed, a scheme has no such priority: the team gets its issues all the same."""
    with_jira(there, assignee="712020:gone", component="renamed", priority={"high": "P1"})
    said = there.channel.tell(news())
    (issue,) = there.issues
    assert not {"assignee", "components", "priority"} & issue.fields.keys()
    for part in ("without its priority", "without its components", "without its assignee"):
        assert part in said


def test_a_field_that_cannot_be_left_out_is_refused_in_jiras_words(there):
    with_jira(there, project="GONE")
    with pytest.raises(Refused, match="project: valid project is required"):
        there.channel.tell(news())
    assert len(there.jira.wrote("POST")) == 1, "it is not tried again in vain"
    with_jira(there)
    assert there.channel.tell(news()).endswith("SRCH-1 created")


def test_what_people_wrote_stays_theirs(there):
    there.channel.tell(news())
    there.jira.edit("SRCH-1", "summary", "Ask Ada about the ranker")
    there.jira.edit("SRCH-1", "priority", {"name": "Low"})
    there.channel.tell(news(1, "changed", monthly_cost=Decimal(12000), severity="critical"))
    (issue,) = there.issues
    assert issue.fields["summary"] == "Ask Ada about the ranker" and issue.fields["priority"] == {
        "name": "Low"
    }
    assert "*12,000 USD/month to save*" in issue.fields["description"]


def test_a_field_that_may_not_be_edited_stays_as_it_is_and_the_rest_follows(there):
    there.channel.tell(news())
    there.jira.priorities = {"Medium"}
    there.channel.tell(news(1, "changed", monthly_cost=Decimal(12000), severity="critical"))
    (issue,) = there.issues
    assert issue.fields["priority"] == {"name": "High"} and "12,000 USD" in issue.fields["summary"]
    assert len(issue.bodies) == 1


def test_an_issue_that_was_moved_is_followed_and_one_that_was_deleted_is_made_again(there):
    there.channel.tell(news())
    there.issues[0].key = "FIN-9"
    there.jira.moved = {"SRCH-1": "FIN-9"}
    there.channel.tell(news(1, "changed"))
    assert there.state.key == "FIN-9" and len(there.issues) == 1
    there.jira.issues.clear()
    there.channel.tell(news(2, "changed"))
    assert len(there.issues) == 1 and there.state.key == "SRCH-1"


def test_a_wrong_token_is_refused(there):
    channel = there.channel
    channel.client.token = "wrong"
    with pytest.raises(Refused, match="401"):
        channel.tell(news())


@pytest.mark.parametrize(
    ("section", "named"),
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
def test_a_wrong_word_in_owners_toml_is_named(tmp_path, section, named):
    path = tmp_path / "owners.toml"
    path.write_text(f'[teams.search]\nchannel = "#search"\njira = {section}\n')
    with pytest.raises(ConfigError, match=named):
        Owners.load(path)


def test_what_is_said_of_jira_in_the_shipped_file_is_what_holds_when_it_is_left_out():
    """Its comments name every key with its default."""
    text = (Path(__file__).parents[3] / "config" / "owners.toml").read_text()
    told = {
        line.partition(" = ")[0].strip("# "): line.partition(" = ")[2].split("  ")[0]
        for line in text.partition("As a table")[2].partition("# A component")[0].splitlines()[1:]
        if " = " in line
    }
    default = Jira(project="SRCH")
    assert told.keys() == default.model_dump().keys() - {"project"}
    assert tomllib.loads(f"priority = {told['priority']}")["priority"] == default.priority
    for name in ("issue_type", "least_severity", "remind"):
        assert tomllib.loads(f"it = {told[name]}")["it"] == getattr(default, name)
    for name in ("done", "reopen"):
        assert set(tomllib.loads(f"it = {told[name]}")["it"]) <= set(getattr(default, name))


@pytest.mark.parametrize(
    "value",
    ["", "{}", '{"url": "http://jira.example.com", "token": "hidden"}', '{"url": "https://j.example"}'],
)
def test_a_secret_that_is_none_is_refused_and_not_shown(value):
    """A token never travels in the open."""
    with pytest.raises(Refused) as refused:
        JiraClient.of_secret(value)
    assert "hidden" not in str(refused.value)


def test_a_secret_with_an_email_is_clouds_and_one_without_is_data_centers():
    cloud = JiraClient.of_secret('{"url": "https://a.atlassian.net", "email": "a@b.example", "token": "t"}')
    centre = JiraClient.of_secret('{"url": "https://jira.example.com", "token": "t"}')
    assert (cloud.email, centre.email) == ("a@b.example", None)
    assert "token" not in repr(cloud) and "'t'" not in repr(centre)
