"""Deliver notifications to Microsoft Teams: one message per notification, with signed links to respond.

A webhook can neither edit nor read. So each change is a new message, and a post with an unknown outcome is repeated:
nothing is lost, and after a lost response a message may appear twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_text import main_amount
from focuswatch.notify.console_and_query_links import console_text, console_url
from focuswatch.notify.deliver_to_addresses import SentNotification
from focuswatch.notify.not_waste_or_expected_label import not_waste_label
from focuswatch.notify.place_and_owner_names import account_of_finding
from focuswatch.notify.queued_notification_and_turn import QueuedNotification
from focuswatch.notify.slack.digest_message import DigestLine
from focuswatch.notify.slack.mrkdwn import one_line, truncate
from focuswatch.notify.teams.client import TeamsWebhooks
from focuswatch.notify.teams.finding_and_digest_cards import render_card, render_digest_card, render_note
from focuswatch.notify.teams.signed_action import (
    ABOUT_CHARACTERS,
    DAY_SECONDS,
    LINK_DAYS,
    LinkAction,
    SignedAction,
)


@dataclass(frozen=True)
class TeamsSender:
    """Posts to webhooks; `door` is the address of the function `answer`, `clock` returns seconds since 1970."""

    webhooks: TeamsWebhooks
    door: str
    clock: Callable[[], float]

    def send(
        self, delivery: QueuedNotification, *, address: str, previous: SentNotification | None, unsure: bool
    ) -> str:
        """Post the message of a notification; see Sender."""
        finding = delivery.finding
        is_first = previous is None or (delivery.kind == "new" and not previous.is_open)
        message = render_card(
            finding,
            kind="new" if is_first and delivery.kind == "changed" else delivery.kind,
            today=datetime.fromtimestamp(self.clock(), UTC).date(),
            before=previous.finding if previous else None,
            links=self._links(finding, address=address),
        )
        self.webhooks.post(address, message)
        return f"{'posted (possibly twice)' if unsure else 'posted'} in teams:{address}"

    def send_digest(
        self, lines: Sequence[DigestLine], *, address: str, team: str | None, as_of: date
    ) -> None:
        """Post a digest; see DigestSender."""
        self.webhooks.post(address, render_digest_card(lines, team=team, as_of=as_of))

    def send_note(self, text: str, *, address: str) -> None:
        """Post one sentence. Raises TryLater, Unsure or Refused."""
        self.webhooks.post(address, render_note(text))

    def _links(self, finding: Finding, *, address: str) -> Mapping[str, str | None]:
        """Return the links by the text of their buttons; without actions that the team may not take."""
        url = console_url(finding.resource_id)
        console = {console_text(url): url}
        if not finding.suppressible_by_team:
            return console
        muting = not_waste_label(finding)
        actions: dict[str, LinkAction] = {
            "Acknowledge": "acknowledge",
            "Snooze 7 days": "snooze_7",
            "Snooze 30 days": "snooze_30",
            muting: "not_waste",
        }
        signed = {
            text: self._signed(finding, action=action, address=address, muting=muting)
            for text, action in actions.items()
        }
        return {**signed, **console}

    def _signed(self, finding: Finding, *, action: LinkAction, address: str, muting: str) -> str:
        about = f"{finding.title}: {account_of_finding(finding)}, {main_amount(finding)}"
        return SignedAction(
            action=action,
            finding=finding.fingerprint,
            address=address,
            about=truncate(one_line(about), ABOUT_CHARACTERS),
            until=int(self.clock()) + LINK_DAYS * DAY_SECONDS,
            muting=muting,
        ).link(self.door, secret=self.webhooks.secret.signing_secret)
