"""The Lambda functions of a deployment, by the way that they are invoked."""

from dataclasses import dataclass

from focuswatch.catalog.sql_header_fields import Category

FUNCTIONS = ("refresh", "collect", "detect", "publish", "page", "spending", "pulse")  # always deployed


@dataclass(frozen=True)
class ChannelFunctions:
    """A channel, and the functions that are deployed only if `setting` has a value, so that no one else pays for them.

    The function `name` gets the findings: its queue is subscribed to the topic `findings`.
    """

    name: str
    functions: tuple[str, ...]
    setting: str  # a key of deployment.toml
    categories: tuple[Category, ...] = ()  # of the findings that its queue gets; all without any


# The name of a channel of owners.toml is its kind in focuswatch/owners/channel_address.py.
CHANNELS = (
    ChannelFunctions("slack", ("slack", "answer", "record", "weekly", "close"), "secrets.slack"),
    ChannelFunctions("jira", ("jira", "sweep"), "secrets.jira"),
    ChannelFunctions("teams", ("teams", "answer", "record"), "secrets.teams"),
    ChannelFunctions("pagerduty", ("pagerduty",), "secrets.pagerduty"),
    ChannelFunctions("webhook", ("webhook",), "secrets.webhook"),
    ChannelFunctions("email", ("email",), "email.sender"),
    ChannelFunctions("securityhub", ("securityhub",), "security.security_hub", categories=("security",)),
    ChannelFunctions("ocsf", ("ocsf",), "security.ocsf", categories=("security",)),
)

# Each processes the messages of its own SQS queue.
QUEUE_FED = ("spending", "record", *(channel.name for channel in CHANNELS))

# These do not publish the metric `Runs`: no alarm or dashboard would read it, and a metric with a value in every hour
# costs 0.30 USD a month. AWS publishes invocations and queues free of charge. https://aws.amazon.com/cloudwatch/pricing/
WITHOUT_RUNS = (*QUEUE_FED, "controls")

# These have a public URL, and respond to whoever calls it. They verify the signature of each request.
ENDPOINTS = ("answer", "events")

# These run Athena queries and so read the Glue tables; `refresh` changes their partitions too.
RUN_QUERIES = ("refresh", "detect", "hourly", "page", "weekly", "close")

# The module in lambdas/ of each function whose name alone does not say what it does; all others have its name.
MODULES = {
    "answer": "answer_buttons_and_links",
    "bills": "bills_refresh_other_providers",
    "close": "close_month",
    "collect": "collect_activity_tokens_and_events",
    "controls": "controls_pause_and_resume_spending",
    "events": "events_endpoint",
    "fetch": "fetch_vendor_charges",
    "hourly": "hourly_token_costs",
    "ocsf": "ocsf_findings_to_s3",
    "page": "page_and_findings_table",
    "publish": "publish_to_sns",
    "pulse": "pulse_health_report",
    "record": "record_responses",
    "spending": "spending_alerts",
    "sweep": "sweep_closed_jira_issues",
    "weekly": "weekly_digest",
}

# Each of these runs one at a time, under a lease: focuswatch/operations/function_lease.py
ONE_AT_A_TIME = ("refresh", "detect", "hourly", "publish", "page", "bills")


def module_of(function: str) -> str:
    """Return the module with the handler of a function: `lambdas.publish_to_sns` for `publish`."""
    return f"lambdas.{MODULES.get(function, function)}"
