"""Check requests against the documentation of Jira's REST API.

Every request may use only the operations, parameters and body fields listed here, which were copied from
https://developer.atlassian.com/cloud/jira/platform/rest/v2/ and https://docs.atlassian.com/software/jira/docs/api/REST/.

Requests are also checked against the published OpenAPI descriptions if the environment names them. They are not in the
repository because of their size; Cloud's states the Apache License 2.0, Data Center's states no licence. To use them:

    curl -o cloud.json https://dac-static.atlassian.com/cloud/jira/platform/swagger.v3.json
    curl -o dc.json https://dac-static.atlassian.com/server/jira/platform/jira_software_dc_10003_swagger.v3.json
    JIRA_OPENAPI_CLOUD=cloud.json JIRA_OPENAPI_DC=dc.json python -m pytest tests/notify/jira/test_jira_issues.py
"""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from openapi_schema_validator import OAS30Validator

ROOT = "/rest/api/2/"
SEARCH = {"jql", "fields", "expand", "properties", "maxResults"}
ISSUE_BODY = {"fields", "update", "transition", "historyMetadata", "properties"}
# (method, path): (query parameters, keys of the body)
OPERATIONS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    ("GET", "serverInfo"): (set(), set()),
    ("GET", "myself"): ({"expand"}, set()),
    ("GET", "field"): (set(), set()),
    ("GET", "search"): (SEARCH | {"startAt", "validateQuery"}, set()),
    ("GET", "search/jql"): (SEARCH | {"nextPageToken", "reconcileIssues", "fieldsByKeys", "failFast"}, set()),
    ("POST", "issue"): ({"updateHistory"}, ISSUE_BODY),
    ("GET", "issue/{issueIdOrKey}"): ({"fields", "expand", "properties", "updateHistory"}, set()),
    ("PUT", "issue/{issueIdOrKey}"): ({"notifyUsers"}, ISSUE_BODY),
    ("GET", "issue/{issueIdOrKey}/comment"): ({"startAt", "maxResults", "orderBy", "expand"}, set()),
    ("POST", "issue/{issueIdOrKey}/comment"): ({"expand"}, {"body", "visibility", "properties"}),
    ("GET", "issue/{issueIdOrKey}/transitions"): ({"expand", "transitionId"}, set()),
    ("POST", "issue/{issueIdOrKey}/transitions"): (set(), ISSUE_BODY),
}
# Schema errors to ignore. The descriptions declare values of fields as objects, but their own examples send strings and
# lists. For the id of a transition the client sends a number instead of a string of digits, which Jira accepts.
IGNORED_ERRORS = re.compile(r"\$\.fields\.|\$\.transition\.id$")
# Data Center mentions the parameter in prose only: "fields will only be returned if expand=transitions.fields".
UNLISTED = {("GET", "issue/{issueIdOrKey}/transitions", "expand")}


def api_violations(method: str, path: str, query: dict, body: dict | None, *, cloud: bool) -> Iterator[str]:
    """Yield how a request differs from Jira's published API description."""
    rest = re.sub(r"^issue/[^/]+", "issue/{issueIdOrKey}", path.removeprefix(ROOT))
    operation = OPERATIONS.get((method, rest))
    if operation is None or not path.startswith(ROOT):
        yield f"{method} {path}: no such operation"
        return
    yield from (f"{method} {rest}: no parameter {name}" for name in query.keys() - operation[0])
    yield from (f"{method} {rest}: no {name} in its body" for name in (body or {}).keys() - operation[1])
    if file := os.environ.get("JIRA_OPENAPI_CLOUD" if cloud else "JIRA_OPENAPI_DC"):
        yield from _against(file, method, rest, query, body, prefix=ROOT if cloud else "/api/2/")


def _against(
    file: str, method: str, rest: str, query: dict, body: dict | None, *, prefix: str
) -> Iterator[str]:
    published = _read(file)
    operation = published["paths"].get(prefix + rest, {}).get(method.lower())
    if operation is None:
        yield f"{method} {rest}: not published in {Path(file).name}"
        return
    parameters = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"}
    unknown = {name for name in query.keys() - parameters.keys() if (method, rest, name) not in UNLISTED}
    yield from (f"{method} {rest}: {name} is not published" for name in unknown)
    required = {name for name, one in parameters.items() if one.get("required")}
    yield from (f"{method} {rest}: {name} is missing" for name in required - query.keys())
    if body is not None:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        validator = OAS30Validator({**schema, "components": published["components"]})
        errors = (error for error in validator.iter_errors(body) if not IGNORED_ERRORS.match(error.json_path))
        yield from (f"{method} {rest}: {error.json_path}: {error.message}" for error in errors)


@cache
def _read(file: str) -> dict:
    return json.loads(Path(file).read_text(encoding="utf-8"))
