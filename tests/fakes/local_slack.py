"""A Slack over real HTTP that behaves as Slack does, and fails on demand.

    with local_slack() as slack:
        team = slack.workspace.channel("#team-search", members=["U0ANNA"])
        WebClient(slack.token, base_url=slack.api).chat_postMessage(channel=team.id, text="hello")
        assert team.shown[0].text == "hello"

Its state is in `slack.workspace` (slack_workspace.py), and its requests are in `slack.calls`. `slack.pressed` and
`slack.submitted` return the requests that Slack sends when a user clicks. It processes one request at a time.
"""

import json
import math
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.forwarding_http_server import listening
from tests.fakes.slack_interaction_requests import Signed, block_actions, signed, view_submission
from tests.fakes.slack_messages import BOT, Args, Channel, SlackError
from tests.fakes.slack_workspace import Workspace

# down: 503, no effect · error: `internal_error`, no effect · dropped: takes effect, but the connection is cut ·
# silent: takes effect, but there is no response until the client gives up · slow: response after `seconds`
FaultKind = Literal["down", "error", "dropped", "silent", "slow"]
JSON_ARGUMENTS = ("blocks", "metadata", "view", "attachments")
POSTS = ("chat.postMessage", "webhook")
WEBHOOK_STATUS = {"no_service": 404, "is_archived": 410, "channel_not_found": 404}


@dataclass
class Fault:
    """A fault of the next `times` calls of `method`, or of any method if None."""

    kind: FaultKind
    method: str | None = None
    times: int = 1
    seconds: float = 0.5


@dataclass
class Limit:
    """The rate limit of posts per channel, with bursts: https://docs.slack.dev/apis/web-api/rate-limits."""

    a_second: float = 1.0
    burst: int = 5
    _free: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, channel: str, *, now: float) -> int:
        """Return the seconds of Retry-After; 0 if the post is within the limit."""
        left, since = self._free.get(channel, (float(self.burst), now))
        left = min(float(self.burst), left + max(0.0, now - since) * self.a_second)
        is_allowed = left >= 1
        self._free[channel] = (left - 1 if is_allowed else left, now)
        return 0 if is_allowed else max(1, math.ceil((1 - left) / self.a_second))


@dataclass
class LocalSlack:
    """The server's state; a test sets `limit`, adds faults, and reads `workspace` and `calls`."""

    workspace: Workspace
    limit: Limit
    token: str = "xoxb-local"
    signing_secret: str = "8f742231b10e8888abcd99yyyzzz85a5"
    port: int = 0
    retry_after: Callable[[int], str] = str  # formats the header from seconds
    calls: list[tuple[str, Args]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        """The base_url for a client."""
        return f"{self.address}/api/"

    def fault(
        self, kind: FaultKind, method: str | None = None, *, times: int = 1, seconds: float = 0.5
    ) -> None:
        """Let the next calls fail."""
        self.faults.append(Fault(kind, method, times, seconds))

    def called(self, method: str) -> list[Args]:
        """Return the arguments of every call of `method`, including rejected calls."""
        return [args for name, args in self.calls if name == method]

    def webhook(self, channel: Channel) -> str:
        """Create an incoming webhook for `channel`, and return its URL."""
        path = f"/services/T0FOCUS/B{len(self.workspace.webhooks):08d}/secret"
        self.workspace.webhooks[path] = channel.id
        return self.address + path

    def pressed(
        self, channel: Channel, ts: str, action_id: str, *, user: str, at: float | None = None
    ) -> Signed:
        """Return the request that Slack sends when `user` presses a button; the lifetime of its trigger_id starts."""
        path = self.workspace.response_path(channel=channel.id, ts=ts, user=user)
        payload = block_actions(
            channel,
            channel.messages[ts],
            action_id=action_id,
            user=user,
            trigger_id=self.workspace.trigger(),
            response_url=self.address + path,
            at=self.workspace.clock(),
        )
        return signed(payload, secret=self.signing_secret, at=at or self.workspace.clock())

    def submitted(self, values: dict[str, str], *, user: str, at: float | None = None) -> Signed:
        """Return the request that Slack sends when `user` submits the newest dialog; `values` are by action_id."""
        payload = view_submission(
            self.workspace.views[-1], values=values, user=user, trigger_id=self.workspace.trigger()
        )
        return signed(payload, secret=self.signing_secret, at=at or self.workspace.clock())

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse connections for the length of the block."""
        self._open.close()
        try:
            yield
        finally:
            self.listen()

    def listen(self) -> None:
        """Listen, at the same address as before."""
        self.port = self._open.enter_context(listening(_handler(self), port=self.port))

    def close(self) -> None:
        self._closing.set()
        self._open.close()

    def answer(self, path: str, args: Args, *, token: str | None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the response."""
        method = path.removeprefix("/api/") if path.startswith("/api/") else "webhook"
        with self._lock:
            self.calls.append((method, args))
            if path.startswith("/actions/"):
                return _json(lambda: self.workspace.respond(path, args) or {}, failed=404)
            wait = self._too_fast(method, path, args)
            if wait:
                headers = {"Retry-After": self.retry_after(wait)}
                return (
                    429,
                    headers,
                    b"rate_limited" if method == "webhook" else b'{"ok":false,"error":"ratelimited"}',
                )
            if method == "webhook":
                return self._webhook(path, args)
            return _json(lambda: self._call(method, args, token=token))

    def _too_fast(self, method: str, path: str, args: Args) -> int:
        if method not in POSTS:
            return 0
        where = self.workspace.webhooks.get(path, str(args.get("channel")))
        return self.limit.wait(where, now=self.workspace.clock())

    def _call(self, method: str, args: Args, *, token: str | None) -> Args:
        if not token:
            raise SlackError("not_authed")
        if token != self.token:
            raise SlackError("invalid_auth")
        if method not in self.workspace.methods:
            raise SlackError("unknown_method", req_method=method)
        for name in JSON_ARGUMENTS:
            if isinstance(args.get(name), str):
                args[name] = _parsed(args[name], name)
        return self.workspace.methods[method](args)

    def _webhook(self, path: str, args: Args) -> tuple[int, dict[str, str], bytes]:
        """Return `ok` or an error: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""
        headers = {"Content-Type": "text/html"}
        try:
            if path not in self.workspace.webhooks:
                raise SlackError("no_service")
            channel = self.workspace.channels[self.workspace.webhooks[path]]
            if channel.archived:
                raise SlackError("is_archived")
            self.workspace.posted(channel, args, user=BOT)
        except SlackError as error:
            return WEBHOOK_STATUS.get(error.code, 400), headers, error.code.encode()
        return 200, headers, b"ok"

    def due(self, method: str) -> Fault | None:
        """Return the fault of this call, if any."""
        with self._lock:
            for one in self.faults:
                if one.times > 0 and one.method in (None, method):
                    one.times -= 1
                    return one
        return None

    def until_gone(self, connection: socket.socket) -> None:
        """Wait until the client closes the connection, or the server stops."""
        while not self._closing.is_set():
            if select.select([connection], [], [], 0.02)[0] and not connection.recv(1, socket.MSG_PEEK):
                return


@contextmanager
def local_slack(
    *, clock: Callable[[], float] = time.time, a_second: float = 1.0, burst: int = 5
) -> Iterator[LocalSlack]:
    """Run a Slack with a workspace without channels for the length of the block."""
    slack = LocalSlack(Workspace(clock=clock), Limit(a_second, burst))
    slack.listen()
    try:
        yield slack
    finally:
        slack.close()


def _handler(slack: LocalSlack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # otherwise a body waits 40 ms until its headers are acknowledged

        def do_POST(self) -> None:  # noqa: N802  http.server calls it so
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def do_GET(self) -> None:  # noqa: N802
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            url = urlsplit(self.path)
            args = dict(parse_qsl(url.query)) | _arguments(body, kind=self.headers.get("Content-Type", ""))
            token = args.pop("token", None) or self.headers.get("Authorization", "").removeprefix("Bearer ")
            fault = slack.due(url.path.removeprefix("/api/") if url.path.startswith("/api/") else "webhook")
            if fault and fault.kind == "down":
                return self._write(503, {}, b"upstream connect error")
            if fault and fault.kind == "error":
                return self._write(200, {}, b'{"ok":false,"error":"internal_error"}')
            response = slack.answer(url.path, args, token=token)
            if fault and fault.kind in ("dropped", "silent"):
                if fault.kind == "silent":
                    slack.until_gone(self.connection)
                self.close_connection = True
                return None
            if fault:
                time.sleep(fault.seconds)
            return self._write(*response)

        def _write(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json; charset=utf-8"} | headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Write no access log."""

    return Handler


def _arguments(body: bytes, *, kind: str) -> Args:
    """Return the arguments in a form or in JSON; a webhook's form has JSON in its field `payload`."""
    if kind.startswith("application/json"):
        return dict(json.loads(body or b"{}"))
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return dict(json.loads(form["payload"])) if "payload" in form else form


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SlackError(f"invalid_{name}_format" if name != "view" else "invalid_arguments") from error


def _json(call: Callable[[], Args], *, failed: int = 200) -> tuple[int, dict[str, str], bytes]:
    """Return the result as JSON; the Web API returns errors in the body, with status 200."""
    try:
        return 200, {}, json.dumps({"ok": True, **call()}).encode()
    except SlackError as error:
        return failed, {}, json.dumps({"ok": False, "error": error.code, **error.more}).encode()
