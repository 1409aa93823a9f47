"""A Jira over HTTP that behaves as documented, Cloud or Data Center, and fails on demand.

Its time changes only if a test sets it, and tests can read all of its state. Every request is checked against
Jira's published API description (tests/fakes/jira_request_check.py).
"""

import base64
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler
from threading import RLock, Thread
from urllib.parse import parse_qs, urlsplit

from tests.fakes.forwarding_http_server import LocalServer
from tests.fakes.jira_request_check import api_violations
from tests.fakes.local_jira_jql import matching
from tests.fakes.local_jira_rules import (
    CATEGORY,
    PRIORITIES,
    STATUS_NAMES,
    JiraResponse,
    classic,
    problems_of,
    simplified,
)

ME = {"accountId": "712020:us", "name": "focuswatch", "displayName": "focuswatch"}
EMAIL, TOKEN = "focuswatch@example.com", "a-secret-token"


@dataclass
class Fault:
    """A fault of the next `times` requests that match; see LocalJira.fail."""

    kind: str
    method: str
    path: str
    times: int
    seconds: float = 1.0
    retry_after: str | None = None  # replaces `seconds` in the header


@dataclass
class StoredIssue:
    """An issue. `shown` has each version in the search index, with the time since which it is there."""

    id: int
    key: str
    fields: dict
    status: str
    created: float
    updated: float = 0.0
    resolution: str | None = None
    comments: list[dict] = field(default_factory=list)
    histories: list[dict] = field(default_factory=list)
    shown: list[tuple[float, dict]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return CATEGORY[self.status] == "done"

    @property
    def bodies(self) -> list[str]:
        return [one["body"] for one in self.comments]


class LocalJira:
    """A Jira; `cloud` selects Cloud or Data Center, `lag_seconds` is the delay of Cloud's search index."""

    def __init__(self, *, cloud: bool = True, lag_seconds: float = 0.0) -> None:
        self.cloud, self.lag_seconds = cloud, lag_seconds
        self.now = 1_795_000_000.0
        self.projects = {"SRCH": {"components": {"cost"}}, "FIN": {"components": set()}}
        self.users = {"712020:grace", "grace"}
        self.workflow = simplified() if cloud else classic()
        self.priorities = set(PRIORITIES)
        self.issues: list[StoredIssue] = []
        self.requests: list[tuple[str, str, dict | None]] = []
        self.unlawful: list[str] = []
        self.faults: list[Fault] = []
        self.four_byte_letters = True
        self.page = 100
        self.moved: dict[
            str, str
        ] = {}  # new keys of issues that were moved to another project, by their old keys
        self.lock = RLock()
        self.server: LocalServer | None = None
        self.port = 0

    # For tests: faults, users' actions, and requests

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(
        self,
        kind: str,
        method: str = "",
        path: str = "",
        *,
        times: int = 1,
        seconds: float = 1.0,
        retry_after: str | None = None,
    ) -> None:
        """Let requests fail: `reset` or a status before any effect; `lost`, `slow`, `html` or `after 500` after it."""
        self.faults.append(Fault(kind, method, path, times, seconds, retry_after))

    def with_label(self, label: str) -> list[StoredIssue]:
        return [one for one in self.issues if label in one.fields["labels"]]

    def issue(self, key: str) -> StoredIssue:
        return next(one for one in self.issues if one.key == key)

    def move(self, key: str, status: str, *, by: str = "Grace", resolution: str | None = None) -> None:
        """Change the status of an issue as a user."""
        self._moved(self.issue(key), status, author=person(by), resolution=resolution)

    def edit(self, key: str, name: str, value: object, *, by: str = "Grace") -> None:
        """Edit a field of an issue as a user."""
        self._edited(self.issue(key), {name: value}, author=person(by))

    def clone(self, key: str) -> StoredIssue:
        """Clone an issue with its labels, as a user."""
        one = self.issue(key)
        return self._created(json.loads(json.dumps(one.fields)))

    def wrote(self, method: str = "") -> list[tuple[str, str]]:
        """Return the requests that changed something."""
        return [(verb, path) for verb, path, _ in self.requests if verb != "GET" and verb.startswith(method)]

    # The REST API

    def answer(
        self, method: str, path: str, query: dict, body: dict | None, headers: Message
    ) -> JiraResponse:
        if not self._is_authenticated(headers):
            return JiraResponse.error(401, "Client must be authenticated to access this resource.")
        rest = path.removeprefix("/rest/api/2/")
        if rest == "serverInfo":
            version, kind = ([1001, 0, 0], "Cloud") if self.cloud else ([10, 3, 24], "Server")
            return JiraResponse(200, {"versionNumbers": version, "baseUrl": self.url, "deploymentType": kind})
        if rest == "myself":
            return JiraResponse(200, self._user(ME))
        if rest == "field":
            names = ("summary", "labels", "status", "resolution", "created")
            return JiraResponse(
                200, [{"id": one, "name": one.title(), "clauseNames": [one]} for one in names]
            )
        if rest in ("search", "search/jql"):
            return self._search(rest, query)
        if method == "POST" and rest == "issue":
            return self._create(body or {})
        if match := re.fullmatch(r"issue/([^/]+)(?:/(comment|transitions))?", rest):
            return self._on_issue(method, match[1], match[2], query, body or {})
        return JiraResponse.error(404, f"null for uri: {path}")

    def _is_authenticated(self, headers: Message) -> bool:
        basic = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
        return headers.get("Authorization") == (f"Basic {basic}" if self.cloud else f"Bearer {TOKEN}")

    def _on_issue(self, method: str, key: str, part: str | None, query: dict, body: dict) -> JiraResponse:
        key = self.moved.get(key, key)
        issue = next((one for one in self.issues if key in (one.key, str(one.id))), None)
        if issue is None:
            return JiraResponse.error(404, "Issue does not exist or you do not have permission to see it.")
        match method, part:
            case "GET", None:
                return JiraResponse(200, self._shown(issue, query))
            case "PUT", None:
                return self._edit(issue, body)
            case "GET", "comment":
                newest = list(reversed(issue.comments)) if "orderBy" in query else issue.comments
                return JiraResponse(200, {"comments": newest[: int(query.get("maxResults", ["50"])[0])]})
            case "POST", "comment":
                return self._comment(issue, body)
            case "GET", "transitions":
                return JiraResponse(
                    200, {"transitions": [one.shown() for one in self.workflow[issue.status]]}
                )
            case "POST", "transitions":
                return self._transition(issue, body)
        return JiraResponse.error(405, "Method Not Allowed")

    def _create(self, body: dict) -> JiraResponse:
        fields = body["fields"]
        if refusal := problems_of(self, fields, new=True):
            return refusal
        created = self._created(fields)
        return JiraResponse(
            201,
            {"id": str(created.id), "key": created.key, "self": f"{self.url}/rest/api/2/issue/{created.id}"},
        )

    def _created(self, fields: dict) -> StoredIssue:
        number = 10_000 + len(self.issues)
        project = fields["project"]["key"]
        count = sum(one.key.startswith(f"{project}-") for one in self.issues)
        issue = StoredIssue(
            number, f"{project}-{count + 1}", {"labels": [], **fields}, next(iter(self.workflow)), self.now
        )
        self.issues.append(issue)
        self._index(issue)
        return issue

    def _edit(self, issue: StoredIssue, body: dict) -> JiraResponse:
        if STATUS_NAMES[issue.status] == "Closed":  # the classic workflow sets jira.issue.editable = false
            return JiraResponse.error(400, "You do not have permission to edit issues in this project.")
        if refusal := problems_of(self, body.get("fields", {}), new=False):
            return refusal
        self._edited(issue, body.get("fields", {}), author=ME)
        return JiraResponse(204, None)

    def _edited(self, issue: StoredIssue, fields: dict, *, author: dict) -> None:
        changed = {name: value for name, value in fields.items() if issue.fields.get(name) != value}
        items = [
            {
                "field": name,
                "from": None,
                "fromString": str(issue.fields.get(name)),
                "to": None,
                "toString": str(value),
            }
            for name, value in changed.items()
        ]
        issue.fields.update(fields)
        self._happened(issue, items, author)

    def _comment(self, issue: StoredIssue, body: dict) -> JiraResponse:
        if len(body["body"]) > 32_767:
            return JiraResponse.error(
                400, "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
            )
        issue.comments.append(
            {"id": str(len(issue.comments)), "body": body["body"], "author": self._user(ME)}
        )
        issue.updated = self.now
        return JiraResponse(201, issue.comments[-1])

    def _transition(self, issue: StoredIssue, body: dict) -> JiraResponse:
        step = next(
            (one for one in self.workflow[issue.status] if one.id == str(body["transition"]["id"])), None
        )
        if step is None:
            return JiraResponse.error(
                400, "It seems that you have tried to perform a workflow operation that is not valid."
            )
        edited = body.get("fields", {})
        if missing := [one for one in step.fields if step.fields[one]["required"] and one not in edited]:
            return JiraResponse(
                400, {"errorMessages": [], "errors": {one: f"{one} is required." for one in missing}}
            )
        if unknown := [one for one in edited if one not in step.fields]:
            message = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
            return JiraResponse(
                400, {"errorMessages": [], "errors": {one: message.format(one) for one in unknown}}
            )
        self._moved(issue, step.to, author=ME, resolution=edited.get("resolution", {}).get("name"))
        return JiraResponse(204, None)

    def _moved(self, issue: StoredIssue, status: str, *, author: dict, resolution: str | None) -> None:
        status = next(
            (id for id, name in STATUS_NAMES.items() if name == status and id in self.workflow), status
        )
        items = [
            {
                "field": "status",
                "from": issue.status,
                "fromString": STATUS_NAMES[issue.status],
                "to": status,
                "toString": STATUS_NAMES[status],
            }
        ]
        issue.status = status
        issue.resolution = (resolution or "Done") if issue.done else None
        self._happened(issue, items, author)

    def _happened(self, issue: StoredIssue, items: list[dict], author: dict) -> None:
        number = sum(len(one.histories) for one in self.issues) + 1
        history = {
            "id": str(number),
            "author": self._user(author),
            "created": stamp(self.now),
            "items": items,
        }
        issue.histories.append(history)
        self._index(issue)

    def _index(self, issue: StoredIssue) -> None:
        issue.updated = self.now
        version = {
            "labels": list(issue.fields["labels"]),
            "status": issue.status,
            "updated": self.now,
            "created": issue.created,
            "key": issue.key,
        }
        issue.shown.append((self.now, version))

    def _search(self, rest: str, query: dict) -> JiraResponse:
        if rest == "search" and self.cloud:
            return JiraResponse.error(
                410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
            )
        if rest == "search/jql" and not self.cloud:
            return JiraResponse.error(404, "null for uri: /rest/api/2/search/jql")
        seen = self.now - self.lag_seconds if self.cloud else self.now
        indexed = (
            next((version for at, version in reversed(one.shown) if at <= seen), None) for one in self.issues
        )
        try:
            keys = matching([version for version in indexed if version], query["jql"][0], now=self.now)
        except ValueError as error:
            return JiraResponse.error(400, str(error))
        start = int(query.get("nextPageToken" if self.cloud else "startAt", ["0"])[0])
        page = min(int(query.get("maxResults", ["50"])[0]), self.page)
        issues = [self._shown(self.issue(key), query) for key in keys[start : start + page]]
        if not self.cloud:
            return JiraResponse(
                200, {"issues": issues, "startAt": start, "maxResults": page, "total": len(keys)}
            )
        last = start + page >= len(keys)
        return JiraResponse(
            200, {"issues": issues, "isLast": last, **({} if last else {"nextPageToken": str(start + page)})}
        )

    def _shown(self, issue: StoredIssue, query: dict) -> dict:
        requested = {name for one in query.get("fields", []) for name in one.split(",")}
        fields = {
            **issue.fields,
            "status": {
                "id": issue.status,
                "name": STATUS_NAMES[issue.status],
                "statusCategory": {"key": CATEGORY[issue.status]},
            },
            "resolution": {"name": issue.resolution} if issue.resolution else None,
            "created": stamp(issue.created),
            "updated": stamp(issue.updated),
        }
        shown_fields = {name: value for name, value in fields.items() if not requested or name in requested}
        shown = {
            "id": str(issue.id),
            "key": issue.key,
            "self": f"{self.url}/rest/api/2/issue/{issue.id}",
            "fields": shown_fields,
        }
        if "changelog" in query.get("expand", [""])[0]:
            shown["changelog"] = {
                "histories": list(reversed(issue.histories)) if self.cloud else issue.histories
            }
        return shown

    def _user(self, user: dict) -> dict:
        shown = ("accountId", "displayName") if self.cloud else ("name", "displayName")
        return {name: user[name] for name in shown}

    # The HTTP server

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length)
        body = json.loads(raw) if raw else None
        path, query = urlsplit(handler.path).path, parse_qs(urlsplit(handler.path).query)
        method = handler.command
        with self.lock:
            self.requests.append((method, path, body))
            self.unlawful += api_violations(method, path, query, body, cloud=self.cloud)
            matching_faults = (
                one
                for one in self.faults
                if one.times and method.startswith(one.method) and re.search(one.path, path)
            )
            fault = next(matching_faults, None)
            if fault:
                fault.times -= 1
            kind = fault.kind if fault else ""
            if kind == "reset":
                handler.close_connection = True
                return
            if kind.isdigit():
                response = JiraResponse.error(
                    int(kind), "set to fail", retry_after=fault.retry_after or fault.seconds
                )
            else:
                response = self.answer(method, path, query, body, handler.headers)
        if kind == "slow":
            time.sleep(fault.seconds)
        if kind == "lost":
            handler.close_connection = True
            return
        if kind == "html":
            response = JiraResponse(200, None, text="<html>please log in</html>")
        send(handler, JiraResponse.error(500, "after the effect") if kind == "after 500" else response)

    def start(self) -> None:
        jira = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Sends a response as one packet; otherwise its body waits until the client acknowledges the headers.
            wbufsize = 65_536

            def do_GET(self) -> None:  # noqa: N802  http.server calls it so
                jira.handle(self)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Write no access log."""

        self.server = LocalServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@contextmanager
def serving(jira: LocalJira) -> Iterator[LocalJira]:
    jira.start()
    try:
        yield jira
    finally:
        jira.stop()


def send(handler: BaseHTTPRequestHandler, response: JiraResponse) -> None:
    body = b"" if response.document is None else json.dumps(response.document).encode()
    if response.text is not None:
        body = response.text.encode()
    try:
        handler.send_response(response.status)
        for name, value in response.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    except (BrokenPipeError, ConnectionResetError):
        handler.close_connection = True  # the client did not wait for the response


def person(name: str) -> dict:
    return {"accountId": f"712020:{name.lower()}", "name": name.lower(), "displayName": name}


def stamp(at: float) -> str:
    """Return a time as Jira writes it: 2026-11-20T10:00:00.000+0000."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
