"""Where a message leads: the resource in the AWS console, the question in Athena."""

from urllib.parse import quote

# Leads to the resource's own page; seen in wide use, and in no page of AWS's documentation.
VIEW = "https://console.aws.amazon.com/go/view?arn="


def console_url(resource_id: str | None) -> str | None:
    """The resource's page, where the bill names it by its ARN."""
    return VIEW + quote(resource_id, safe=":/") if resource_id and resource_id.startswith("arn:") else None


def query_url(region: str) -> str:
    """The saved queries, where the detection's is found by its name."""
    return f"https://{region}.console.aws.amazon.com/athena/home?region={region}#/query-editor/saved-queries"
