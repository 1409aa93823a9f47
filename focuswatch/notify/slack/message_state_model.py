"""The state of an incident's Slack message, as stored in its claim between deliveries."""

from typing import Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import notification_number
from focuswatch.notify.slack.finding_message import RecordedResponse
from focuswatch.notify.slack.message_metadata import FindingMessage
from focuswatch.notify.slack.message_poster_protocol import NO_TIMESTAMP


class SlackState(BaseModel):
    """The stored state of an incident's message, with `finding` as last shown.

    `ts` is None without a separate message, and NO_TIMESTAMP if a webhook posted the message. `last_number` is the
    number of the last delivered notification of `finding`. `earlier` has the last numbers of the findings that led the
    incident before.
    """

    model_config = ConfigDict(frozen=True)
    channel: str
    ts: str | None = None
    last_number: int = Field(validation_alias=AliasChoices("told", "last_number"), serialization_alias="told")
    open: bool = True
    finding: Finding | None = None
    response: RecordedResponse | None = Field(
        default=None, validation_alias=AliasChoices("answered", "response"), serialization_alias="answered"
    )
    earlier: dict[str, int] = {}

    @classmethod
    def of_message(cls, message: FindingMessage, *, channel: str) -> Self:
        """Return the state according to a message that was found in a channel."""
        number = notification_number(message.notification_id)
        return cls(channel=channel, ts=message.ts, last_number=number, open=message.is_open)

    def number_of(self, fingerprint: str) -> int | None:
        """Return the number of the last delivered notification of a finding; None if there is none."""
        if self.finding is None or self.finding.fingerprint == fingerprint:
            return self.last_number
        return self.earlier.get(fingerprint)

    @property
    def editable_ts(self) -> str | None:
        """The ts with which the bot can edit the message and reply to it; None without a message of the bot."""
        return None if self.ts == NO_TIMESTAMP else self.ts

    def other_than(self, fingerprint: str) -> Finding | None:
        """Return the finding that the message is about if it is another finding; otherwise None."""
        return self.finding if self.finding and self.finding.fingerprint != fingerprint else None
