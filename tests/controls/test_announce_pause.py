"""A pause is announced once by its button, by a reply in the thread and by a comment in Jira."""

import json
from dataclasses import replace

import pytest

from focuswatch.controls.announce_pause import PauseAnnouncer, render_pause
from focuswatch.controls.decide_pause_or_resume import carried_out
from focuswatch.controls.spending_button_content import spending_control
from focuswatch.controls.use_case_and_cap_of_finding import cap_settings
from focuswatch.controls.use_case_pause_model import PauseRecord
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.slack.post_once import OncePoster, PostedOnce
from focuswatch.notify.slack.verify_and_parse_slack_interactions import UserResponse, parse_interaction
from tests.fakes.local_jira import EMAIL, TOKEN, LocalJira, serving
from tests.fakes.pause_world import MORNING, ROLES, USE_CASE, cap_finding, owners_with
from tests.fakes.slack_as_text import seen
from tests.given.slack_world import notification, slack_world

FINDING = cap_finding().model_copy(update={"team": "search"})
REASON = "the Pause spending button was pressed in Slack: it has spent 580 of 500 USD"
REQUESTED = PauseRecord(
    use_case=USE_CASE,
    state="requested",
    roles=ROLES,
    author="anna (U0ANNA)",
    reason=REASON,
    expires_at=MORNING + 7 * 86_400,
    decided_at=MORNING,
    fingerprint=FINDING.fingerprint,
)
PAUSED = REQUESTED.changed("applied", author="anna (U0ANNA)", reason=REASON, at=MORNING).model_copy(
    update={"number": 1}
)
RESUMED = PAUSED.changed(
    "removed", author="bert (U0BERT)", reason="the Resume button was pressed in Slack", at=MORNING
).model_copy(update={"number": 2})


class PauseChannels:
    """A Slack with the message of the finding, and a Jira with its issue; the message shows the pause `record`."""

    def __init__(self, world, jira):
        self.world, self.jira, self.record = world, jira, None
        self.issues = Claims(world.table, channel="jira", model=IssueState, clock=world.clock)
        self.client = JiraClient(jira.url, TOKEN, email=EMAIL)
        issue = self.client.create(
            {"project": {"key": "SRCH"}, "issuetype": {"name": "Task"}, "summary": "cap"}
        )
        claim = self.issues.claim(FINDING.fingerprint)
        self.issues.settle(claim, IssueState(key=issue))
        self.channel().deliver(notification(FINDING))

    def channel(self):
        cap = cap_settings(USE_CASE, owners=owners_with(), mode="live", pause_days=7)
        return replace(self.world.channel(), spending=lambda _finding: spending_control(cap, self.record))

    def announce(self, record):
        """Announce a record as a new run does."""
        self.record = record
        claims = Claims(self.world.table, channel="slack said", model=PostedOnce, clock=self.world.clock)
        PauseAnnouncer(
            policy_name="focuswatch-paused",
            slack=self.channel(),
            poster=OncePoster(self.world.slack(), claims, self.world.clock),
            channel_of=lambda _use_case: "#finops",
            jira=self.client,
            issues=self.issues,
        ).announce(record)

    @property
    def comments(self):
        return [comment["body"] for comment in self.jira.issues[0].comments]


@pytest.fixture
def channels():
    with slack_world() as world, serving(LocalJira()) as jira:
        jira.projects["SRCH"] = {"components": set()}
        yield PauseChannels(world, jira)
        assert not jira.unlawful


def test_the_pause_button_asks_for_confirmation(channels):
    """The confirmation states the effect, the duration and the end of a pause."""
    (message,) = channels.world.team.shown
    (button,) = [
        one
        for block in message.blocks
        if block["type"] == "actions"
        for one in block["elements"]
        if one["action_id"] == "pause_spending"
    ]
    assert button["confirm"]["text"]["text"] == (
        "Deny all Bedrock and SageMaker calls by 2 roles of use case tickets until someone presses Resume, for at "
        "most 7 days?"
    )


def test_a_pause_is_announced_once_in_the_thread_the_message_and_jira(channels):
    """A repeated announcement changes nothing."""
    for _ in range(2):
        channels.announce(PAUSED)
    (message,) = channels.world.team.shown
    assert (
        f"Spending for use case {USE_CASE} is paused until 2026-03-17 08:00 UTC. Paused by anna (U0ANNA)."
        in seen({"blocks": message.blocks})
    )
    assert "resume_spending" in json.dumps(message.blocks)
    (reply,) = message.replies
    assert seen({"blocks": reply.blocks}) == (
        "Spending for use case tickets is paused until 2026-03-17 08:00 UTC. Paused by anna (U0ANNA). Reason: the "
        "Pause spending button was pressed in "
        "Slack: it has spent 580 of 500 USD. To resume spending, press Resume, or run each command below in the "
        "account that contains the role. The pause affects 2 roles: arn:aws:iam::111122223333:role/tickets-api, "
        "arn:aws:iam::444455556666:role/batch/tickets-batch.\n"
        "    aws iam detach-role-policy --role-name tickets-api "
        "--policy-arn arn:aws:iam::111122223333:policy/focuswatch-paused\n"
        "    aws iam detach-role-policy --role-name tickets-batch "
        "--policy-arn arn:aws:iam::444455556666:policy/focuswatch-paused\n"
    )
    (comment,) = channels.comments
    assert "Paused by anna \\(U0ANNA\\)" in comment
    assert "{noformat}\naws iam detach-role-policy --role-name tickets-api" in comment


def test_the_end_of_a_pause_is_announced_with_its_author(channels):
    """The message then offers to pause again."""
    channels.announce(PAUSED)
    channels.announce(RESUMED)
    (message,) = channels.world.team.shown
    assert "pause_spending" in json.dumps(message.blocks)
    assert "Spending was resumed by bert (U0BERT). Reason: the Resume button was pressed in Slack." in seen(
        {"blocks": message.blocks}
    )
    assert [reply.text.partition(". Reason:")[0].partition(":")[0] for reply in message.replies] == [
        "Spending for use case tickets is paused until 2026-03-17 08",
        "Spending for use case tickets was resumed by bert (U0BERT)",
    ]
    assert len(channels.comments) == 2


def test_a_pause_without_a_message_is_announced_in_the_channel(channels):
    """The finding can be in a digest only."""
    channels.announce(PAUSED.model_copy(update={"fingerprint": "0" * 20}))
    assert "Paused by anna" in channels.world.finops.shown[0].text
    assert channels.comments == []


def test_a_pause_of_a_finding_that_a_webhook_posted_is_announced_in_the_channel(channels):
    """The message of a webhook has no thread and cannot be edited."""
    posted = FINDING.model_copy(update={"fingerprint": "1" * 20})
    channels.world.webhook_routes().deliver(notification(posted))
    channels.announce(PAUSED.model_copy(update={"fingerprint": posted.fingerprint}))
    assert "Paused by anna" in channels.world.finops.shown[0].text


def test_a_dry_run_says_that_no_role_was_changed():
    """It shows no command, because there is nothing to undo."""
    text = seen(render_pause(PAUSED.model_copy(update={"dry_run": True}), policy_name="p"))
    assert text.startswith("Dry run (no role was changed): spending for use case tickets would be paused")
    assert "aws iam" not in text


def test_a_role_that_was_not_paused_is_named_with_the_reason():
    """Otherwise people would assume that the role is paused."""
    record = PAUSED.model_copy(update={"roles": ROLES[1:], "failed": {ROLES[0]: "NoSuchEntity"}})
    text = seen(render_pause(record, policy_name="p"))
    assert (
        f"The pause affects 1 role: {ROLES[1]}. focuswatch could not pause {ROLES[0]}: NoSuchEntity." in text
    )


def test_an_announcement_states_that_it_does_not_show_the_commands_for_all_roles():
    """Otherwise roles would stay paused after someone ran every command."""
    roles = tuple(f"arn:aws:iam::111122223333:role/tickets-{number}" for number in range(12))
    text = seen(render_pause(PAUSED.model_copy(update={"roles": roles}), policy_name="p"))
    assert text.count("aws iam detach-role-policy") == 10
    assert (
        "For the other 2 roles, run the same command with the role name and account ID of each role." in text
    )


def test_a_pause_that_no_role_could_get_is_not_announced_as_resumed(channels):
    """Neither the reply nor the message says that spending was resumed."""
    requested = REQUESTED.changed("requested", author=REQUESTED.author, reason=REASON, at=MORNING)
    channels.announce(carried_out(requested, failed=dict.fromkeys(ROLES, "NoSuchEntity"), now=MORNING))
    (message,) = channels.world.team.shown
    (reply,) = message.replies
    assert reply.text.startswith(
        "Spending for use case tickets is not paused. Reason: the deny policy could not be attached to any role."
    )
    assert "Spending is not paused. Reason: the deny policy could not be attached to any role." in seen(
        {"blocks": message.blocks}
    )


def test_a_press_is_parsed_with_its_time(channels):
    """Presses count in the order of their time, not of their arrival."""
    message = channels.world.team.shown[0]
    request = channels.world.server.pressed(channels.world.team, message.ts, "pause_spending", user="U0ANNA")
    response = parse_interaction(request.body)
    assert isinstance(response, UserResponse)
    assert response.action == "pause_spending"
    assert float(response.id.partition(" ")[2]) > 0
