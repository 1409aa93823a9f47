"""Post in the Slack thread of a finding that someone closed its Jira issue, and until when the finding is muted."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from focuswatch.errors import DeliveryError
from focuswatch.ledger.suppression import Suppression
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.one_line_and_truncated_text import one_line
from focuswatch.notify.slack.block_kit_elements import rich, section, words
from focuswatch.notify.slack.escape_and_shorten_slack_text import TEXT_CHARACTERS, escaped_within
from focuswatch.notify.slack.message_state_model import SlackState
from focuswatch.notify.slack.post_once import OncePoster

MAX_AGE_DAYS = 7  # older closings are not posted, e.g. after a long outage


@dataclass(frozen=True)
class JiraClosings:
    """Posts one reply for each closed issue, if the bot posted a message about its finding."""

    poster: OncePoster
    messages: Claims[SlackState]
    progress: Callable[[str], None]

    def notify(self, suppressions: Iterable[Suppression], *, today: date) -> int:
        """Post the replies, and return how many were posted now.

        A failed reply does not stop the others, and is retried the next day.
        """
        return sum(self._notify(closing) for closing in _recent(suppressions, today=today))

    def _notify(self, closing: Suppression) -> bool:
        message = self.messages.state_of(closing.value)
        if message is None or message.editable_ts is None:
            return False
        try:
            return self.poster.post(
                str(closing.source),
                render_closing(closing),
                channel=message.channel,
                thread=message.editable_ts,
            )
        except DeliveryError as error:
            self.progress(
                f"the reply about the closed issue {closing.source} could not be posted in the thread: {error}"
            )
            return False


def render_closing(closing: Suppression) -> dict[str, Any]:
    """Return the reply to post in the thread."""
    until = (
        f" until {closing.until}. If the finding is still open on this date, you will be notified again"
        if closing.until
        else ""
    )
    text = (
        f"{closing.author} {closing.reason}. This finding is muted{until}. "
        f"To unmute the finding now, run: focuswatch unsuppress {closing.id}"
    )
    fallback = escaped_within(one_line(text), TEXT_CHARACTERS)
    return {"text": fallback, "blocks": [rich(section([words(text, most=1500)]))]}


def _recent(suppressions: Iterable[Suppression], *, today: date) -> Iterator[Suppression]:
    for suppression in suppressions:
        is_new = today - suppression.since <= timedelta(days=MAX_AGE_DAYS) and suppression.is_active_on(today)
        if is_new and suppression.scope == "fingerprint" and suppression.is_closed_issue:
            yield suppression
