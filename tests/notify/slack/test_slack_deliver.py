"""Notifications are delivered to Slack exactly once and in order, whatever fails; over HTTP to a local Slack."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from focuswatch.errors import FocuswatchError, Refused, TryLater, Unsure
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS
from focuswatch.notify.pacing import MessagePacing
from focuswatch.notify.queued_notification_and_turn import GAP_SECONDS
from focuswatch.notify.slack.deliver import Channels
from focuswatch.notify.slack.digest_queue import Digests
from focuswatch.notify.slack.incoming_webhook import QUIET_SECONDS, SlackRoutes, Webhook
from focuswatch.owners.owners_file_and_assignment import Owners
from tests.given.one_line_findings import DAY, finding, saving_of
from tests.given.slack_world import CATALOG, OWNERS, Killed, Steps, notification, slack_world

FINDING = finding(team="search")
COSTLIER = finding(team="search", cost="2000")


@pytest.fixture
def world():
    """Return an empty Slack workspace."""
    with slack_world() as world:
        yield world


def replies(message):
    return [one for one in message.replies if not one.deleted]


def deliver_until_done(world, *deliveries, patience=40):
    """Retry deliveries at the requested times, like the queue."""
    left = list(deliveries)
    for _ in range(patience):
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
    raise AssertionError(f"not told after {patience} times: {left}")


def test_finding_is_one_message_in_the_channel_of_its_team(world):
    """Delivered twice, posted once."""
    assert "posted" in world.deliver(notification(FINDING))[0]
    assert world.deliver(notification(FINDING)) == [None]
    (message,) = world.team.shown
    assert message.metadata["event_payload"]["fingerprint"] == FINDING.fingerprint
    assert world.finops.shown == []


def test_finding_without_owner_goes_to_finops(world):
    """And not to a team."""
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
    """In the message and in its thread."""
    world.deliver(notification(FINDING), notification(FINDING, "resolved", number=2))
    (message,) = world.team.shown
    assert "Resolved" in message.text
    assert not any(block["type"] == "actions" for block in message.blocks)
    assert len(replies(message)) == 1


SAVED = FINDING.model_copy(update={"verified_saving": saving_of(FINDING, saved="11.52")})


def test_verified_saving_is_one_reply_in_the_thread_of_the_resolved_finding(world):
    """Repeated or not; the message states it too, and stays resolved."""
    over = [notification(FINDING), notification(FINDING, "resolved", number=2)]
    saved = notification(SAVED, "saving_verified", number=3)
    assert "in the thread" in world.deliver(*over, saved)[-1]
    assert world.deliver(saved) == [None]
    (message,) = world.team.shown
    resolved, verified = replies(message)
    assert "focuswatch will verify the savings on the bill" in resolved.text
    assert verified.text == "Verified on the bill: 11.52 USD/day saved since 2026-03-31."
    assert not verified.broadcast
    assert "Resolved" in message.text and verified.text in message.text
    assert not any(block["type"] == "actions" for block in message.blocks)


def test_verified_saving_stays_in_the_thread_when_the_owner_changes(world):
    """Whoever fixed it reads that thread."""
    world.deliver(notification(FINDING), notification(FINDING, "resolved", number=2))
    moved = SAVED.model_copy(update={"team": None})
    world.deliver(notification(moved, "saving_verified", number=3))
    assert len(replies(world.team.shown[0])) == 2
    assert world.finops.shown == []


def test_verified_saving_without_a_message_posts_none(world):
    """A finding that was in a digest only, or in no message at all."""
    listed = notification(FINDING, in_digest=True)
    saved = notification(SAVED, "saving_verified", number=2)
    assert "no message to reply to" in world.deliver(listed, saved)[-1]
    other = finding("other", team="search")
    assert "no message to reply to" in world.deliver(notification(other, "saving_verified"))[0]
    assert len(world.team.shown) == 1
    world.deliver(notification(FINDING, number=3))
    assert len(world.team.shown) == 2


def test_finding_that_is_back_is_a_new_message(world):
    """The thread of a resolved finding is no longer read."""
    world.deliver(
        notification(FINDING),
        notification(FINDING, "resolved", number=2),
        notification(FINDING, "new", number=3),
    )
    over, back = world.team.shown
    assert "Resolved" in over.text
    assert "Resolved" not in back.text


def test_notification_out_of_order_waits(world):
    """A queue keeps no order."""
    world.deliver(notification(FINDING))
    with pytest.raises(TryLater):
        world.deliver(notification(FINDING, "resolved", number=3))
    assert "Resolved" not in world.team.shown[0].text
    world.deliver(notification(COSTLIER, "changed", number=2), notification(FINDING, "resolved", number=3))
    assert len(replies(world.team.shown[0])) == 2


def test_notification_after_a_dead_letter_waits_half_a_day(world):
    """Otherwise a dead letter would block its finding."""
    world.deliver(notification(FINDING))
    after_a_dead_letter = notification(COSTLIER, "changed", number=3)
    with pytest.raises(TryLater, match="arrived before"):
        world.deliver(after_a_dead_letter)
    world.deliver(replace(after_a_dead_letter, age_seconds=GAP_SECONDS))
    assert "2,000" in world.team.shown[0].text
    assert world.deliver(notification(FINDING, "changed", number=2)) == [None]  # handed back too late


def test_older_notification_changes_nothing(world):
    """Notifications that were sent are not sent again."""
    world.deliver(notification(FINDING), notification(FINDING, "resolved", number=2))
    world.deliver(notification(FINDING))
    assert "Resolved" in world.team.shown[0].text


def test_change_of_a_finding_unknown_to_slack_is_posted_alone(world):
    """After 15 minutes."""
    late = notification(COSTLIER, "changed", number=5)
    with pytest.raises(TryLater):
        world.deliver(late)
    world.deliver(notification(COSTLIER, "changed", number=5, age_seconds=901.0))
    assert len(world.team.shown) == 1


def test_repeated_old_notification_keeps_the_doubt_about_a_later_one(world):
    """Otherwise a message could be posted twice."""
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
    """Deleted by a person or by retention; later replies are in the new thread."""
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
    """After each of its steps; it is there once."""
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
    """Before or after its effect."""
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
    """Connections are refused."""
    with world.server.refusing():
        for _ in range(4):
            with pytest.raises(FocuswatchError):
                world.deliver(notification(FINDING))
            world.now += 900
    deliver_until_done(world, notification(FINDING))
    assert len(world.team.shown) == 1


def test_missing_channel_is_refused_with_a_remedy(world):
    """It does not come back by itself."""
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#gone"}}})
    with pytest.raises(Refused, match="#gone.*config/owners.toml"):
        world.deliver(notification(FINDING))
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#team-search"}}})
    world.deliver(notification(FINDING))
    assert len(world.team.shown) == 1


def test_new_channel_with_the_name_of_an_archived_one_is_found(world):
    """A redriven message looks up the name again."""
    world.deliver(notification(FINDING))
    old = world.team
    old.archived, old.name = True, "team-search-old"
    new = world.server.workspace.channel("#team-search")
    with pytest.raises(Refused, match="is_archived"):
        world.deliver(notification(COSTLIER, "changed", number=2))
    world.deliver(notification(COSTLIER, "changed", number=2))
    assert len(new.shown) == 1


def test_invalid_token_loses_nothing(world):
    """Messages wait until it is corrected."""
    good, world.server.token = world.server.token, "xoxb-revoked"
    channel = world.channel()  # with the token as it was when it began
    world.server.token = good
    with pytest.raises(TryLater, match="focuswatch doctor"):
        channel.deliver(notification(FINDING))
    world.deliver(notification(FINDING))
    assert len(world.team.shown) == 1


def test_channel_without_the_bot_is_refused_with_a_remedy(world):
    """The bot is to be invited."""
    world.server.workspace.channel("#private", invited=False)
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "#private"}}})
    with pytest.raises(Refused, match="invite"):
        world.deliver(notification(FINDING))


def test_one_message_per_second_and_channel(world):
    """Across concurrent batches."""
    world.server.limit.burst = 1
    many = [finding(resource=f"r-{number}", team="search") for number in range(12)]
    world.deliver(*map(notification, many))
    assert len(world.team.shown) == 12
    assert all(args for args in world.server.called("chat.postMessage"))
    assert len(world.server.called("chat.postMessage")) == 12  # none was refused


def test_rate_limit_of_slack_pauses_every_batch(world):
    """Retry-After holds for those who have not heard it themselves."""
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
    """The messages are found in the channel."""
    world.deliver(notification(FINDING), notification(COSTLIER, "changed", number=2))
    world.table.delete_item(Key={"kind": "told in slack", "id": FINDING.fingerprint})
    assert world.deliver(notification(COSTLIER, "changed", number=2)) == [None]
    world.table.delete_item(Key={"kind": "told in slack", "id": FINDING.fingerprint})
    world.deliver(notification(FINDING, "resolved", number=3))
    (message,) = world.team.shown
    assert "Resolved" in message.text
    assert len(replies(message)) == 2


def test_lost_ledger_entry_posts_nothing(world):
    """The message is updated."""
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
SHOWN = {"new": (1, 0), "changed": (1, 1), "in a digest": (2, 0), "back again": (2, 1)}


@pytest.mark.parametrize("story", STORIES)
def test_kill_at_any_step_causes_no_loss_and_no_duplicate(story):
    """Before and after each call; then the work is repeated."""
    with slack_world(quick=True) as whole:
        deliver_until_done(whole, *STORIES[story])
        steps = whole.steps.taken
    assert steps > 3
    for number in range(1, steps + 1):
        for moment in ("kill_before", "kill_after"):
            with slack_world(quick=True) as world:
                world.steps = Steps(**{moment: number})
                deliver_until_done(world, *STORIES[story])
                shown = world.team.shown
                thread = sum(len(replies(one)) for one in shown)
                assert (len(shown), thread) == SHOWN[story], (moment, number)


def test_two_concurrent_batches_post_one_message(world):
    """One batch posts, and the other finds the message."""

    def attempt(_number):
        try:
            return world.channel().deliver(notification(FINDING))
        except TryLater:
            return "later"

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(attempt, range(8)))
    assert len(world.team.shown) == 1
    assert sum(one not in (None, "later") for one in done) == 1


def test_jumping_clock_causes_no_duplicate(world):
    """A run whose lease expired deletes what it posted."""
    first = world.channel()
    post = first.slack.post

    def slow_post(*args, **named):
        ts = post(*args, **named)
        del world.server.workspace.methods["conversations.history"]  # the other cannot look either
        world.server.workspace.methods["conversations.history"] = lambda _args: {"messages": []}
        world.now += 3600
        world.deliver(notification(FINDING))
        return ts

    first.slack = type("Slow", (), {"post": staticmethod(slow_post), "own_messages": lambda *_, **__: iter(()),
                                    "delete": staticmethod(world.slack().delete)})()  # fmt: skip
    with pytest.raises(TryLater):
        first.deliver(notification(FINDING))
    assert len(world.team.shown) == 1


def test_digest_is_one_message_that_grows(world):
    """Repeating it changes nothing."""
    many = [
        notification(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(30)
    ]
    world.deliver(*many[:10])
    world.deliver(*many[10:], *many[:5])
    (message,) = world.team.shown
    assert message.text.startswith("30 findings")
    edits = message.edits
    world.deliver(*many)
    assert message.edits == edits


def test_failed_digest_is_posted_when_its_lines_are_repeated(world):
    """The lines are written; the digest is not lost with its batch."""
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
    channel, ours = world.channel(), notification(FINDING, in_digest=True)
    for one in (ours, notification(finding(team="fraud", resource="b"), in_digest=True)):
        channel.deliver(one)
    world.team.archived = True
    failed = channel.flush()
    assert {id: type(error) for id, error in failed.items()} == {ours.news_id: Refused}
    assert len(world.server.workspace.named("#fraud", by_name=True).shown) == 1


def test_digest_with_expired_lines_is_not_changed(world):
    """A dead letter can be redriven after a month."""
    world.deliver(notification(FINDING, in_digest=True))
    for item in world.table.scan()["Items"]:
        if item["kind"].startswith("digest "):
            world.table.delete_item(Key={"kind": item["kind"], "id": item["id"]})
    assert world.deliver(notification(FINDING, in_digest=True)) == [None]
    assert world.team.shown[0].edits == 0


def test_changed_finding_of_a_digest_gets_a_message(world):
    """Then it is worth one."""
    world.deliver(notification(FINDING, in_digest=True))
    world.deliver(notification(COSTLIER, "changed", number=2))
    assert len(world.team.shown) == 2


def test_each_team_and_day_has_a_digest(world):
    """A digest of yesterday does not grow today."""
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
    """The team search has an incoming webhook; there is no bot."""
    pace = MessagePacing(world.table, channel="slack", clock=world.clock, sleep=world.sleep)

    def channel(url):
        digests = Digests(world.table, world.channel().digests.claims, world.clock, QUIET_SECONDS)
        hook = Webhook(url, pace, timeout_seconds=1)
        return replace(
            world.channel(), slack=hook, channels=Channels(world.table, hook), digests=digests, threads=False
        )

    urls = {"search": world.server.webhook(world.team), "#finops": world.server.webhook(world.finops)}
    return lambda catalog=CATALOG: SlackRoutes(None, channel, urls, world.owners, catalog)


def test_webhook_posts_each_change_as_a_message(world, by_webhook):
    """It can neither edit nor reply; a repeated notification is posted once."""
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
    """A detection on trial, or a team that is not in owners.toml."""
    detection = CATALOG.detections[FINDING.detection]
    trial = replace(detection, header=detection.header.model_copy(update={"status": "trial"}))
    by_webhook(replace(CATALOG, detections={FINDING.detection: trial})).deliver(notification(FINDING))
    world.owners = Owners.model_validate({})
    by_webhook().deliver(notification(finding(team="search", resource="b")))
    assert (len(world.team.shown), len(world.finops.shown)) == (0, 2)


def test_team_without_webhook_is_refused_without_a_bot(world, by_webhook):
    """With what to do."""
    world.owners = Owners.model_validate({"teams": {"fraud": {"channel": "#team-fraud"}}})
    with pytest.raises(Refused, match="fraud has no webhook, and the Slack secret has no bot token"):
        by_webhook().deliver(notification(finding(team="fraud")))


def test_digest_of_a_webhook_waits_for_its_last_line(world, by_webhook):
    """It cannot be edited."""
    many = [
        notification(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(9)
    ]
    for batch in (many[:4], many[4:]):
        routes = by_webhook()
        for one in batch:
            routes.deliver(one)
        assert all(isinstance(one, TryLater) for one in routes.flush().values())
        world.now += 60
    world.now += 121
    routes = by_webhook()
    routes.deliver(many[0])
    assert routes.flush() == {}
    (message,) = world.team.shown
    assert message.text.startswith("9 findings")


@pytest.mark.parametrize(("fault", "error"), [("down", Unsure), ("silent", Unsure)])
def test_failed_webhook_is_retried(world, by_webhook, fault, error):
    """At least once, since a webhook cannot read."""
    world.server.fault(fault, "webhook")
    with pytest.raises(error):
        by_webhook().deliver(notification(FINDING))
    world.now += 31
    by_webhook().deliver(notification(FINDING))
    assert world.team.shown


def test_revoked_webhook_is_refused_with_a_remedy(world, by_webhook):
    """It was revoked."""
    routes = by_webhook()
    world.server.workspace.webhooks.clear()
    with pytest.raises(Refused, match="Create a new webhook"):
        routes.deliver(notification(FINDING))


def test_channel_is_looked_up_among_the_channels_of_the_bot(world):
    """A large workspace takes one call."""
    for number in range(450):
        world.server.workspace.channel(f"#other-{number}", invited=False)
    late = world.server.workspace.channel("#late")
    assert world.slack().channel_id("#late") == late.id
    assert len(world.server.called("users.conversations")) == 1


@pytest.mark.parametrize("how", [{"invited": False}, {"invited": False, "private": True}, {"archived": True}])
def test_channel_of_which_the_bot_is_no_member_is_refused_with_a_remedy(world, how):
    """Whether it is there or not: the bot could not write to it."""
    world.server.workspace.channel("#far", **how)
    with pytest.raises(
        Refused, match=r"not a member of a channel named #far. Invite the bot with /invite @focuswatch"
    ):
        world.slack().channel_id("#far")


def test_channel_can_be_configured_by_id(world):
    """Nothing has to be looked for then."""
    world.owners = Owners.model_validate({"teams": {"search": {"channel": world.team.id}}})
    world.deliver(notification(FINDING))
    assert len(world.team.shown) == 1
    assert world.server.called("users.conversations") == []


def test_finding_for_other_channels_only_is_not_posted_and_later_changes_need_not_wait(world):
    """Security goes to Microsoft Teams until owners.toml says otherwise."""
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
    """Else it would promise for ever that something is wrong."""
    world.deliver(notification(FINDING))
    world.owners = Owners.model_validate({"teams": {"search": {"channel": "teams:search"}}})
    world.deliver(notification(FINDING, "resolved", number=2))
    assert "Resolved" in world.team.shown[0].text
    assert world.deliver(notification(FINDING, "new", number=3)) == [None]
    assert len(world.team.shown) == 1
