"""Notifications are delivered to Slack exactly once and in order, whatever fails; over HTTP to a local Slack."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from focuswatch.errors import FocuswatchError, Refused, TryLater, Unsure
from focuswatch.notify.collect_and_post_slack_and_teams_digests import SECONDS_WITHOUT_CHANGE
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import PREDECESSOR_WAIT_SECONDS
from focuswatch.notify.slack.finding_message import RecordedResponse
from focuswatch.notify.slack.update_posted_message_after_response_or_spending_control import (
    show_response,
    show_spending_control,
)
from focuswatch.owners.owners_file import Owners
from tests.fakes.slack_as_text import seen
from tests.given.incidents import with_critical_finding
from tests.given.one_line_findings import DAY, finding, saving_of
from tests.given.slack_world import CATALOG, OWNERS, Killed, Steps, notification, slack_world

FINDING = finding(team="search")
COSTLIER = finding(team="search", cost="2000")


@pytest.fixture
def world():
    """Yield an empty Slack workspace."""
    with slack_world() as world:
        yield world


def replies(message):
    return [one for one in message.replies if not one.deleted]


def deliver_until_done(world, *deliveries, attempts=40):
    """Retry deliveries at the requested times, as the queue does."""
    left = list(deliveries)
    for _ in range(attempts):
        for one in list(left):
            try:
                world.deliver(one)
                left.remove(one)
            except (TryLater, Unsure) as error:
                world.now += getattr(error, "seconds", 30) + 1
            except Killed:
                world.steps.kill_before = world.steps.kill_after = None
                world.now += LEASE_SECONDS + 1
        if not left:
            return
    raise AssertionError(f"not delivered after {attempts} attempts: {left}")


def test_finding_is_one_message_in_the_channel_of_its_team(world):
    """The queue can deliver the notification twice."""
    assert "posted" in world.deliver(notification(FINDING))[0]
    assert world.deliver(notification(FINDING)) == [None]
    (message,) = world.team.shown
    assert message.metadata["event_payload"]["fingerprint"] == FINDING.fingerprint
    assert world.finops.shown == []


def test_finding_without_owner_goes_to_finops(world):
    world.deliver(notification(finding()))
    assert len(world.finops.shown) == 1
    assert world.team.shown == []


def test_change_updates_the_message_and_replies_in_its_thread(world):
    """The channel has one message; its thread has the history."""
    world.deliver(notification(FINDING), notification(COSTLIER, "changed", number=2))
    (message,) = world.team.shown
    assert "2,000" in message.text
    (reply,) = replies(message)
    assert "346" in reply.text
    assert "2,000" in reply.text
    assert reply.broadcast


def test_resolved_finding_has_no_buttons(world):
    """The message shows that the finding is resolved, and its thread has a reply."""
    world.deliver(notification(FINDING), notification(FINDING, "resolved", number=2))
    (message,) = world.team.shown
    assert "Resolved" in message.text
    assert not any(block["type"] == "actions" for block in message.blocks)
    assert len(replies(message)) == 1


VERIFIED = FINDING.model_copy(update={"verified_saving": saving_of(FINDING, saved="11.52")})


def test_verified_saving_is_one_reply_in_the_thread_of_the_resolved_finding(world):
    """A repeated notification adds no reply; the message states the saving too, and stays resolved."""
    earlier = [notification(FINDING), notification(FINDING, "resolved", number=2)]
    delivery = notification(VERIFIED, "saving_verified", number=3)
    assert "in the thread" in world.deliver(*earlier, delivery)[-1]
    assert world.deliver(delivery) == [None]
    (message,) = world.team.shown
    resolved, verified = replies(message)
    assert "focuswatch will verify the savings on the bill" in resolved.text
    assert verified.text == "Verified on the bill: 11.52 USD/day saved since 2026-03-31."
    assert not verified.broadcast
    assert "Resolved" in message.text and verified.text in message.text
    assert not any(block["type"] == "actions" for block in message.blocks)


def test_verified_saving_stays_in_the_thread_when_the_owner_changes(world):
    """The people who fixed it read that thread."""
    world.deliver(notification(FINDING), notification(FINDING, "resolved", number=2))
    moved = VERIFIED.model_copy(update={"team": None})
    world.deliver(notification(moved, "saving_verified", number=3))
    assert len(replies(world.team.shown[0])) == 2
    assert world.finops.shown == []


def test_verified_saving_without_a_message_posts_none(world):
    """The finding was in a digest only, or in no message at all."""
    in_digest = notification(FINDING, in_digest=True)
    verified = notification(VERIFIED, "saving_verified", number=2)
    assert "no message to reply to" in world.deliver(in_digest, verified)[-1]
    other = finding("other", team="search")
    assert "no message to reply to" in world.deliver(notification(other, "saving_verified"))[0]
    assert len(world.team.shown) == 1
    world.deliver(notification(FINDING, number=3))
    assert len(world.team.shown) == 2


def test_finding_detected_again_is_a_new_message(world):
    """The thread of a resolved finding is no longer read."""
    world.deliver(
        notification(FINDING),
        notification(FINDING, "resolved", number=2),
        notification(FINDING, "new", number=3),
    )
    resolved, detected_again = world.team.shown
    assert "Resolved" in resolved.text
    assert "Resolved" not in detected_again.text


def test_notification_out_of_order_waits(world):
    """A queue does not preserve order."""
    world.deliver(notification(FINDING))
    with pytest.raises(TryLater):
        world.deliver(notification(FINDING, "resolved", number=3))
    assert "Resolved" not in world.team.shown[0].text
    world.deliver(notification(COSTLIER, "changed", number=2), notification(FINDING, "resolved", number=3))
    assert len(replies(world.team.shown[0])) == 2


def test_notification_after_a_dead_letter_waits_half_a_day(world):
    """Then it is delivered; otherwise a dead letter would block its finding forever."""
    world.deliver(notification(FINDING))
    after_a_dead_letter = notification(COSTLIER, "changed", number=3)
    with pytest.raises(TryLater, match="arrived before"):
        world.deliver(after_a_dead_letter)
    world.deliver(replace(after_a_dead_letter, age_seconds=PREDECESSOR_WAIT_SECONDS))
    assert "2,000" in world.team.shown[0].text
    assert world.deliver(notification(FINDING, "changed", number=2)) == [None]  # redriven too late


def test_older_notification_changes_nothing(world):
    """The queue can deliver a notification again after a newer one."""
    world.deliver(notification(FINDING), notification(FINDING, "resolved", number=2))
    world.deliver(notification(FINDING))
    assert "Resolved" in world.team.shown[0].text


def test_change_of_a_finding_without_a_message_is_posted_as_a_message(world):
    """It waits 15 minutes for the earlier notification."""
    late = notification(COSTLIER, "changed", number=5)
    with pytest.raises(TryLater):
        world.deliver(late)
    world.deliver(notification(COSTLIER, "changed", number=5, age_seconds=901.0))
    assert len(world.team.shown) == 1


def test_repeated_old_notification_keeps_a_later_one_unsure(world):
    """Otherwise the later notification could be posted twice."""
    world.deliver(notification(FINDING))
    world.server.fault("dropped", "chat.postMessage")
    with pytest.raises(Unsure):
        world.deliver(notification(COSTLIER, "changed", number=2))
    world.now += 31
    assert world.deliver(notification(FINDING)) == [None]
    world.now += 1
    world.deliver(notification(COSTLIER, "changed", number=2))
    assert len(replies(world.team.shown[0])) == 1


def test_deleted_message_is_posted_again(world):
    """A person or a retention policy can delete it; later replies are in the new thread."""
    world.deliver(notification(FINDING))
    world.team.shown[0].deleted = True
    world.deliver(notification(COSTLIER, "changed", number=2))
    (message,) = world.team.shown
    assert "2,000" in message.text
    world.deliver(notification(FINDING, "resolved", number=3))
    assert "Resolved" in message.text
    assert len(replies(message)) == 1


@pytest.mark.parametrize("step", range(1, 8))
def test_deleted_message_is_posted_once_after_a_kill(world, step):
    """The process is killed after each step of the delivery."""
    world.deliver(notification(FINDING))
    world.team.shown[0].deleted = True
    world.steps = Steps(kill_after=step)
    deliver_until_done(world, notification(COSTLIER, "changed", number=2))
    assert [len(replies(one)) for one in world.team.shown] == [0]


def test_team_with_a_new_channel_gets_messages_there(world):
    """The old message stays."""
    world.deliver(notification(FINDING))
    world.server.workspace.channel("#search-costs")
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#search-costs"}}})
    world.deliver(notification(COSTLIER, "changed", number=2))
    assert len(world.team.shown) == 1
    assert len(world.server.workspace.named("#search-costs", by_name=True).shown) == 1


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "conversations.history"])
def test_failed_call_causes_no_loss_and_no_duplicate(world, fault, method):
    """The call fails before or after its effect."""
    world.server.fault(fault, method)
    deliver_until_done(
        world,
        notification(FINDING),
        notification(COSTLIER, "changed", number=2),
        notification(FINDING, "resolved", number=3),
    )
    (message,) = world.team.shown
    assert "Resolved" in message.text
    assert len(replies(message)) == 2


def test_outage_of_an_hour_loses_nothing(world):
    """Slack refuses connections."""
    with world.server.refusing():
        for _ in range(4):
            with pytest.raises(FocuswatchError):
                world.deliver(notification(FINDING))
            world.now += 900
    deliver_until_done(world, notification(FINDING))
    assert len(world.team.shown) == 1


def test_missing_channel_is_refused_with_a_remedy(world):
    """Retrying would not help until a person acts."""
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#gone"}}})
    with pytest.raises(Refused, match="#gone.*config/owners.toml"):
        world.deliver(notification(FINDING))
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#team-search"}}})
    world.deliver(notification(FINDING))
    assert len(world.team.shown) == 1


def test_new_channel_with_the_name_of_an_archived_one_is_found(world):
    """A redriven notification looks up the name again."""
    world.deliver(notification(FINDING))
    old = world.team
    old.archived, old.name = True, "team-search-old"
    new = world.server.workspace.channel("#team-search")
    with pytest.raises(Refused, match="is_archived"):
        world.deliver(notification(COSTLIER, "changed", number=2))
    world.deliver(notification(COSTLIER, "changed", number=2))
    assert len(new.shown) == 1


def test_invalid_token_loses_nothing(world):
    """Notifications wait until a person corrects the token."""
    valid_token, world.server.token = world.server.token, "xoxb-revoked"
    channel = world.channel()  # has the revoked token
    world.server.token = valid_token
    with pytest.raises(TryLater, match="focuswatch doctor"):
        channel.deliver(notification(FINDING))
    world.deliver(notification(FINDING))
    assert len(world.team.shown) == 1


def test_channel_without_the_bot_is_refused_with_a_remedy(world):
    """The error says to invite the bot."""
    world.server.workspace.channel("#private", invited=False)
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#private"}}})
    with pytest.raises(Refused, match="invite"):
        world.deliver(notification(FINDING))


def test_messages_are_sent_at_one_per_second_and_channel(world):
    """The server accepts no burst and refuses a faster message."""
    world.server.limit.burst = 1
    deliveries = [finding(resource=f"r-{number}", team="search") for number in range(12)]
    world.deliver(*map(notification, deliveries))
    assert len(world.team.shown) == 12
    assert len(world.server.called("chat.postMessage")) == 12  # none was refused


def test_rate_limit_of_slack_pauses_other_batches(world):
    """Another batch obeys the Retry-After too, without a request of its own."""
    world.server.limit.burst, world.server.limit.a_second = 1, 0.02
    world.deliver(notification(FINDING))
    with pytest.raises(TryLater) as first:
        world.deliver(notification(finding(resource="b", team="search")))
    posts = len(world.server.called("chat.postMessage"))
    with pytest.raises(TryLater) as second:
        world.channel().deliver(notification(finding(resource="c", team="search")))
    assert len(world.server.called("chat.postMessage")) == posts
    assert 0 < second.value.seconds <= first.value.seconds


def test_lost_state_causes_no_duplicate(world):
    """The messages are found in the history of the channel."""
    world.deliver(notification(FINDING), notification(COSTLIER, "changed", number=2))
    world.table.delete_item(Key={"kind": "told in slack", "id": FINDING.fingerprint})
    assert world.deliver(notification(COSTLIER, "changed", number=2)) == [None]
    world.table.delete_item(Key={"kind": "told in slack", "id": FINDING.fingerprint})
    world.deliver(notification(FINDING, "resolved", number=3))
    (message,) = world.team.shown
    assert "Resolved" in message.text
    assert len(replies(message)) == 2


def test_lost_ledger_entry_posts_no_second_message(world):
    """The finding is new again, and its existing message is updated."""
    world.deliver(notification(FINDING, number=1000, first=True))
    world.deliver(notification(COSTLIER, number=2000, first=True))
    (message,) = world.team.shown
    assert "2,000" in message.text
    assert not replies(message)
    world.deliver(notification(FINDING, "resolved", number=2001))
    assert len(world.team.shown) == 1


STORIES = {
    "new": [notification(FINDING)],
    "changed": [notification(FINDING), notification(COSTLIER, "changed", number=2)],
    "in a digest": [notification(FINDING, in_digest=True), notification(FINDING, "resolved", number=2)],
    "back again": [
        notification(FINDING),
        notification(FINDING, "resolved", number=2),
        notification(FINDING, number=3),
    ],
}
# messages in the channel, and replies in their threads
SHOWN = {"new": (1, 0), "changed": (1, 1), "in a digest": (2, 0), "back again": (2, 1)}


@pytest.mark.parametrize("story", STORIES)
def test_kill_at_any_step_causes_no_loss_and_no_duplicate(story):
    """The process is killed before or after each call; then the delivery is repeated."""
    with slack_world() as whole:
        deliver_until_done(whole, *STORIES[story])
        steps = whole.steps.taken
    assert steps > 3
    for number in range(1, steps + 1):
        for moment in ("kill_before", "kill_after"):
            with slack_world() as world:
                world.steps = Steps(**{moment: number})
                deliver_until_done(world, *STORIES[story])
                shown = world.team.shown
                thread = sum(len(replies(one)) for one in shown)
                assert (len(shown), thread) == SHOWN[story], (moment, number)


def test_concurrent_batches_post_one_message(world):
    """One batch posts, and the others find the message or wait."""

    def attempt(_number):
        try:
            return world.channel().deliver(notification(FINDING))
        except TryLater:
            return "later"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(8)))
    assert len(world.team.shown) == 1
    assert sum(one not in (None, "later") for one in outcomes) == 1


def test_jumping_clock_causes_no_duplicate(world):
    """A run whose lease expired deletes the message that it posted."""
    first = world.channel()
    post = first.slack.post

    def slow_post(*args, **kwargs):
        ts = post(*args, **kwargs)
        del world.server.workspace.methods["conversations.history"]  # the other run cannot find the message
        world.server.workspace.methods["conversations.history"] = lambda _args: {"messages": []}
        world.now += 3600
        world.deliver(notification(FINDING))
        return ts

    first.slack = type(
        "Slow",
        (),
        {
            "post": staticmethod(slow_post),
            "own_messages": lambda *_, **__: iter(()),
            "delete": staticmethod(world.slack().delete),
        },
    )()
    with pytest.raises(TryLater):
        first.deliver(notification(FINDING))
    assert len(world.team.shown) == 1


def test_digest_is_one_message_that_grows(world):
    """Repeated notifications do not edit it."""
    deliveries = [
        notification(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(30)
    ]
    world.deliver(*deliveries[:10])
    world.deliver(*deliveries[10:], *deliveries[:5])
    (message,) = world.team.shown
    assert message.text.startswith("30 findings")
    edits = message.edits
    world.deliver(*deliveries)
    assert message.edits == edits


def test_digest_shows_a_line_that_changed_on_the_same_day(world):
    """The number of lines does not change, but a line does."""
    world.deliver(notification(FINDING, in_digest=True))
    world.deliver(notification(FINDING, "resolved", number=2, in_digest=True))
    (message,) = world.team.shown
    assert "Resolved: A title" in seen({"blocks": message.blocks})


def test_digest_shows_the_highest_severity_of_an_incident(world):
    """A separate message shows the same severity."""
    world.deliver(notification(with_critical_finding(FINDING), in_digest=True))
    assert "· critical ·" in seen({"blocks": world.team.shown[0].blocks})


def test_digest_of_an_earlier_version_is_not_posted_again(world):
    """The stored state of that version has only the number of lines."""
    world.deliver(notification(FINDING, in_digest=True))
    (state,) = [one for one in world.table.items() if one["kind"] == "told in slack digests"]
    document = json.loads(state["document"])
    stored = {name: document[name] for name in ("ts", "lines")}
    world.table.put_item(Item={**state, "document": json.dumps(stored)})
    world.deliver(notification(FINDING, in_digest=True))
    assert world.team.shown[0].edits == 0


def test_failed_digest_is_posted_when_its_lines_are_repeated(world):
    """The lines are stored before the digest is posted, so a repeated notification completes it."""
    batch = [
        notification(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(3)
    ]
    world.server.fault("dropped", "chat.postMessage")
    with pytest.raises(Unsure):
        world.deliver(*batch)
    world.now += 31
    world.deliver(*batch)
    (message,) = world.team.shown
    assert message.text.startswith("3 findings")


def test_failed_digest_does_not_stop_others(world):
    """Each digest belongs to a channel and a team; a failure is listed by its notification."""
    world.server.workspace.channel("#fraud")
    teams = {"search": {"channel": "#team-search"}, "fraud": {"channel": "#fraud"}}
    world.owners = Owners.model_validate({"teams": teams})
    channel, search_line = world.channel(), notification(FINDING, in_digest=True)
    for one in (search_line, notification(finding(team="fraud", resource="b"), in_digest=True)):
        channel.deliver(one)
    world.team.archived = True
    failed = channel.flush()
    assert {id: type(error) for id, error in failed.items()} == {search_line.notification_id: Refused}
    assert len(world.server.workspace.named("#fraud", by_name=True).shown) == 1


def test_digest_with_expired_lines_is_not_changed(world):
    """A dead letter can be redriven after a month."""
    world.deliver(notification(FINDING, in_digest=True))
    for item in world.table.items():
        if item["kind"].startswith("digest "):
            world.table.delete_item(Key={"kind": item["kind"], "id": item["id"]})
    assert world.deliver(notification(FINDING, in_digest=True)) == [None]
    assert world.team.shown[0].edits == 0


def test_changed_finding_of_a_digest_gets_a_message(world):
    """A change is important enough for a separate message."""
    world.deliver(notification(FINDING, in_digest=True))
    world.deliver(notification(COSTLIER, "changed", number=2))
    assert len(world.team.shown) == 2


def test_each_team_and_day_has_a_digest(world):
    """The digest of yesterday does not grow today."""
    tomorrow = FINDING.model_copy(update={"as_of": DAY + timedelta(days=1)})
    world.deliver(notification(FINDING, in_digest=True))
    world.deliver(
        notification(
            finding(resource="b", team="search").model_copy(update={"as_of": tomorrow.as_of}), in_digest=True
        )
    )
    assert len(world.team.shown) == 2


@pytest.fixture
def by_webhook(world):
    """Return a function that creates the routes of a batch; team search has an incoming webhook and no bot."""
    return world.webhook_routes


def test_webhook_posts_each_change_as_a_message(world, by_webhook):
    """A webhook can neither edit nor reply; a repeated notification is posted once."""
    for _ in range(2):
        for one in (
            notification(FINDING),
            notification(COSTLIER, "changed", number=2),
            notification(FINDING, "resolved", number=3),
        ):
            by_webhook().deliver(one)
    assert len(world.team.shown) == 3
    assert "Resolved" in world.team.shown[-1].text
    assert not any(block["type"] == "actions" for one in world.team.shown for block in one.blocks)


def test_finding_for_finops_does_not_use_the_webhook_of_the_team(world, by_webhook):
    """Its detection is on trial, or its team is not in owners.toml."""
    detection = CATALOG.detections[FINDING.detection]
    trial = replace(detection, header=detection.header.model_copy(update={"status": "trial"}))
    by_webhook(replace(CATALOG, detections={FINDING.detection: trial})).deliver(notification(FINDING))
    world.owners = Owners.model_validate({})
    by_webhook().deliver(notification(finding(team="search", resource="b")))
    assert (len(world.team.shown), len(world.finops.shown)) == (0, 2)


def test_team_without_webhook_is_refused_without_a_bot(world, by_webhook):
    world.owners = Owners.model_validate({"teams": {"fraud": {"channel": "#team-fraud"}}})
    with pytest.raises(Refused, match="fraud has no webhook, and the Slack secret has no bot token"):
        by_webhook().deliver(notification(finding(team="fraud")))


def test_digest_of_a_webhook_waits_for_its_last_line(world, by_webhook):
    """A webhook cannot add a line to a digest that was posted."""
    deliveries = [
        notification(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(9)
    ]
    for batch in (deliveries[:4], deliveries[4:]):
        routes = by_webhook()
        for one in batch:
            routes.deliver(one)
        assert all(isinstance(one, TryLater) for one in routes.flush().values())
        world.now += 60
    world.now += 121
    routes = by_webhook()
    routes.deliver(deliveries[0])
    assert routes.flush() == {}
    (message,) = world.team.shown
    assert message.text.startswith("9 findings")


@pytest.mark.parametrize("fault", ["down", "silent"])
def test_failed_webhook_is_retried(world, by_webhook, fault):
    """A webhook cannot read the channel, so the message is posted at least once."""
    world.server.fault(fault, "webhook")
    with pytest.raises(Unsure):
        by_webhook().deliver(notification(FINDING))
    world.now += 31
    by_webhook().deliver(notification(FINDING))
    assert world.team.shown


def test_webhook_that_cannot_be_reached_is_retried_and_its_url_is_not_shown(world, by_webhook):
    """Nothing was sent, so nothing can appear twice; whoever has the URL can post."""
    routes = by_webhook()
    with world.server.refusing(), pytest.raises(TryLater) as refused:
        routes.deliver(notification(FINDING))
    assert "services" not in str(refused.value)
    world.now += refused.value.seconds
    by_webhook().deliver(notification(FINDING))
    assert len(world.team.shown) == 1


def test_revoked_webhook_is_refused_with_a_remedy(world, by_webhook):
    routes = by_webhook()
    world.server.workspace.webhooks.clear()
    with pytest.raises(Refused, match="Create a new webhook"):
        routes.deliver(notification(FINDING))


def by_name_and_by_id(world):
    """Return owners with the channel of the team by its name, and by its id."""
    by_id = Owners.model_validate({"teams": {"search": {"channel": world.team.id}}})
    return {"name": OWNERS, "id": by_id}


@pytest.mark.parametrize("channel", ["name", "id"])
@pytest.mark.parametrize("kind", ["changed", "reminder", "resolved"])
def test_bot_posts_a_message_for_a_finding_that_a_webhook_posted(world, by_webhook, kind, channel):
    """The bot cannot edit the message of a webhook, which the team used before."""
    world.owners = by_name_and_by_id(world)[channel]
    by_webhook().deliver(notification(FINDING))
    world.deliver(notification(COSTLIER, kind, number=2))
    assert len(world.team.shown) == 2
    world.deliver(notification(FINDING, "changed", number=3))  # from now on, the bot edits its own message
    assert len(world.team.shown) == 2


@pytest.mark.parametrize("channel", ["name", "id"])
def test_bot_posts_the_verified_saving_of_a_finding_that_a_webhook_posted(world, by_webhook, channel):
    """A webhook message has no known thread."""
    world.owners = by_name_and_by_id(world)[channel]
    by_webhook().deliver(notification(FINDING))
    by_webhook().deliver(notification(FINDING, "resolved", number=2))
    assert "posted in" in world.deliver(notification(VERIFIED, "saving_verified", number=3))[0]
    assert "11.52 USD/day saved" in world.team.shown[-1].text


def test_bot_leaves_the_message_of_a_webhook_when_the_team_leaves_slack(world, by_webhook):
    """The message cannot be edited, and a new one would not be read."""
    by_webhook().deliver(notification(FINDING))
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "teams:search"}}})
    assert world.deliver(notification(FINDING, "resolved", number=2)) == [None]
    assert len(world.team.shown) == 1


def test_message_of_a_webhook_is_not_edited_to_show_a_pause_or_a_response(world, by_webhook):
    """Slack does not let the bot edit a message of a webhook."""
    world.owners = by_name_and_by_id(world)["id"]
    by_webhook().deliver(notification(FINDING))
    response = RecordedResponse("acknowledged", "U0ANNA", DAY)
    show_spending_control(world.channel(), FINDING.fingerprint)
    show_response(world.channel(), FINDING.fingerprint, response)
    assert world.team.shown[0].edits == 0


def test_digest_that_a_webhook_posted_is_posted_again_by_the_bot(world, by_webhook):
    """The new digest has all lines, including an added one."""
    world.owners = by_name_and_by_id(world)["id"]
    first = notification(FINDING, in_digest=True)
    for _ in range(2):
        routes = by_webhook()
        routes.deliver(first)
        routes.flush()
        world.now += SECONDS_WITHOUT_CHANGE + 1
    world.deliver(notification(finding(resource="b", team="search"), in_digest=True))
    assert [message.text.partition(" ")[0] for message in world.team.shown] == ["1", "2"]


def test_channel_is_looked_up_among_the_channels_of_the_bot(world):
    """One call is enough, even in a large workspace."""
    for number in range(450):
        world.server.workspace.channel(f"#other-{number}", invited=False)
    late = world.server.workspace.channel("#late")
    assert world.slack().channel_id("#late") == late.id
    assert len(world.server.called("users.conversations")) == 1


@pytest.mark.parametrize(
    "attributes", [{"invited": False}, {"invited": False, "private": True}, {"archived": True}]
)
def test_channel_that_the_bot_has_not_joined_is_refused_with_a_remedy(world, attributes):
    """The bot cannot post to it, whether it exists or not."""
    world.server.workspace.channel("#far", **attributes)
    with pytest.raises(
        Refused, match=r"not a member of a channel named #far. Invite the bot with /invite @focuswatch"
    ):
        world.slack().channel_id("#far")


def test_channel_can_be_configured_by_id(world):
    """An id needs no lookup."""
    world.owners = Owners.model_validate({"teams": {"search": {"channel": world.team.id}}})
    world.deliver(notification(FINDING))
    assert len(world.team.shown) == 1
    assert world.server.called("users.conversations") == []


def test_finding_for_other_channels_only_is_not_posted_and_later_changes_need_not_wait(world):
    """Security findings go to Microsoft Teams until owners.toml changes."""
    elsewhere = {"to": "teams:search", "categories": ["security", "anomaly", "governance"]}
    routed = {"channels": [{"to": "#team-search", "categories": ["waste"]}, elsewhere]}
    intruder = finding(team="search", category="security")
    world.owners = Owners.model_validate({"teams": {"search": routed}})
    assert world.deliver(notification(intruder)) == [None]
    assert world.team.shown == []
    world.owners = OWNERS
    world.deliver(notification(intruder, "changed", number=2))
    assert len(world.team.shown) == 1


def test_open_message_is_resolved_after_the_team_left_slack(world):
    """Otherwise it would show forever that the finding is open."""
    world.deliver(notification(FINDING))
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "teams:search"}}})
    world.deliver(notification(FINDING, "resolved", number=2))
    assert "Resolved" in world.team.shown[0].text
    assert world.deliver(notification(FINDING, "new", number=3)) == [None]
    assert len(world.team.shown) == 1
