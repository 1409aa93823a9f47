"""Links of a message: the resource in the console of its provider, and the saved queries in Athena."""

import re
from urllib.parse import quote

# Opens the page of the resource; widely used, but not in AWS's documentation.
VIEW = "https://console.aws.amazon.com/go/view?arn="
# https://learn.microsoft.com/en-us/azure/azure-portal/azure-portal-deep-links
AZURE = "https://portal.azure.com/#resource"
GOOGLE = "https://console.cloud.google.com/home/dashboard?project="
TEXTS = {
    VIEW: "Open in the AWS console",
    AZURE: "Open in the Azure portal",
    GOOGLE: "Open the project in the Google Cloud console",
}
AZURE_ID = re.compile(r"/subscriptions/[0-9a-f-]{36}(/.*)?", re.IGNORECASE)
GOOGLE_NAME = re.compile(r"//[a-z.]+\.googleapis\.com/projects/([a-z0-9:.-]+)(/.*)?")


def console_url(resource_id: str | None) -> str | None:
    """Return the page of a resource, or of its project at Google; None for an ID that names no page."""
    if not resource_id:
        return None
    if resource_id.startswith("arn:"):
        return VIEW + quote(resource_id, safe=":/")
    if AZURE_ID.fullmatch(resource_id):
        return AZURE + quote(resource_id, safe="/")
    if found := GOOGLE_NAME.fullmatch(resource_id):
        return GOOGLE + quote(found[1], safe="")
    return None


def console_text(url: str | None) -> str:
    """Return the text of a link from `console_url`."""
    return next((text for start, text in TEXTS.items() if url and url.startswith(start)), TEXTS[VIEW])


def query_url(region: str) -> str:
    """Return the page of the saved queries, which has the query of each detection by name."""
    return f"https://{region}.console.aws.amazon.com/athena/home?region={region}#/query-editor/saved-queries"
