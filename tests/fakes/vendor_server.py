"""Serve a vendor's usage API over HTTP; requests and responses that violate its published description fail the test.

with local_vendor(OpenAIUsage(…)) as server:
    focuswatch("fetch", "openai", "--api", server.address)
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator

from tests.fakes.forwarding_http_server import listening

Reply = tuple[int, dict[str, str], Any]  # status, headers, body


class UsageApi(Protocol):
    """Returns a vendor's response to a request: its path below the address, parameters, body and headers."""

    def reply(self, path: str, query: dict[str, list[str]], body: Any, headers: dict[str, str]) -> Reply: ...


@dataclass
class VendorServer:
    """The server: its address, its requests, replacements of the next responses, and violations of the description."""

    api: UsageApi
    address: str = ""
    requests: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    failures: list[Reply] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)


@contextmanager
def local_vendor(api: UsageApi) -> Iterator[VendorServer]:
    """Run the server for the length of the block. Raise AssertionError at the end if the description was violated."""
    server = VendorServer(api)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802  http.server calls it so
            self._reply("GET", None)

        def do_POST(self) -> None:  # noqa: N802
            self._reply("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, method: str, body: Any) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True)
            server.requests.append((method, parts.path, query))
            if server.failures:
                status, headers, content = server.failures.pop(0)
            else:
                try:
                    status, headers, content = api.reply(parts.path, query, body, dict(self.headers))
                except Exception as error:
                    server.breaches.append(f"{method} {self.path}: {error}")
                    status, headers, content = 400, {}, {"error": str(error)}
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Write no access log."""

    with listening(Handler) as port:
        server.address = f"http://127.0.0.1:{port}"
        yield server
    assert server.breaches == []


class Description:
    """A published OpenAPI description, or the parts of it that are used."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def check_query(self, path: str, query: dict[str, list[str]]) -> None:
        """Raise if a GET has an undescribed or invalid parameter, or lacks a required one."""
        described = {
            one["name"]: one
            for one in self.document["paths"][path]["get"]["parameters"]
            if one["in"] == "query"
        }
        assert set(query) <= set(described), (path, set(query) - set(described))
        missing = {name for name, one in described.items() if one.get("required")} - set(query)
        assert not missing, (path, missing)
        for name, texts in query.items():
            schema = described[name]["schema"]
            value: Any = texts if schema["type"] == "array" else _value(texts, schema["type"])
            self._validate(value, schema)

    def check_response(self, path: str, body: Any) -> None:
        """Raise if the body of a 200 response to a GET does not match its schema."""
        content = self.document["paths"][path]["get"]["responses"]["200"]["content"]
        self._validate(body, content["application/json"]["schema"])

    def _validate(self, value: Any, schema: dict[str, Any]) -> None:
        Draft202012Validator({**schema, "components": self.document.get("components", {})}).validate(value)


def _value(texts: list[str], type_: str) -> Any:
    (text,) = texts
    return {"integer": int, "boolean": lambda text: {"true": True, "false": False}[text]}.get(type_, str)(
        text
    )
