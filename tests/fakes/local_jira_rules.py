"""The validation rules and workflows of tests/fakes/local_jira.py."""

from dataclasses import dataclass, field

# The category of each status, by its id.
CATEGORY = {
    "10000": "new",
    "10001": "indeterminate",
    "10002": "done",
    "1": "new",
    "3": "indeterminate",
    "4": "new",
    "5": "done",
    "6": "done",
}
STATUS_NAMES = {
    "10000": "To Do",
    "10001": "In Progress",
    "10002": "Done",
    "1": "Open",
    "3": "In Progress",
    "4": "Reopened",
    "5": "Resolved",
    "6": "Closed",
}
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
RESOLUTION = {
    "resolution": {
        "required": True,
        "hasDefaultValue": False,
        "name": "Resolution",
        "allowedValues": [{"id": "2", "name": "Won't Fix"}, {"id": "1", "name": "Fixed"}],
    }
}
FIELDS = {"project", "issuetype", "summary", "description", "labels", "priority", "components", "assignee"}


@dataclass
class JiraResponse:
    """A response; `document` is sent as JSON, unless `text` is set."""

    status: int
    document: object
    headers: dict = field(default_factory=lambda: {"Content-Type": "application/json;charset=UTF-8"})
    text: str | None = None

    @classmethod
    def error(cls, status: int, message: str, *, retry_after: float | str | None = None) -> "JiraResponse":
        response = cls(status, {"errorMessages": [message], "errors": {}})
        if retry_after is not None:
            response.headers["Retry-After"] = (
                retry_after if isinstance(retry_after, str) else f"{retry_after:g}"
            )
        return response


@dataclass
class Step:
    """A transition of a workflow."""

    id: str
    name: str
    to: str
    fields: dict = field(default_factory=dict)

    def shown(self) -> dict:
        status = {"id": self.to, "name": STATUS_NAMES[self.to], "statusCategory": {"key": CATEGORY[self.to]}}
        return {"id": self.id, "name": self.name, "to": status, "fields": self.fields}


def simplified() -> dict[str, list[Step]]:
    """Return Cloud's workflow: each status has transitions to all, named after their target; new issues have the first.

    The keys are the ids of the statuses.
    """
    steps = [Step("11", "To Do", "10000"), Step("21", "In Progress", "10001"), Step("31", "Done", "10002")]
    return {status: list(steps) for status in ("10000", "10001", "10002")}


def classic() -> dict[str, list[Step]]:
    """Return Data Center's classic workflow, whose screens require a resolution."""
    close, resolve = Step("2", "Close Issue", "6", RESOLUTION), Step("5", "Resolve Issue", "5", RESOLUTION)
    start, reopen = Step("4", "Start Progress", "3"), Step("3", "Reopen Issue", "4")
    return {
        "1": [start, resolve, close],
        "3": [resolve, close],
        "4": [start, resolve, close],
        "5": [Step("701", "Close Issue", "6"), reopen],
        "6": [reopen],
    }


def problems_of(jira, fields: dict, *, new: bool) -> JiraResponse | None:
    """Return Jira's error response for invalid fields, with all errors in Jira's words; None if they are valid."""
    if not jira.four_byte_letters and any(ord(sign) > 0xFFFF for sign in str(fields)):
        return JiraResponse.error(500, "Incorrect string value: '\\xF0\\x9F' for column 'DESCRIPTION'")
    errors = {
        name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        for name in fields
        if name not in FIELDS
    }
    if new:
        errors |= _missing(jira, fields)
    errors |= _invalid(jira, fields)
    return JiraResponse(400, {"errorMessages": [], "errors": errors}) if errors else None


def _missing(jira, fields: dict) -> dict[str, str]:
    errors = {}
    if fields.get("project", {}).get("key") not in jira.projects:
        errors["project"] = "valid project is required"
    if fields.get("issuetype", {}).get("name") not in ("Task", "Bug"):
        errors["issuetype"] = "Specify a valid issue type"
    if not fields.get("summary", "").strip():
        errors["summary"] = "You must specify a summary of the issue."
    return errors


def _invalid(jira, fields: dict) -> dict[str, str]:
    errors = {}
    summary = fields.get("summary", "")
    if len(summary) >= 255:
        errors["summary"] = "Summary must be less than 255 characters."
    if "\n" in summary or "\r" in summary:
        errors["summary"] = "The summary is invalid because it contains newline characters."
    if len(fields.get("description", "")) > 32_767:
        errors["description"] = (
            "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
        )
    for label in fields.get("labels", []):
        if len(label.split()) != 1 or len(label) > 255:
            errors["labels"] = f"The label '{label}' contains spaces which is invalid."
    if "priority" in fields and fields["priority"]["name"] not in jira.priorities:
        errors["priority"] = "Specify the Priority (name) in the string format"
    project = fields.get("project", {}).get("key")
    for one in fields.get("components", []):
        if one["name"] not in jira.projects.get(project, {}).get("components", ()):
            errors["components"] = f"Component name '{one['name']}' is not valid"
    if (
        "assignee" in fields
        and fields["assignee"].get("accountId" if jira.cloud else "name") not in jira.users
    ):
        errors["assignee"] = "Specify a valid value for assignee"
    return errors
