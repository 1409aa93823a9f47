"""Once a week: post the weekly digest of each team to its Slack channel, and that of the organization to FinOps."""

from typing import Any

from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.errors import DeliveryError
from focuswatch.reports.query_bill_for_weekly_digests import weeks_of_bill
from focuswatch.reports.weekly_slack_message import render_weekly_message
from lambdas.function_decorator import Invocation, lambda_function


@lambda_function("weekly")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Post each digest once, however often the function runs. If a channel fails, the others get theirs.

    The run fails at its end if a channel failed.
    """
    run = invocation.run
    with open_athena_bill(run.tables, owners=run.owners) as bill:
        summaries = weeks_of_bill(
            bill, entries=run.ledger.entries().values(), catalog=run.catalog, owners=run.owners
        )
    posted, failed, page = [], {}, run.page_link()
    for summary in summaries:
        if run.owners.slack_channel(summary.team) is None:
            continue
        name = (
            f"week {bill.as_of:%G-%V} of {summary.team or 'everybody'}"  # key under which it is posted once
        )
        try:
            run.scheduled_messages.post(name, render_weekly_message(summary, page=page), team=summary.team)
        except DeliveryError as error:
            failed[name] = str(error)
        else:
            posted.append(name)
    heartbeat = run.beat(ran=posted, failed=failed, as_of=bill.as_of)
    if failed:
        raise RuntimeError(f"some weekly digests could not be posted and will be retried: {failed}")
    return heartbeat
