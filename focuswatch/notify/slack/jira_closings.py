"""Issues that people closed in Jira, told in the thread of the finding's message: why it is silent, and until when."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from focuswatch.errors import DeliveryError
from focuswatch.ledger.ledger_entry import Suppression
from focuswatch.notify.claims import Claims
from focuswatch.notify.slack.blocks import rich, section, words
from focuswatch.notify.slack.deliver import SlackState
from focuswatch.notify.slack.mrkdwn import TEXT_CHARACTERS, escaped_within, one_line
from focuswatch.notify.slack.post_once import OncePoster

SOURCE = "jira "  # how the source of a silence begins that came from there
TOLD_DAYS = 7  # so long a closing is news; a Slack that was down for longer has other news


@dataclass(frozen=True)
class JiraClosings:
    """Tells closings once each, where the bot told of the finding itself."""

    poster: OncePoster
    messages: Claims[SlackState]
    progress: Callable[[str], None]

    def notify(self, silences: Iterable[Suppression], *, today: date) -> int:
        """How many were told now; one that fails is tried again tomorrow, and stops no other."""
        return sum(self._notify(one) for one in _lately(silences, today=today))

    def _notify(self, closing: Suppression) -> bool:
        known = self.messages.state_of(closing.value)
        if known is None or known.ts is None:
            return False
        try:
            return self.poster.post(
                str(closing.source), render_closing(closing), channel=known.channel, thread=known.ts
            )
        except DeliveryError as error:
            self.progress(f"{closing.source} could not be told in its thread: {error}")
            return False


def render_closing(closing: Suppression) -> dict[str, Any]:
    """The reply in the thread."""
    until = (
        f" until {closing.until}; if it is still there then, you hear of it again" if closing.until else ""
    )
    said = (
        f"{closing.author} {closing.reason}. Nothing more is said of it{until}. "
        f"To hear of it sooner: focuswatch unsilence {closing.id}"
    )
    text = escaped_within(one_line(said), TEXT_CHARACTERS)
    return {"text": text, "blocks": [rich(section([words(said, most=1500)]))]}


def _lately(silences: Iterable[Suppression], *, today: date) -> Iterator[Suppression]:
    for one in silences:
        is_new = today - one.since <= timedelta(days=TOLD_DAYS) and one.is_active_on(today)
        if is_new and one.scope == "fingerprint" and (one.source or "").startswith(SOURCE):
            yield one
