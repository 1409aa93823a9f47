"""News told in Slack once, in its order, whatever fails; over HTTP to a local Slack."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from focuswatch.errors import FocuswatchError, Refused, TryLater, Unsure
from focuswatch.notify.claims import LEASE_SECONDS
from focuswatch.notify.pacing import MessagePacing
from focuswatch.notify.queue_message import GAP_SECONDS
from focuswatch.notify.slack.deliver import Channels
from focuswatch.notify.slack.digest_queue import Digests
from focuswatch.notify.slack.webhook import QUIET_SECONDS, Routes, Webhook
from focuswatch.owners.owners_file import Owners
from tests.given.findings import DAY, finding
from tests.given.slack import CATALOG, Killed, Steps, news, telling

FOUND = finding(team="search")
DEARER = finding(team="search", cost="2000")


@pytest.fixture
def tell():
    """A Slack that nobody has written to."""
    with telling() as made:
        yield made


def replies(message):
    return [one for one in message.replies if not one.deleted]


def until_told(tell, *deliveries, patience=40):
    """Bring deliveries again and again, each when it asks to be, as the queue does."""
    left = list(deliveries)
    for _ in range(patience):
        for one in list(left):
            try:
                tell.tell(one)
                left.remove(one)
            except (TryLater, Unsure) as error:
                tell.now += getattr(error, "seconds", 30) + 1
            except Killed:
                tell.steps.kill_before = tell.steps.kill_after = None
                tell.now += LEASE_SECONDS + 1
        if not left:
            return
    raise AssertionError(f"not told after {patience} times: {left}")


def test_a_finding_is_one_message_in_its_teams_channel(tell):
    """Told twice, it is there once."""
    assert "posted" in tell.tell(news(FOUND))[0]
    assert tell.tell(news(FOUND)) == [None]
    (message,) = tell.team.shown
    assert message.metadata["event_payload"]["fingerprint"] == FOUND.fingerprint
    assert tell.finops.shown == []


def test_what_nobody_owns_goes_to_finops(tell):
    """And not to a team."""
    tell.tell(news(finding()))
    assert len(tell.finops.shown) == 1
    assert tell.team.shown == []


def test_a_change_edits_the_message_and_says_what_changed_in_its_thread(tell):
    """The channel has one message; its thread has the history."""
    tell.tell(news(FOUND), news(DEARER, "changed", number=2))
    (message,) = tell.team.shown
    assert "2,000" in message.text
    (reply,) = replies(message)
    assert "345.60" in reply.text
    assert "2,000" in reply.text
    assert reply.broadcast


def test_a_resolved_finding_says_so_and_offers_no_buttons(tell):
    """In the message and in its thread."""
    tell.tell(news(FOUND), news(FOUND, "resolved", number=2))
    (message,) = tell.team.shown
    assert "Resolved" in message.text
    assert not any(block["type"] == "actions" for block in message.blocks)
    assert len(replies(message)) == 1


def test_what_comes_back_is_a_new_message(tell):
    """Nobody reads the thread of what is over."""
    tell.tell(news(FOUND), news(FOUND, "resolved", number=2), news(FOUND, "new", number=3))
    over, back = tell.team.shown
    assert "Resolved" in over.text
    assert "Resolved" not in back.text


def test_news_waits_for_what_comes_before_it(tell):
    """A queue keeps no order; the second comes first and has to come back."""
    tell.tell(news(FOUND))
    with pytest.raises(TryLater):
        tell.tell(news(FOUND, "resolved", number=3))
    assert "Resolved" not in tell.team.shown[0].text
    tell.tell(news(DEARER, "changed", number=2), news(FOUND, "resolved", number=3))
    assert len(replies(tell.team.shown[0])) == 2


def test_news_waits_for_no_dead_letter_for_ever(tell):
    """Half a day; else one that nobody hands back would let a finding never be told again."""
    tell.tell(news(FOUND))
    after_a_dead_letter = news(DEARER, "changed", number=3)
    with pytest.raises(TryLater, match="comes before"):
        tell.tell(after_a_dead_letter)
    tell.tell(replace(after_a_dead_letter, age_seconds=GAP_SECONDS))
    assert "2,000" in tell.team.shown[0].text
    assert tell.tell(news(FOUND, "changed", number=2)) == [None]  # handed back too late


def test_older_news_that_comes_late_changes_nothing(tell):
    """What was told stays told."""
    tell.tell(news(FOUND), news(FOUND, "resolved", number=2))
    tell.tell(news(FOUND))
    assert "Resolved" in tell.team.shown[0].text


def test_a_change_of_what_was_told_before_there_was_slack_is_told_alone(tell):
    """After a quarter of an hour of patience."""
    late = news(DEARER, "changed", number=5)
    with pytest.raises(TryLater):
        tell.tell(late)
    tell.tell(news(DEARER, "changed", number=5, age_seconds=901.0))
    assert len(tell.team.shown) == 1


def test_old_news_that_comes_again_ends_no_doubt_about_later_news(tell):
    """Else what may have been posted would be posted again without a look."""
    tell.tell(news(FOUND))
    tell.server.fault("dropped", "chat.postMessage")
    with pytest.raises(Unsure):
        tell.tell(news(DEARER, "changed", number=2))
    tell.now += 31
    assert tell.tell(news(FOUND)) == [None]
    tell.now += 1
    tell.tell(news(DEARER, "changed", number=2))
    assert len(replies(tell.team.shown[0])) == 1


def test_a_message_that_somebody_deleted_is_posted_anew(tell):
    """A person, or the workspace's retention; what follows has its thread there."""
    tell.tell(news(FOUND))
    tell.team.shown[0].deleted = True
    tell.tell(news(DEARER, "changed", number=2))
    (message,) = tell.team.shown
    assert "2,000" in message.text
    tell.tell(news(FOUND, "resolved", number=3))
    assert "Resolved" in message.text
    assert len(replies(message)) == 1


@pytest.mark.parametrize("step", range(1, 8))
def test_posting_anew_what_was_deleted_may_be_killed(tell, step):
    """After each of its steps; it is there once."""
    tell.tell(news(FOUND))
    tell.team.shown[0].deleted = True
    tell.steps = Steps(kill_after=step)
    until_told(tell, news(DEARER, "changed", number=2))
    assert [len(replies(one)) for one in tell.team.shown] == [0]


def test_a_team_that_moved_hears_in_its_new_channel(tell):
    """The old message stays where it is."""
    tell.tell(news(FOUND))
    tell.server.workspace.channel("#search-costs")
    tell.owners = Owners.model_validate({"teams": {"search": {"channel": "#search-costs"}}})
    tell.tell(news(DEARER, "changed", number=2))
    assert len(tell.team.shown) == 1
    assert len(tell.server.workspace.named("#search-costs", by_name=True).shown) == 1


@pytest.mark.parametrize("fault", ["down", "error", "dropped", "silent"])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "conversations.history"])
def test_a_call_that_fails_loses_and_doubles_nothing(tell, fault, method):
    """Whether it failed before or after it was done."""
    tell.server.fault(fault, method)
    until_told(tell, news(FOUND), news(DEARER, "changed", number=2), news(FOUND, "resolved", number=3))
    (message,) = tell.team.shown
    assert "Resolved" in message.text
    assert len(replies(message)) == 2


def test_an_hour_without_slack_loses_nothing(tell):
    """Connections refused."""
    with tell.server.refusing():
        for _ in range(4):
            with pytest.raises(FocuswatchError):
                tell.tell(news(FOUND))
            tell.now += 900
    until_told(tell, news(FOUND))
    assert len(tell.team.shown) == 1


def test_a_channel_that_is_not_there_is_refused_with_what_to_do(tell):
    """It does not come back by itself."""
    tell.owners = Owners.model_validate({"teams": {"search": {"channel": "#gone"}}})
    with pytest.raises(Refused, match="#gone.*config/owners.toml"):
        tell.tell(news(FOUND))
    tell.owners = Owners.model_validate({"teams": {"search": {"channel": "#team-search"}}})
    tell.tell(news(FOUND))
    assert len(tell.team.shown) == 1


def test_a_new_channel_of_an_archived_ones_name_is_found(tell):
    """When what was refused is handed back, the name is looked up anew; what changes is told there."""
    tell.tell(news(FOUND))
    old = tell.team
    old.archived, old.name = True, "team-search-old"
    new = tell.server.workspace.channel("#team-search")
    with pytest.raises(Refused, match="is_archived"):
        tell.tell(news(DEARER, "changed", number=2))
    tell.tell(news(DEARER, "changed", number=2))
    assert len(new.shown) == 1


def test_a_token_that_is_no_longer_good_loses_nothing(tell):
    """It is put right sooner or later, and everything waits for it."""
    good, tell.server.token = tell.server.token, "xoxb-revoked"
    channel = tell.channel()  # with the token as it was when it began
    tell.server.token = good
    with pytest.raises(TryLater, match="focuswatch doctor"):
        channel.tell(news(FOUND))
    tell.tell(news(FOUND))
    assert len(tell.team.shown) == 1


def test_a_channel_without_the_bot_is_refused_with_what_to_do(tell):
    """The bot is to be invited."""
    tell.server.workspace.channel("#private", invited=False)
    tell.owners = Owners.model_validate({"teams": {"search": {"channel": "#private"}}})
    with pytest.raises(Refused, match="invite"):
        tell.tell(news(FOUND))


def test_one_message_a_second_a_channel(tell):
    """Whatever the number of batches that tell at once."""
    tell.server.limit.burst = 1
    many = [finding(resource=f"r-{number}", team="search") for number in range(12)]
    tell.tell(*map(news, many))
    assert len(tell.team.shown) == 12
    assert all(args for args in tell.server.called("chat.postMessage"))
    assert len(tell.server.called("chat.postMessage")) == 12  # none was refused


def test_when_slack_wants_a_pause_every_batch_makes_one(tell):
    """Retry-After holds for those who have not heard it themselves."""
    tell.server.limit.burst, tell.server.limit.a_second = 1, 0.02
    tell.tell(news(FOUND))
    with pytest.raises(TryLater) as first:
        tell.tell(news(finding(resource="b", team="search")))
    asked = len(tell.server.called("chat.postMessage"))
    with pytest.raises(TryLater) as second:
        tell.channel().tell(news(finding(resource="c", team="search")))
    assert len(tell.server.called("chat.postMessage")) == asked
    assert 0 < second.value.seconds <= first.value.seconds


def test_lost_rows_double_nothing(tell):
    """What the channel shows is found again there."""
    tell.tell(news(FOUND), news(DEARER, "changed", number=2))
    tell.table.delete_item(Key={"kind": "told in slack", "id": FOUND.fingerprint})
    assert tell.tell(news(DEARER, "changed", number=2)) == [None]
    tell.table.delete_item(Key={"kind": "told in slack", "id": FOUND.fingerprint})
    tell.tell(news(FOUND, "resolved", number=3))
    (message,) = tell.team.shown
    assert "Resolved" in message.text
    assert len(replies(message)) == 2


def test_an_entry_that_was_lost_and_is_new_again_posts_nothing(tell):
    """Its owner has heard of it; the message is brought up to date."""
    tell.tell(news(FOUND, number=1000, first=True))
    tell.tell(news(DEARER, number=2000, first=True))
    (message,) = tell.team.shown
    assert "2,000" in message.text
    assert not replies(message)
    tell.tell(news(FOUND, "resolved", number=2001))
    assert len(tell.team.shown) == 1


STORIES = {
    "new": [news(FOUND)],
    "changed": [news(FOUND), news(DEARER, "changed", number=2)],
    "in a digest": [news(FOUND, in_digest=True), news(FOUND, "resolved", number=2)],
    "back again": [news(FOUND), news(FOUND, "resolved", number=2), news(FOUND, number=3)],
}
SHOWN = {"new": (1, 0), "changed": (1, 1), "in a digest": (2, 0), "back again": (2, 1)}


@pytest.mark.parametrize("story", STORIES)
def test_a_process_killed_between_any_two_steps_loses_and_doubles_nothing(story):
    """Before and after each call of Slack and of the table; then the queue brings everything again."""
    with telling() as whole:
        until_told(whole, *STORIES[story])
        steps = whole.steps.taken
    assert steps > 3
    for number in range(1, steps + 1):
        for moment in ("kill_before", "kill_after"):
            with telling() as tell:
                tell.steps = Steps(**{moment: number})
                until_told(tell, *STORIES[story])
                shown = tell.team.shown
                thread = sum(len(replies(one)) for one in shown)
                assert (len(shown), thread) == SHOWN[story], (moment, number)


def test_two_batches_at_once_post_one_message(tell):
    """One tells, the other comes back and finds it told."""

    def attempt(_number):
        try:
            return tell.channel().tell(news(FOUND))
        except TryLater:
            return "later"

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(attempt, range(8)))
    assert len(tell.team.shown) == 1
    assert sum(one not in (None, "later") for one in done) == 1


def test_a_clock_that_jumps_ahead_doubles_nothing(tell):
    """Whoever was taken for gone takes back what it posted."""
    first = tell.channel()
    post = first.slack.post

    def slow_post(*args, **named):
        ts = post(*args, **named)
        del tell.server.workspace.methods["conversations.history"]  # the other cannot look either
        tell.server.workspace.methods["conversations.history"] = lambda _args: {"messages": []}
        tell.now += 3600
        tell.tell(news(FOUND))
        return ts

    first.slack = type("Slow", (), {"post": staticmethod(slow_post), "told": lambda *_, **__: iter(()),
                                    "delete": staticmethod(tell.slack().delete)})()  # fmt: skip
    with pytest.raises(TryLater):
        first.tell(news(FOUND))
    assert len(tell.team.shown) == 1


def test_a_digest_tells_in_sum_what_is_too_much(tell):
    """One message, brought up to date as it grows; the same again changes nothing."""
    many = [news(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(30)]
    tell.tell(*many[:10])
    tell.tell(*many[10:], *many[:5])
    (message,) = tell.team.shown
    assert message.text.startswith("30 more findings")
    edits = message.edits
    tell.tell(*many)
    assert message.edits == edits


def test_a_digest_whose_post_failed_is_told_when_its_lines_come_again(tell):
    """The lines are written; the digest is not lost with its batch."""
    batch = [news(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(3)]
    tell.server.fault("dropped", "chat.postMessage")
    with pytest.raises(Unsure):
        tell.tell(*batch)
    tell.now += 31
    tell.tell(*batch)
    (message,) = tell.team.shown
    assert message.text.startswith("3 more findings")


def test_a_digest_that_fails_takes_no_other_with_it(tell):
    """Each is for a channel and a team; what failed is named by its news."""
    tell.server.workspace.channel("#fraud")
    teams = {"search": {"channel": "#team-search"}, "fraud": {"channel": "#fraud"}}
    tell.owners = Owners.model_validate({"teams": teams})
    channel, ours = tell.channel(), news(FOUND, in_digest=True)
    for one in (ours, news(finding(team="fraud", resource="b"), in_digest=True)):
        channel.tell(one)
    tell.team.archived = True
    failed = channel.flush()
    assert {id: type(error) for id, error in failed.items()} == {ours.news_id: Refused}
    assert len(tell.server.workspace.named("#fraud", by_name=True).shown) == 1


def test_a_digest_whose_lines_are_forgotten_is_left_as_it_is(tell):
    """A dead letter that is handed back after a month breaks nothing."""
    tell.tell(news(FOUND, in_digest=True))
    for item in tell.table.scan()["Items"]:
        if item["kind"].startswith("digest "):
            tell.table.delete_item(Key={"kind": item["kind"], "id": item["id"]})
    assert tell.tell(news(FOUND, in_digest=True)) == [None]
    assert tell.team.shown[0].edits == 0


def test_a_finding_of_a_digest_that_changes_gets_a_message_of_its_own(tell):
    """Then it is worth one."""
    tell.tell(news(FOUND, in_digest=True))
    tell.tell(news(DEARER, "changed", number=2))
    assert len(tell.team.shown) == 2


def test_each_team_has_a_digest_of_each_day(tell):
    """A digest of yesterday does not grow today."""
    tomorrow = FOUND.model_copy(update={"as_of": DAY + timedelta(days=1)})
    tell.tell(news(FOUND, in_digest=True))
    tell.tell(
        news(
            finding(resource="b", team="search").model_copy(update={"as_of": tomorrow.as_of}), in_digest=True
        )
    )
    assert len(tell.team.shown) == 2


@pytest.fixture
def by_webhook(tell):
    """The team search has an incoming webhook; there is no bot."""
    pace = MessagePacing(tell.table, channel="slack", clock=tell.clock, sleep=tell.sleep)

    def channel(url):
        digests = Digests(tell.table, tell.channel().digests.claims, tell.clock, QUIET_SECONDS)
        hook = Webhook(url, pace, timeout_seconds=1)
        return replace(
            tell.channel(), slack=hook, channels=Channels(tell.table, hook), digests=digests, threads=False
        )

    urls = {"search": tell.server.webhook(tell.team), "#finops": tell.server.webhook(tell.finops)}
    return lambda catalog=CATALOG: Routes(None, channel, urls, tell.owners, catalog)


def test_a_webhook_tells_each_change_in_a_message_of_its_own(tell, by_webhook):
    """It can neither edit nor thread; the same twice is still told once."""
    for _ in range(2):
        for one in (news(FOUND), news(DEARER, "changed", number=2), news(FOUND, "resolved", number=3)):
            by_webhook().tell(one)
    assert len(tell.team.shown) == 3
    assert "Resolved" in tell.team.shown[-1].text
    assert not any(block["type"] == "actions" for one in tell.team.shown for block in one.blocks)


def test_what_is_no_matter_of_a_team_goes_not_through_its_webhook(tell, by_webhook):
    """A detection on trial, or a team that owners.toml names no more: FinOps hears of it."""
    found = CATALOG.detections[FOUND.detection]
    trial = replace(found, header=found.header.model_copy(update={"status": "trial"}))
    by_webhook(replace(CATALOG, detections={FOUND.detection: trial})).tell(news(FOUND))
    tell.owners = Owners.model_validate({})
    by_webhook().tell(news(finding(team="search", resource="b")))
    assert (len(tell.team.shown), len(tell.finops.shown)) == (0, 2)


def test_a_team_without_webhook_is_refused_where_there_is_no_bot(tell, by_webhook):
    """With what to do."""
    tell.owners = Owners.model_validate({"teams": {"fraud": {"channel": "#team-fraud"}}})
    with pytest.raises(Refused, match="fraud has no webhook and there is no bot token"):
        by_webhook().tell(news(finding(team="fraud")))


def test_a_webhooks_digest_waits_until_nothing_is_added(tell, by_webhook):
    """Since what it posted it cannot edit."""
    many = [news(finding(resource=f"r-{number}", team="search"), in_digest=True) for number in range(9)]
    for batch in (many[:4], many[4:]):
        routes = by_webhook()
        for one in batch:
            routes.tell(one)
        assert all(isinstance(one, TryLater) for one in routes.flush().values())
        tell.now += 60
    tell.now += 121
    routes = by_webhook()
    routes.tell(many[0])
    assert routes.flush() == {}
    (message,) = tell.team.shown
    assert message.text.startswith("9 more findings")


@pytest.mark.parametrize(("fault", "error"), [("down", Unsure), ("silent", Unsure)])
def test_a_webhook_that_fails_is_tried_again(tell, by_webhook, fault, error):
    """At least once, since nobody can look."""
    tell.server.fault(fault, "webhook")
    with pytest.raises(error):
        by_webhook().tell(news(FOUND))
    tell.now += 31
    by_webhook().tell(news(FOUND))
    assert tell.team.shown


def test_a_webhook_that_is_gone_is_refused_with_what_to_do(tell, by_webhook):
    """It was revoked."""
    routes = by_webhook()
    tell.server.workspace.webhooks.clear()
    with pytest.raises(Refused, match="make a new one"):
        routes.tell(news(FOUND))


def test_a_channel_is_looked_for_among_the_bots_own(tell):
    """A workspace of thousands takes one call: the bot is in few of them."""
    for number in range(450):
        tell.server.workspace.channel(f"#other-{number}", invited=False)
    late = tell.server.workspace.channel("#late")
    assert tell.slack().channel_id("#late") == late.id
    assert len(tell.server.called("users.conversations")) == 1


@pytest.mark.parametrize("how", [{"invited": False}, {"invited": False, "private": True}, {"archived": True}])
def test_a_channel_that_the_bot_is_not_in_is_refused_with_what_to_do(tell, how):
    """Whether it is there or not: the bot could not write to it."""
    tell.server.workspace.channel("#far", **how)
    with pytest.raises(Refused, match=r"in no channel called #far: invite it there, /invite @focuswatch"):
        tell.slack().channel_id("#far")


def test_a_channel_may_be_named_by_its_id(tell):
    """Nothing has to be looked for then."""
    tell.owners = Owners.model_validate({"teams": {"search": {"channel": tell.team.id}}})
    tell.tell(news(FOUND))
    assert len(tell.team.shown) == 1
    assert tell.server.called("users.conversations") == []
