"""Announcements of a pause: the button, the reply in the thread, the comment in Jira, each once."""

import json
from dataclasses import replace

import pytest

from focuswatch.controls.announce_pause import PauseAnnouncer, render_pause
from focuswatch.controls.spending_button import cap_settings, spending_control
from focuswatch.controls.spending_pause_record import PauseRecord
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.stored_issue_state import IssueState
from focuswatch.notify.slack.interactions import UserResponse, parse_interaction
from focuswatch.notify.slack.post_once import OncePoster, PostedOnce
from tests.fakes.local_jira import EMAIL, TOKEN, LocalJira, serving
from tests.fakes.pause_world import MORNING, ROLES, USE_CASE, cap_finding, owners_with
from tests.fakes.slack_as_text import seen
from tests.given.slack_world import notification, slack_world

FINDING = cap_finding().model_copy(update={"team": "search"})
REASON = "the Pause spending button was pressed in Slack: it has spent 580 of 500 USD"
REQUESTED = PauseRecord(
    use_case=USE_CASE, state="requested", roles=ROLES, author="anna (U0ANNA)", reason=REASON,
    expires_at=MORNING + 7 * 86_400, decided_at=MORNING, fingerprint=FINDING.fingerprint,
)  # fmt: skip
PAUSED = REQUESTED.changed("applied", author="anna (U0ANNA)", reason=REASON, at=MORNING).model_copy(
    update={"number": 1}
)
RESUMED = PAUSED.changed(
    "removed", author="bert (U0BERT)", reason="the Resume button was pressed in Slack", at=MORNING
).model_copy(update={"number": 2})


class Announcing:
    """A Slack with the finding's message, and a Jira with its issue; `record` is what the message shows."""

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
        said = Claims(self.world.table, channel="slack said", model=PostedOnce, clock=self.world.clock)
        PauseAnnouncer(
            policy_name="focuswatch-paused", slack=self.channel(),
            poster=OncePoster(self.world.slack(), said, self.world.clock), channel_of=lambda _use_case: "#finops",
            jira=self.client, issues=self.issues,
        ).announce(record)  # fmt: skip

    @property
    def comments(self):
        return [comment["body"] for comment in self.jira.issues[0].comments]


@pytest.fixture
def there():
    with slack_world() as world, serving(LocalJira()) as jira:
        jira.projects["SRCH"] = {"components": set()}
        yield Announcing(world, jira)
        assert not jira.unlawful


def test_the_message_offers_to_pause_and_asks_first(there):
    """The dialog says what happens, for how long, and how it ends."""
    (message,) = there.world.team.shown
    (button,) = [
        one for block in message.blocks if block["type"] == "actions" for one in block["elements"]
        if one["action_id"] == "pause_spending"
    ]  # fmt: skip
    assert button["confirm"]["text"]["text"] == (
        "Deny all Bedrock and SageMaker calls by 2 roles of use case tickets until someone presses Resume, for at "
        "most 7 days?"
    )


def test_a_pause_is_announced_once_in_the_thread_the_message_and_jira(there):
    """However often it is repeated."""
    for _ in range(2):
        there.announce(PAUSED)
    (message,) = there.world.team.shown
    assert (
        f"Spending for use case {USE_CASE} was paused by anna (U0ANNA) until 2026-03-17 08:00 UTC."
        in seen({"blocks": message.blocks})
    )
    assert "resume_spending" in json.dumps(message.blocks)
    (reply,) = message.replies
    assert seen({"blocks": reply.blocks}) == (
        "Spending for use case tickets was paused by anna (U0ANNA) until 2026-03-17 08:00 UTC. Reason: the "
        "Pause spending button was pressed in "
        "Slack: it has spent 580 of 500 USD. The pause affects 2 roles: arn:aws:iam::111122223333:role/tickets-api, "
        "arn:aws:iam::444455556666:role/batch/tickets-batch. To resume spending, press Resume, or run each "
        "command below in the account that contains the role:\n"
        "    aws iam detach-role-policy --role-name tickets-api "
        "--policy-arn arn:aws:iam::111122223333:policy/focuswatch-paused\n"
        "    aws iam detach-role-policy --role-name tickets-batch "
        "--policy-arn arn:aws:iam::444455556666:policy/focuswatch-paused\n"
    )
    (comment,) = there.comments
    assert "paused by anna \\(U0ANNA\\)" in comment
    assert "{noformat}\naws iam detach-role-policy --role-name tickets-api" in comment


def test_the_end_of_a_pause_is_announced_with_its_author(there):
    """And the message offers to pause again."""
    there.announce(PAUSED)
    there.announce(RESUMED)
    (message,) = there.world.team.shown
    assert "pause_spending" in json.dumps(message.blocks)
    assert "Spending was resumed by bert (U0BERT). Reason: the Resume button was pressed in Slack." in seen(
        {"blocks": message.blocks}
    )
    assert [reply.text.partition(". Reason:")[0].partition(":")[0] for reply in message.replies] == [
        "Spending for use case tickets was paused by anna (U0ANNA) until 2026-03-17 08",
        "Spending for use case tickets was resumed by bert (U0BERT)",
    ]
    assert len(there.comments) == 2


def test_a_pause_without_a_message_is_announced_in_the_channel(there):
    """A finding may be in a digest only."""
    there.announce(PAUSED.model_copy(update={"fingerprint": "0" * 20}))
    assert "paused by anna" in there.world.finops.shown[0].text
    assert there.comments == []


def test_a_dry_run_says_that_no_role_was_changed():
    """And shows no command."""
    text = seen(render_pause(PAUSED.model_copy(update={"dry_run": True}), policy_name="p"))
    assert text.startswith("Dry run, no role was changed: Spending for use case tickets was paused")
    assert "aws iam" not in text


def test_a_role_that_was_not_paused_is_named_with_the_reason():
    """Else people would rely on it."""
    record = PAUSED.model_copy(update={"roles": ROLES[1:], "failed": {ROLES[0]: "NoSuchEntity"}})
    text = seen(render_pause(record, policy_name="p"))
    assert f"{ROLES[0]} could not be changed: NoSuchEntity. The pause affects 1 role: {ROLES[1]}." in text


def test_a_press_is_read_with_its_time(there):
    """The order of presses decides, not the order of their arrival."""
    message = there.world.team.shown[0]
    request = there.world.server.pressed(there.world.team, message.ts, "pause_spending", user="U0ANNA")
    response = parse_interaction(request.body)
    assert isinstance(response, UserResponse)
    assert response.action == "pause_spending"
    assert float(response.id.partition(" ")[2]) > 0
