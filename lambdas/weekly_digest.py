"""Once a week: send every team its weekly summary, and FinOps the summary of the organization."""

from typing import Any

from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.errors import DeliveryError
from focuswatch.reports.weekly_queries import weeks_of_bill
from focuswatch.reports.weekly_slack_message import render_weekly_message
from lambdas.function_decorator import Invocation, lambda_function


@lambda_function("weekly")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Post each summary once, however often the function runs; a failing channel stops no other, but fails the run."""
    run = invocation.run
    with open_athena_bill(run.tables, owners=run.owners) as bill:
        summaries = weeks_of_bill(
            bill, entries=run.ledger.entries().values(), catalog=run.catalog, owners=run.owners
        )
    posted, failed, page = [], {}, run.page_link()
    for summary in summaries:
        channel = run.owners.slack_channel(summary.team)
        if channel is None:  # a team without Slack
            continue
        name = f"week {bill.as_of:%G-%V} of {summary.team or 'everybody'}"  # stored with the message
        try:
            run.say(name, render_weekly_message(summary, page=page), channel=channel)
        except DeliveryError as error:
            failed[name] = str(error)
        else:
            posted.append(name)
    heartbeat = run.beat(ran=posted, failed=failed, as_of=bill.as_of)
    if failed:
        raise RuntimeError(f"some weekly digests could not be posted and will be retried: {failed}")
    return heartbeat
