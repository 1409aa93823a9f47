"""After a button press in Slack or a form sent from a Teams link: record the response, and show it in the channels."""

from functools import cache
from typing import Any

from focuswatch.errors import Refused
from focuswatch.notify.record_response_once import PersonResponse
from focuswatch.notify.retry_or_dead_letter_batch import Record
from focuswatch.notify.slack.authorize_and_record_response import ResponseRecorder
from focuswatch.notify.slack.verify_and_parse_slack_interactions import UserResponse
from focuswatch.notify.teams.record_link_response_and_notify_channel import LinkRecorder
from focuswatch.notify.teams.submitted_link_response_as_queue_message import LinkResponse
from lambdas.function_decorator import Invocation, lambda_function, logger
from lambdas.process_queue_batch_and_report_failed_messages import process_records, report_batch


@lambda_function("record")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Record a batch of responses, each with its author."""
    run = invocation.run
    pagerduty = run.pagerduty_responses()

    def show_in_pagerduty(response: PersonResponse) -> None:
        try:
            if pagerduty and (done := pagerduty.show_response(response.fingerprint, response.action)):
                logger.info(f"{response.fingerprint}: {done}")
        except Refused as error:  # the response is valid even if the alert does not show it
            logger.warning(f"{response.fingerprint}: the response could not be shown in PagerDuty: {error}")

    @cache
    def in_slack() -> ResponseRecorder:
        return ResponseRecorder(
            run.slack, run.slack_channel(run.slack), run.ledger, run.table, run.clock, show_in_pagerduty
        )

    @cache
    def in_teams() -> LinkRecorder:
        return run.link_recorder(show_in_pagerduty)

    def record(message: Record) -> str:
        try:
            response = LinkResponse.from_json(message["body"]) or UserResponse.from_json(message["body"])
        except (ValueError, TypeError, AttributeError) as error:
            raise Refused(f"the message is not a response from the function `answer`: {error}") from error
        if isinstance(response, LinkResponse):
            return in_teams().record(response)
        return in_slack().record(response)

    return report_batch(run, process_records(invocation, record))
