"""SES v2 and Security Hub over HTTP: the operations that focuswatch calls.

Requests are validated with botocore's models and the services' documented limits, and fail on demand.
"""

import functools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.validate import ParamValidator

from tests.fakes.forwarding_http_server import listening
from tests.fakes.waiting import patience

ACCOUNT, REGION = "111122223333", "us-east-1"
SENDER = "focuswatch@acme.example"
VALIDATOR = ParamValidator()


class AwsError(Exception):
    """An error response of the service: its code, status and message."""

    def __init__(self, code: str, *, status: int = 400, message: str = "") -> None:
        super().__init__(message or code)
        self.code, self.status = code, status


@dataclass
class Faults:
    """Faults of the next requests, or of every request.

    `429`, `500` or an error code: the request has no effect. `dropped`, `silent`: it takes effect, but the connection
    is cut, or there is no response until the client gives up.
    """

    next: deque[str] = field(default_factory=deque)
    every: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> str | None:
        """Return the fault of the current request."""
        with self.lock:
            return self.every or (self.next.popleft() if self.next else None)


@dataclass
class LocalRestAws:
    """The server: the mails that it sent, and the findings that it imported."""

    url: str = ""
    clock: Callable[[], float] = time.time
    faults: Faults = field(default_factory=Faults)
    mails: list[dict[str, Any]] = field(default_factory=list)
    verified: set[str] = field(default_factory=lambda: {"acme.example", SENDER})
    sandbox: bool = False
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    imports: list[list[dict[str, Any]]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # updates that were not newer
    failing: dict[str, int] = field(default_factory=dict)  # number of imports that still fail, by finding
    hub_enabled: bool = True
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """Return a client without retries, as the functions use for calls that must not be repeated."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=patience(1)),
        )

    def handle(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the response to a request."""
        with self.lock:
            if path == "/v2/email/outbound-emails":
                return self._send(_valid("sesv2", "SendEmail", body))
            if path == "/findings/import":
                return self._import(_valid("securityhub", "BatchImportFindings", body))
        raise AwsError("UnknownOperationException", status=404)

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a mail. The sandbox: https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html."""
        sender, (recipient,) = request["FromEmailAddress"], request["Destination"]["ToAddresses"]
        for address in [sender, *([recipient] if self.sandbox else [])]:
            if not {address, address.partition("@")[2]} & self.verified:
                raise AwsError(
                    "MessageRejected", message=f"Email address is not verified. The identity {address} failed"
                )
        simple = request["Content"]["Simple"]
        if "\n" in simple["Subject"]["Data"]:
            raise AwsError("BadRequestException")
        self.mails.append({"to": recipient, **simple})
        return {"MessageId": f"0100{len(self.mails):012x}"}

    def _import(self, request: dict[str, Any]) -> dict[str, Any]:
        """Import findings.

        https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html
        """
        findings = request["Findings"]
        if not self.hub_enabled:
            raise AwsError(
                "InvalidAccessException", status=401, message="Account is not subscribed to AWS Security Hub"
            )
        if not 1 <= len(findings) <= 100 or len(json.dumps(request)) > 6_000_000:
            raise AwsError("InvalidInputException")
        if len({one["Id"] for one in findings}) < len(findings):
            raise AwsError("InvalidInputException", message="duplicate ids")
        self.imports.append(findings)
        failed = [
            {"Id": one["Id"], "ErrorCode": code, "ErrorMessage": code}
            for one in findings
            if (code := self._imported(one))
        ]
        return {
            "FailedCount": len(failed),
            "SuccessCount": len(findings) - len(failed),
            "FailedFindings": failed,
        }

    def _imported(self, one: dict[str, Any]) -> str | None:
        if self.failing.get(one["Id"], 0):
            self.failing[one["Id"]] -= 1
            return "InternalError"
        if one["AwsAccountId"] != ACCOUNT or one["ProductArn"] != _product():
            return "InvalidAccess"
        if problem := asff_problem(one):
            return f"InvalidInput: {problem}"
        before = self.findings.get(one["Id"])
        if before and one["UpdatedAt"] <= before["UpdatedAt"]:
            self.ignored.append(one["Id"])
        else:
            self.findings[one["Id"]] = one
        return None


def asff_problem(one: dict[str, Any]) -> str | None:
    """Return a violation of the limits of the AWS Security Finding Format; None if there is none.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
    """
    limits = {"Id": 512, "GeneratorId": 512, "Title": 256, "Description": 1024}
    for name, most in limits.items():
        if not one[name].strip() or len(one[name]) > most:
            return f"{name} has {len(one[name])} characters"
    if len(json.dumps(one).encode()) > 240_000:
        return "too large"
    if len(one.get("Remediation", {}).get("Recommendation", {}).get("Text", "")) > 512:
        return "Remediation"
    if not 1 <= len(one["Resources"]) <= 32 or any(len(each["Id"]) > 512 for each in one["Resources"]):
        return "Resources"
    fields = one.get("ProductFields", {})
    if len(fields) > 50 or any(len(key) > 128 or len(value) > 2048 for key, value in fields.items()):
        return "ProductFields"
    spaces = ("Software and Configuration Checks", "TTPs", "Effects", "Unusual Behaviors", "Sensitive Data")
    types = one.get("FindingProviderFields", {}).get("Types", []) + one.get("Types", [])
    if not types or not all(each.startswith(spaces) and each.count("/") <= 2 for each in types):
        return "Types"
    return None


def _product() -> str:
    return f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"


def _valid(service: str, operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the request if it is valid in botocore's model of the service; raise AwsError otherwise."""
    report = VALIDATOR.validate(body, _input_shape(service, operation))
    if report.has_errors():
        raise AwsError("ValidationException", message=report.generate_report())
    return body


@functools.cache
def _input_shape(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape


@contextmanager
def local_rest_aws() -> Iterator[LocalRestAws]:
    """Run the server for the length of the block."""
    aws = LocalRestAws()
    for service, operation in (("sesv2", "SendEmail"), ("securityhub", "BatchImportFindings")):
        _input_shape(service, operation)  # loaded now, so that no client has to wait for it

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802  http.server calls it so
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fault = aws.faults.take()
            try:
                if fault == "429":
                    raise AwsError(
                        "TooManyRequestsException", status=429, message="Maximum sending rate exceeded."
                    )
                if fault == "500":
                    raise AwsError("InternalFailure", status=500)
                if fault and fault not in ("dropped", "silent"):
                    raise AwsError(fault)
                status, content, code = 200, aws.handle(self.path, body), ""
            except AwsError as error:
                status, content, code = error.status, {"message": str(error)}, error.code
            if fault == "silent":
                aws.closing.wait(30)
            if fault in ("dropped", "silent"):
                self.close_connection = True
                return
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Write no access log."""

    with listening(Handler) as port:
        aws.url = f"http://127.0.0.1:{port}"
        try:
            yield aws
        finally:
            aws.closing.set()
