"""Update the Slack message of a finding after a response, and when its spending control changes."""

from contextlib import suppress

from focuswatch.notify.slack.deliver import SlackChannel
from focuswatch.notify.slack.finding_message import RecordedResponse
from focuswatch.notify.slack.message_poster_protocol import MessageGone


def show_response(channel: SlackChannel, incident: str, response: RecordedResponse) -> None:
    """Show a response in the message of its incident. Raises as `SlackChannel.deliver` does."""
    with channel.claims.held(incident) as claim:
        state = claim.state
        if state is None or state.editable_ts is None or state.finding is None or state.response == response:
            return
        payload = channel.render(
            state.finding,
            kind="reminder",
            notification_id=f"{state.finding.fingerprint}-{state.last_number}",
            response=response,
        )
        with suppress(MessageGone):  # the response stays recorded without the message
            channel.slack.update(state.channel, state.editable_ts, payload)
        channel.claims.settle(claim, state.model_copy(update={"response": response}))


def show_spending_control(channel: SlackChannel, fingerprint: str) -> None:
    """Show the current spending control in the message of a finding. Raises as `SlackChannel.deliver` does."""
    with channel.claims.held(fingerprint) as claim:
        state = claim.state
        if state is None or state.editable_ts is None or state.finding is None:
            return
        payload = channel.render(
            state.finding,
            kind="reminder" if state.open else "resolved",
            notification_id=f"{fingerprint}-{state.last_number}",
            response=state.response,
        )
        with suppress(MessageGone):  # the pause stays in effect without the message
            channel.slack.update(state.channel, state.editable_ts, payload)
