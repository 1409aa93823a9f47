"""After findings changed, or an earlier run was interrupted: publish the pending notifications to SNS."""

from typing import Any

from focuswatch.notify.publish_pending_to_sns import publish
from lambdas.clients_and_resources_from_environment import PATIENT
from lambdas.function_decorator import Invocation, lambda_function, logger

SPARE_SECONDS = 60  # with less time left, a notification could be sent without being marked as sent


@lambda_function("publish", one_at_a_time=True)
def handler(invocation: Invocation) -> dict[str, Any]:
    """Publish all pending notifications. Raises RuntimeError if some fail, so that the alarm reports them."""
    run = invocation.run
    published = publish(
        run.ledger,
        sns=run.session.client("sns", config=PATIENT),
        topics=run.topics(),
        progress=logger.info,
        may_go_on=lambda: invocation.can_continue(spare_seconds=SPARE_SECONDS),
        events=run.finding_events(),
    )
    heartbeat = run.beat(notified=published.sent, failed=published.failed)
    if published.unfinished and published.sent:  # without progress, the function would invoke itself forever
        logger.info("time limit reached; the function is invoked again for the remaining notifications")
        run.announce("Detected", "{}")
    if published.failed:
        raise RuntimeError(
            f"some notifications could not be published and remain pending: {published.failed}"
        )
    return heartbeat
