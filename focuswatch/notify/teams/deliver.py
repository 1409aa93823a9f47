"""Deliver notifications to Microsoft Teams: one message per notification, with signed links to respond.

A webhook can neither edit nor read messages. So each change is a new message, and a post with an unknown outcome is
repeated: no notification is lost, but a message may appear twice if a response is lost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from focuswatch.findings.finding import Finding
from focuswatch.notify.cloud_console_and_athena_links import console_text, console_url
from focuswatch.notify.deliver_once_to_each_address import SentNotification
from focuswatch.notify.digest_line import DigestLine
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.teams.build_response_links_of_finding import response_links
from focuswatch.notify.teams.client import TeamsWebhooks
from focuswatch.notify.teams.finding_and_digest_cards import render_card, render_digest_card, render_note


@dataclass(frozen=True)
class TeamsSender:
    """Posts to webhooks; `clock` returns seconds since 1970.

    `endpoint_url` is the base URL of the function `answer`, to which response links lead.
    """

    webhooks: TeamsWebhooks
    endpoint_url: str
    clock: Callable[[], float]

    def send(
        self, delivery: QueuedNotification, *, address: str, previous: SentNotification | None, unsure: bool
    ) -> str:
        """Post the message of a notification; see focuswatch.notify.deliver_once_to_each_address.Sender."""
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
        """Post a digest; see focuswatch.notify.digests_for_post_only_channels.DigestSender."""
        self.webhooks.post(address, render_digest_card(lines, team=team, as_of=as_of))

    def send_note(self, text: str, *, address: str) -> None:
        """Post one sentence. Raises TryLater, Unsure or Refused."""
        self.webhooks.post(address, render_note(text))

    def _links(self, finding: Finding, *, address: str) -> Mapping[str, str | None]:
        """Return URLs by button text; response links are included only if the team may respond to the finding."""
        url = console_url(finding.resource_id)
        console = {console_text(url): url}
        if not finding.suppressible_by_team:
            return console
        secret = self.webhooks.secret.signing_secret
        responses = response_links(
            finding, address=address, endpoint_url=self.endpoint_url, secret=secret, now=self.clock()
        )
        return {**responses, **console}
