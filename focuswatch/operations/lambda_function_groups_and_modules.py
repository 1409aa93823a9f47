"""The names of the Lambda functions: which are optional, how they are invoked, and their modules in lambdas/."""

from dataclasses import dataclass

from focuswatch.catalog.sql_header_models import Category

FUNCTIONS = ("refresh", "collect", "detect", "publish", "page", "spending", "pulse")  # always deployed


@dataclass(frozen=True)
class ChannelFunctions:
    """A channel and its functions, which are deployed only if `setting` has a value, to avoid unnecessary cost.

    The function `name` receives the findings: its queue is subscribed to the topic `findings`.
    """

    name: str
    functions: tuple[str, ...]
    setting: str  # a key of deployment.toml
    categories: tuple[Category, ...] = ()  # finding categories that its queue receives; empty: all


# For a channel that owners.toml can address, `name` is the kind in focuswatch/owners/channel_address.py.
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

# Each of these functions processes the messages of its own SQS queue.
QUEUE_FED = ("spending", "record", *(channel.name for channel in CHANNELS))

# These functions do not publish the metric `Runs`: no alarm or dashboard would read it, and a metric with a value in
# every hour costs 0.30 USD a month. The metrics that AWS publishes for invocations and queues are free of charge.
# https://aws.amazon.com/cloudwatch/pricing/
WITHOUT_RUNS = (*QUEUE_FED, "controls")

# These functions have a public URL, and verify the signature of each request.
ENDPOINTS = ("answer", "events")

# These functions read the Glue tables: all except `bills` run Athena queries. `refresh` and `bills` change partitions.
READ_TABLES = ("refresh", "bills", "detect", "hourly", "page", "weekly", "close")

# Modules in lambdas/ whose names differ from the names of their functions, because the short name says too little.
MODULES = {
    "answer": "answer_endpoint_for_responses_and_page_links",
    "bills": "bills_refresh_other_providers",
    "close": "close_month_report_to_slack",
    "collect": "collect_accounts_activity_links_tokens_and_events",
    "controls": "controls_pause_buttons_and_cap_review",
    "detect": "detect_and_record_findings",
    "email": "email_send_findings",
    "events": "events_endpoint_for_ci_systems",
    "fetch": "fetch_vendor_charges",
    "hourly": "hourly_estimate_and_detect_token_spend",
    "jira": "jira_send_findings",
    "ocsf": "ocsf_findings_to_s3",
    "page": "page_and_findings_table",
    "pagerduty": "pagerduty_send_findings",
    "publish": "publish_pending_notifications_to_sns",
    "pulse": "pulse_health_report_and_closed_issue_replies",
    "record": "record_and_show_queued_responses",
    "refresh": "refresh_tables_from_export",
    "securityhub": "securityhub_send_findings",
    "slack": "slack_send_findings",
    "spending": "spending_record_aws_alerts_as_findings",
    "sweep": "sweep_exclude_findings_of_closed_jira_issues",
    "teams": "teams_send_findings",
    "webhook": "webhook_send_signed_cloudevents",
    "weekly": "weekly_slack_digest",
}

# Each of these functions runs one at a time, under a lease: focuswatch/operations/function_lease.py
ONE_AT_A_TIME = ("refresh", "detect", "hourly", "publish", "page", "bills")


def module_of(function: str) -> str:
    """Return the module that contains the handler of a function: `lambdas.teams_send_findings` for `teams`."""
    return f"lambdas.{MODULES.get(function, function)}"
