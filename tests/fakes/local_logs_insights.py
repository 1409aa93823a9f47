"""Bedrock's logging configuration, and CloudWatch Logs Insights on model invocation logs that contain prompts.

Queries are evaluated on whole log records, bodies included, so that a query that selects a prompt returns it. Commands
and functions that the collector does not use raise MalformedQueryException, as bad syntax does.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
from botocore.config import Config

from tests.fakes.forwarding_http_server import RefusalError, listening

GROUP, REGION = "/aws/bedrock/modelinvocations", "us-east-1"
SECRET = "confidential diagnosis of a patient"  # the same text in JSON and in Python
# Logs Insights discovers this many fields of a record.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
DISCOVERED = 200
LOGGING = {
    "cloudWatchConfig": {"logGroupName": GROUP, "roleArn": "arn:aws:iam::111122223333:role/bedrock-logs"}
}
NAME = r"(?:`[^`]+`|[@A-Za-z0-9_.]+)"
ALIASED = re.compile(rf"({NAME}) as (\w+)")
AGGREGATE = re.compile(r"(count|sum)\((\*|\w+)\) as (\w+)")
IS_PRESENT = re.compile(r"ispresent\((\w+)\)")
SINCE = re.compile(r"toMillis\(@timestamp\) (>=|<) (\d+)")
Record = dict[str, Any]


def invocation(
    at: datetime,
    *,
    model: str,
    principal: str = "arn:aws:sts::111122223333:assumed-role/Agent/s",
    tokens: Any,
    metadata: dict[str, str] | None = None,
    messages: int = 1,
) -> Record:
    """Return Bedrock's record of a Converse call; `tokens` are input, output, cache reads and cache writes.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
    """
    counts = dict(zip(("in", "out", "read", "write"), tokens, strict=True)) if tokens else {}
    prompt = [{"role": "user", "content": [{"text": SECRET}]} for _ in range(messages)]
    record: Record = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": at.isoformat(),
        "accountId": "111122223333",
        "identity": {"arn": principal},
        "region": REGION,
        "requestId": "r",
        "operation": "Converse",
        "modelId": model,
        "input": {"inputContentType": "application/json", "inputBodyJson": {"messages": prompt}},
        "output": {"outputContentType": "application/json", "outputBodyJson": {"answer": SECRET}},
    }
    if counts:
        record["input"] |= {
            "inputTokenCount": counts["in"],
            "cacheReadInputTokenCount": counts["read"],
            "cacheWriteInputTokenCount": counts["write"],
        }
        record["output"]["outputTokenCount"] = counts["out"]
    return record | ({"requestMetadata": metadata} if metadata else {})


@dataclass
class LocalInvocationLogs:
    """The server; `config` is the logging configuration, `kept_since` is the time of the oldest record retained."""

    url: str = ""
    records: list[Record] = field(default_factory=list)
    config: dict[str, Any] | None = field(default_factory=lambda: dict(LOGGING))
    kept_since: datetime | None = None
    most_rows: int = 10_000  # of a result, whatever limit is requested
    polls: int = 1  # until a query is complete
    statuses: list[str] = field(default_factory=list)  # final states of the next queries; Complete if empty
    refusal: str | None = None  # an error code for every query
    queries: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, list[Any]] = field(default_factory=dict)  # rows, remaining polls and status, by query

    def client(self, service: str, *, region_name: str = REGION) -> Any:
        """Return a client of `logs` or `bedrock`; a replacement for `boto3.Session.client`."""
        return boto3.client(
            service,
            region_name=region_name,
            endpoint_url=self.url,
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Serve StartQuery."""
        self.queries.append(request)
        if self.refusal:
            raise RefusalError(self.refusal, "not authorized to perform: logs:StartQuery")
        if request["logGroupName"] != GROUP:
            raise RefusalError("ResourceNotFoundException", "no such log group")
        if self.kept_since and request["endTime"] <= self.kept_since.timestamp():
            raise RefusalError(
                "MalformedQueryException",
                "Query's end date and time is either before the log groups creation time or exceeds the log groups "
                "log retention settings",
            )
        # Both ends are included.
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
        inside = [
            record
            for record in self.records
            if request["startTime"]
            <= datetime.fromisoformat(record["timestamp"]).timestamp()
            <= request["endTime"]
        ]
        rows = evaluated(request["queryString"], inside)[: min(request["limit"], self.most_rows)]
        key = f"q{len(self.queries)}"
        status = self.statuses.pop(0) if self.statuses else "Complete"
        self.results[key] = [rows, self.polls, status]
        return {"queryId": key}

    def result(self, request: dict[str, Any]) -> dict[str, Any]:
        """Serve GetQueryResults: the state of a query, and partial results while it runs."""
        rows, polls, status = self.results[request["queryId"]]
        if polls > 0:
            self.results[request["queryId"]][1] -= 1
            return {"status": "Running", "results": rows[:1]}
        return {"status": status, "results": rows if status == "Complete" else []}


def evaluated(query: str, records: Iterable[Record]) -> list[list[dict[str, str]]]:
    """Return the rows of a query. Raise RefusalError for anything but the supported `fields`, `filter` and `stats`."""
    events = [_flat(record) for record in records]
    for command in re.split(r"\n\|\s*", query.strip()):
        verb, _, rest = command.partition(" ")
        match verb:
            case "fields":
                pairs = _matches(ALIASED, rest)
                events = [event | _named(event, pairs) for event in events]
            case "filter":
                events = [event for event in events if _passes(event, rest)]
            case "stats":
                return _stats(events, rest)
            case _:
                raise RefusalError("MalformedQueryException", f"unexpected {verb}")
    return [[{"field": name, "value": str(value)} for name, value in event.items()] for event in events]


def _flat(record: Record) -> Record:
    fields = dict(list(_leaves(record))[:DISCOVERED])
    at = datetime.fromisoformat(record["timestamp"])
    return fields | {"@timestamp": at.timestamp() * 1000, "@message": json.dumps(record)}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from _leaves(child, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _matches(pattern: re.Pattern[str], text: str) -> list[tuple[str, ...]]:
    """Return the groups of each comma-separated part; each part must match the pattern as a whole."""
    matches = [pattern.fullmatch(part.strip()) for part in text.split(",")]
    if None in matches:
        raise RefusalError("MalformedQueryException", f"unexpected token in {text}")
    return [match.groups() for match in matches if match]


def _named(event: Record, pairs: Iterable[tuple[str, ...]]) -> Record:
    named = {alias: event.get(name.strip("`")) for name, alias in pairs}
    return {alias: value for alias, value in named.items() if value is not None}


def _passes(event: Record, condition: str) -> bool:
    for part in condition.split(" and "):
        if present := IS_PRESENT.fullmatch(part):
            if present[1] not in event:
                return False
        elif since := SINCE.fullmatch(part):
            holds: dict[str, Callable[[float, float], bool]] = {">=": float.__ge__, "<": float.__lt__}
            if not holds[since[1]](float(event["@timestamp"]), float(since[2])):
                return False
        else:
            raise RefusalError("MalformedQueryException", f"unexpected condition {part}")
    return True


def _stats(events: list[Record], text: str) -> list[list[dict[str, str]]]:
    sums, _, by = text.partition(" by ")
    aggregates, names = _matches(AGGREGATE, sums), [name.strip() for name in by.split(",")]
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for event in events:
        groups.setdefault(tuple(event.get(name) for name in names), []).append(event)
    rows = []
    for values, members in groups.items():
        row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for function, argument, alias in aggregates:
            values_of_argument = [event[argument] for event in members if argument in event]
            if function == "sum":
                row |= {alias: float(sum(values_of_argument))} if values_of_argument else {}
            else:
                row[alias] = len(members) if argument == "*" else len(values_of_argument)
        rows.append([{"field": name, "value": str(value)} for name, value in row.items()])
    return rows


@contextmanager
def local_invocation_logs() -> Iterator[LocalInvocationLogs]:
    """Run the server for the length of the block."""
    server = LocalInvocationLogs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802  http.server calls it so
            if self.path != "/logging/modelinvocations":
                return self._reply(404, {"message": self.path})
            return self._reply(200, {"loggingConfig": server.config} if server.config else {})

        def do_POST(self) -> None:  # noqa: N802
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            verb = self.headers["X-Amz-Target"].removeprefix("Logs_20140328.")
            try:
                self._reply(
                    200, {"StartQuery": server.start, "GetQueryResults": server.result}[verb](request)
                )
            except RefusalError as error:
                self._reply(400, {"__type": error.code, "message": str(error)})

        def _reply(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Write no access log."""

    with listening(Handler) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server
