"""A team's own HTTPS endpoint that receives webhooks.

It verifies signatures as a receiver of Standard Webhooks does, keeps each event once by its id, and fails on demand.
"""

import base64
import hashlib
import hmac
import json
import ssl
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.forwarding_http_server import LocalServer

HOST = "hooks.acme.example"
SECRET = "whsec_" + base64.b64encode(b"a key of at least 24 bytes, shared").decode()
TOLERANCE_SECONDS = 300  # a receiver rejects older timestamps


@dataclass
class LocalEndpoint:
    """The accepted events by id, every request, and the faults of the next requests.

    A fault is a status (429 has a `Retry-After` of 7), `dropped` (accepted, but the connection is cut) or `silent`
    (accepted, but there is no response until the client gives up).
    """

    tls: ssl.SSLContext
    port: int = 0
    clock: Any = time.time
    secret: str = SECRET
    faults: deque[int | str] = field(default_factory=deque)
    fault: int | str | None = None  # of every request
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    attempts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The URL for owners.toml."""
        return f"https://{HOST}:{self.port}/focuswatch"

    def accept(self, headers: dict[str, str], body: bytes) -> int | str:
        """Process a request, and return the status of its response, or `dropped` or `silent`."""
        with self.lock:
            self.attempts.append((headers, body))
            fault = self.fault or (self.faults.popleft() if self.faults else None)
            if isinstance(fault, int):
                return fault
            if not self._is_signed(headers, body):
                self.forged.append(headers.get("webhook-id", ""))
                return 401
            id = headers["webhook-id"]
            if id not in self.events:
                self.events[id] = json.loads(body)
                self.order.append(id)
            return fault or 202

    def _is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        if abs(self.clock() - int(headers["webhook-timestamp"])) > TOLERANCE_SECONDS:
            return False
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        offered = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(one, expected) for version, one in offered)


def _handler(endpoint: LocalEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802  http.server calls it so
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            outcome = endpoint.accept(headers | {":path": self.path}, body)
            if outcome == "silent":
                endpoint.closing.wait(30)
            if outcome in ("dropped", "silent"):
                self.close_connection = True
                return
            self.send_response(int(outcome))
            if outcome == 429:
                self.send_header("Retry-After", "7")
            if 300 <= int(outcome) < 400:
                self.send_header("Location", "https://169.254.169.254/latest/meta-data/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Write no access log."""

    return Handler


class _QuietServer(LocalServer):
    """A server that does not print an error when a client aborts the TLS handshake."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing."""


@contextmanager
def local_endpoint() -> Iterator[LocalEndpoint]:
    """Run an endpoint with a certificate that only its `tls` context trusts."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = _certificate(Path(folder))
        trusting = ssl.create_default_context(cafile=str(certificate))
        endpoint = LocalEndpoint(trusting)
        server = _QuietServer(("127.0.0.1", 0), _handler(endpoint))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        endpoint.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield endpoint
        finally:
            endpoint.closing.set()
            server.shutdown()
            server.server_close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Create a certificate for HOST; return its file and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file
