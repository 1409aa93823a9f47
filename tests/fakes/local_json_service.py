"""Serve a fake service over HTTP that accepts posted JSON and fails on demand.

with serving(LocalPagerDuty()) as service:
    post_json(service.address + "/v2/enqueue", {…}, to="x")
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Literal, Protocol, TypeVar

from tests.fakes.forwarding_http_server import listening

# down: 503, no effect · limited: 429, no effect · dropped: takes effect, but the connection is cut ·
# silent: takes effect, but there is no response until the client gives up
FaultKind = Literal["down", "limited", "dropped", "silent"]
Answer = tuple[int, dict[str, str], Any]  # status, headers, content


@dataclass
class Faults:
    """Faults of the next requests, and the Retry-After header for `limited`."""

    queued: list[FaultKind] = field(default_factory=list)
    retry_after: str | None = "7"
    always: FaultKind | None = None

    def next(self) -> FaultKind | None:
        return self.queued.pop(0) if self.queued else self.always


class Service(Protocol):
    """A service: its address once it listens, its faults, every request, and the response to a request."""

    address: str
    faults: Faults
    requests: list[tuple[str, Any]]

    def answer(self, path: str, body: bytes) -> Answer: ...


S = TypeVar("S", bound=Service)


@contextmanager
def serving(service: S) -> Iterator[S]:
    """Let the service listen for the length of the block; requests are served one after the other."""
    lock, closing = threading.Lock(), threading.Event()
    with listening(_handler(service, lock, closing)) as port:
        service.address = f"http://127.0.0.1:{port}"
        try:
            yield service
        finally:
            closing.set()


def _handler(service: Service, lock: Any, closing: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802  http.server calls it so
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                fault = service.faults.next()
                status, headers, content = self._respond(fault, body)
            if fault == "silent":
                closing.wait(timeout=60)
            if fault in ("dropped", "silent"):
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            text = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def _respond(self, fault: FaultKind | None, body: bytes) -> Answer:
            service.requests.append((self.path, _readable(body)))
            if fault == "down":
                return 503, {}, "Service Unavailable"
            if fault == "limited":
                wait = service.faults.retry_after
                return 429, {"Retry-After": wait} if wait else {}, "Too Many Requests"
            if not self.headers.get("Content-Type", "").startswith("application/json"):
                return 400, {}, "the content type is not JSON"
            return service.answer(self.path, body)

        def log_message(self, format: str, *args: object) -> None:
            """Write no access log."""

    return Handler


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


@dataclass
class Limit:
    """At most `a_second` requests per target in each second of `clock`."""

    a_second: int
    clock: Callable[[], float]
    _seen: dict[str, list[float]] = field(default_factory=dict)

    def exceeded(self, target: str) -> bool:
        now = self.clock()
        recent = [at for at in self._seen.get(target, []) if abs(now - at) < 1]
        self._seen[target] = [*recent, now]
        return len(recent) >= self.a_second
