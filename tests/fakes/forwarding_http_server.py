"""Serve an AWS service over HTTP, and forward requests that the handler does not serve to another server."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from botocore.exceptions import ClientError

from tests.fakes.waiting import patience


class RefusalError(Exception):
    """An error response to a request: its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def serving(
    handle: Callable[[str, dict[str, Any]], dict[str, Any] | None],
    *,
    behind: str,
    guarded: Container[str] = (),
) -> Iterator[str]:
    """Yield the address of an HTTP server that passes requests to `handle`, and to `behind` if it returns None.

    `handle` is called with the verb as in X-Amz-Target: `AmazonAthena.GetWorkGroup`. A request with a `guarded` verb is
    first sent to `behind`, which checks the permissions of the signer.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802  http.server calls it so
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            verb = self.headers.get("X-Amz-Target", "")
            try:
                if verb in guarded:
                    _refuse_unless_allowed(behind + self.path, dict(self.headers), body)
                response = handle(verb, json.loads(body or b"{}"))
                status, body_text = 200, json.dumps(response).encode()
                if response is None:
                    status, body_text = _forwarded(behind + self.path, dict(self.headers), body)
            except RefusalError as error:
                status, body_text = 400, json.dumps({"__type": error.code, "message": str(error)}).encode()
            except ClientError as error:
                status, body_text = (
                    400,
                    json.dumps({"__type": error.response["Error"]["Code"], "message": str(error)}).encode(),
                )
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body_text)))
            self.end_headers()
            self.wfile.write(body_text)

        def log_message(self, format: str, *args: object) -> None:
            """Write no access log."""

    with listening(Handler) as port:
        yield f"http://127.0.0.1:{port}"


class LocalServer(ThreadingHTTPServer):
    """A server on loopback with a long backlog: if it is full, clients retry a connection only after a second."""

    daemon_threads = True
    request_queue_size = 128


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], *, port: int = 0) -> Iterator[int]:
    """Yield the port of a server that serves requests with `handler`: `port`, or any free port.

    The buffer sends each response as one packet; otherwise its body waits 40 ms until the client acknowledges the
    headers.
    """
    handler.wbufsize = 65_536
    server = LocalServer(("127.0.0.1", port), handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _refuse_unless_allowed(url: str, headers: dict[str, str], body: bytes) -> None:
    _, body_text = _forwarded(url, headers, body)
    if b"AccessDenied" in body_text:
        raise RefusalError("AccessDeniedException", body_text.decode())


def _forwarded(url: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=patience(60)) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
