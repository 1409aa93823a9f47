"""Build the links in a message: to the resource in its provider's console, and to the saved queries in Athena."""

import re
from urllib.parse import quote

# Redirects to the console page of a resource. This URL is widely used, but AWS does not document it.
AWS_CONSOLE = "https://console.aws.amazon.com/go/view?arn="
# https://learn.microsoft.com/en-us/azure/azure-portal/azure-portal-deep-links
AZURE_PORTAL = "https://portal.azure.com/#resource"
GOOGLE_CONSOLE = "https://console.cloud.google.com/home/dashboard?project="
LINK_TEXTS = {
    AWS_CONSOLE: "Open in the AWS console",
    AZURE_PORTAL: "Open in the Azure portal",
    GOOGLE_CONSOLE: "Open the project in the Google Cloud console",
}
AZURE_ID = re.compile(r"/subscriptions/[0-9a-f-]{36}(/.*)?", re.IGNORECASE)
GOOGLE_NAME = re.compile(r"//[a-z.]+\.googleapis\.com/projects/([a-z0-9:.-]+)(/.*)?")


def console_url(resource_id: str | None) -> str | None:
    """Return the console URL of a resource (in Google Cloud, of its project); None if the ID maps to no page."""
    if not resource_id:
        return None
    if resource_id.startswith("arn:"):
        return AWS_CONSOLE + quote(resource_id, safe=":/")
    if AZURE_ID.fullmatch(resource_id):
        return AZURE_PORTAL + quote(resource_id, safe="/")
    if found := GOOGLE_NAME.fullmatch(resource_id):
        return GOOGLE_CONSOLE + quote(found[1], safe="")
    return None


def console_text(url: str | None) -> str:
    """Return the link text for a URL that `console_url` returned."""
    return next(
        (text for start, text in LINK_TEXTS.items() if url and url.startswith(start)), LINK_TEXTS[AWS_CONSOLE]
    )


def saved_queries_url(region: str) -> str:
    """Return the URL of Athena's saved queries, where the query of each detection is saved under its name."""
    return f"https://{region}.console.aws.amazon.com/athena/home?region={region}#/query-editor/saved-queries"
