"""Announce a pause or its end in the finding's Slack message and thread, and in a comment on its Jira issue.

Every step is safe to repeat: OncePoster posts the Slack message once per name, and the Jira comment contains a mark.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from focuswatch.controls.attach_or_detach_deny_policy import undo_command
from focuswatch.controls.spending_button_content import paused_text, role_count
from focuswatch.controls.use_case_pause_model import PauseRecord
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.escape_and_shorten_wiki_text import escaped, verbatim
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.one_line_and_truncated_text import one_line
from focuswatch.notify.slack.block_kit_elements import code, rich, section, words
from focuswatch.notify.slack.deliver import SlackChannel
from focuswatch.notify.slack.escape_and_shorten_slack_text import TEXT_CHARACTERS, escaped_within
from focuswatch.notify.slack.post_once import OncePoster
from focuswatch.notify.slack.update_posted_message_after_response_or_spending_control import (
    show_spending_control,
)

COMMAND_CHARACTERS = 500
LINE_CHARACTERS = 2000
MOST_COMMANDS = 10


@dataclass(frozen=True)
class PauseAnnouncer:
    """Announces changes of pause records.

    `channel_of` returns the Slack channel for a use case if the bot posted no message about its finding. `slack` and
    `jira` are None if the deployment does not use them.
    """

    policy_name: str
    slack: SlackChannel | None
    poster: OncePoster | None
    channel_of: Callable[[str], str | None]
    jira: JiraClient | None
    issues: Claims[IssueState]

    def announce(self, record: PauseRecord) -> None:
        """Announce the last change of `record`. Raises TryLater, Unsure or Refused; safe to repeat."""
        if self.slack and self.poster:
            self._in_slack(record, self.slack, self.poster)
        if self.jira and record.fingerprint:
            self._in_jira(record, self.jira, record.fingerprint)

    def _in_slack(self, record: PauseRecord, slack: SlackChannel, poster: OncePoster) -> None:
        message = slack.claims.state_of(record.fingerprint) if record.fingerprint else None
        thread = message.editable_ts if message else None
        name = self.channel_of(record.use_case)
        channel = message.channel if message and thread else name and slack.channels.id(name)
        if channel is None:
            return  # the team has no Slack channel
        poster.post(
            f"pause {record.use_case} {record.number}",
            render_pause(record, policy_name=self.policy_name),
            channel=channel,
            thread=thread,
        )
        if record.fingerprint:
            show_spending_control(slack, record.fingerprint)

    def _in_jira(self, record: PauseRecord, jira: JiraClient, fingerprint: str) -> None:
        state = self.issues.state_of(fingerprint)
        if state is None or state.key is None:
            return
        mark = escaped(
            f"Spending control of use case {record.use_case}: change {record.number}", longest=LINE_CHARACTERS
        )
        if jira.has_comment_with(state.key, mark):
            return
        lines = [escaped(line, longest=LINE_CHARACTERS) for line in (headline(record), *_details(record))]
        commands = [verbatim(one, longest=COMMAND_CHARACTERS) for one in _commands(record, self.policy_name)]
        jira.comment(state.key, "\n".join([*lines, *commands, mark]))


def render_pause(record: PauseRecord, *, policy_name: str) -> dict[str, Any]:
    """Return the Slack message about the last change of a record, with the commands to end a pause manually."""
    text = " ".join([headline(record), *_details(record)])
    commands = [code(one, most=COMMAND_CHARACTERS) for one in _commands(record, policy_name)]
    return {
        "text": escaped_within(one_line(text), TEXT_CHARACTERS),
        "blocks": [rich(section([words(text, most=1500)]), *commands)],
    }


def headline(record: PauseRecord) -> str:
    """Return a sentence that says who paused or resumed the spending, until when and why."""
    if record.state == "removed":
        dry = "Dry run (no role was changed): " if record.dry_run else ""
        ended = "is not paused" if record.was_never_applied else f"was resumed by {record.author}"
        return f"{dry}Spending for use case {record.use_case} {ended}. Reason: {record.reason}."
    is_of_author = not record.history or record.history[-1].author == record.author
    return (
        f"{paused_text(record)} {'Reason' if is_of_author else 'Last change'}: {record.reason.rstrip('.')}."
    )


def _details(record: PauseRecord) -> list[str]:
    """Return sentences for people, the most important first, because Slack shows only the start of a long text."""
    details = []
    if record.is_paused and not record.dry_run:
        details.append(
            "To resume spending, press Resume, or run each command below in the account that contains the role."
        )
        if (more := len(record.roles) - MOST_COMMANDS) > 0:
            details.append(
                f"For the other {role_count(more)}, run the same command with the role name and account ID of "
                "each role."
            )
    if record.is_paused:
        details.append(f"The pause affects {role_count(len(record.roles))}: {', '.join(record.roles)}.")
    return details + [
        f"focuswatch could not pause {role}: {why}." for role, why in sorted(record.failed.items())
    ]


def _commands(record: PauseRecord, policy_name: str) -> list[str]:
    if not record.is_paused or record.dry_run:
        return []
    return [undo_command(role, policy_name=policy_name) for role in record.roles[:MOST_COMMANDS]]
