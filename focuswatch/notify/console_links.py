"""Links of a message: the resource in the AWS console, and the saved queries in Athena."""

from urllib.parse import quote

# Opens the page of the resource; widely used, but not in AWS's documentation.
VIEW = "https://console.aws.amazon.com/go/view?arn="


def console_url(resource_id: str | None) -> str | None:
    """Return the page of a resource; None unless its id is an ARN."""
    return VIEW + quote(resource_id, safe=":/") if resource_id and resource_id.startswith("arn:") else None


def query_url(region: str) -> str:
    """Return the page of the saved queries, which has the query of each detection by name."""
    return f"https://{region}.console.aws.amazon.com/athena/home?region={region}#/query-editor/saved-queries"
