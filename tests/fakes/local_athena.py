"""Athena over HTTP, for tests: it serves the verbs that boto3 and awswrangler use, with a Runner that reads real files.

Results are written to S3 in Athena's places and formats. Verbs that are not about query executions, such as those about
workgroups, are forwarded to the AWS behind it. It does not check permissions, and runs only SELECT and UNLOAD.
"""

import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.fakes.athena_on_duckdb import Runner, StatementError, StatementResult, split_address
from tests.fakes.athena_responses import (
    UNLOAD,
    Execution,
    as_csv,
    column_info,
    datum,
    query_execution,
    refuse_types,
    texts,
    timeline,
)
from tests.fakes.forwarding_http_server import RefusalError

PARALLEL_STATEMENTS = 2  # one per core of this machine; other statements are QUEUED
# GetQueryExecution waits up to this long for the end of the statement, so that clients do not poll every second.
PATIENCE_SECONDS = 10
MOST_BYTES = 262_144  # of a statement: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
ROWS_A_FILE = 50_000  # UNLOAD splits larger results into several files
TOO_MUCH = "Bytes scanned limit was exceeded"
SELECT = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/)*(SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
PARTITIONED_BY = re.compile(r"partitioned_by\s*=\s*ARRAY\['(?P<column>\w+)'\]", re.IGNORECASE)
PARQUET = re.compile(r"format\s*=\s*'PARQUET'", re.IGNORECASE)


@dataclass
class LocalAthena:
    """The service: `handle` serves a request, `executions` are all statements in order of their start."""

    runner: Runner
    client: Callable[[str], Any]
    executions: list[Execution] = field(default_factory=list)
    throttled: dict[str, list[str]] = field(default_factory=dict)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(PARALLEL_STATEMENTS))
    lock: Lock = field(default_factory=Lock)
    rows_a_file: int = ROWS_A_FILE

    def throttle(self, verb: str, *, times: int, code: str = "ThrottlingException") -> None:
        """Throttle the next requests for `verb`."""
        self.throttled[verb] = [code] * times

    def handle(self, verb: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Return the response to a request; None if the verb is not served here. Raise RefusalError."""
        verb = verb.removeprefix("AmazonAthena.")
        with self.lock:
            if self.throttled.get(verb):
                raise RefusalError(self.throttled[verb].pop(), "Rate exceeded")
        handlers = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": lambda request: {
                "QueryExecution": query_execution(self._finished_execution(request))
            },
            "BatchGetQueryExecution": self._batch,
            "GetQueryRuntimeStatistics": self._runtime_statistics,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
            "ListQueryExecutions": self._list,
        }
        return handlers[verb](request) if verb in handlers else None

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        statement = request["QueryString"]
        if len(statement.encode()) > MOST_BYTES:
            raise RefusalError("InvalidRequestException", f"QueryString is longer than {MOST_BYTES} bytes")
        if not SELECT.match(statement) and not UNLOAD.fullmatch(statement):
            raise RefusalError("InvalidRequestException", "Queries of this type are not supported")
        if request.get("ExecutionParameters"):
            raise RefusalError("InvalidRequestException", "the local Athena takes no ExecutionParameters")
        name = request.get("WorkGroup", "primary")
        config = self.client("athena").get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"]
        own = config.get("ResultConfiguration", {}).get("OutputLocation")
        enforced = config.get("EnforceWorkGroupConfiguration", True) and own
        location = own if enforced else request.get("ResultConfiguration", {}).get("OutputLocation", own)
        if not location:
            raise RefusalError("InvalidRequestException", "No output location provided.")
        execution = Execution(
            statement=statement,
            workgroup=name,
            database=request.get("QueryExecutionContext", {}).get("Database", "default"),
            location=location.rstrip("/") + "/",
            cutoff_bytes=config.get("BytesScannedCutoffPerQuery"),
        )
        self.executions.append(execution)
        self.workers.submit(self._run, execution)
        return {"QueryExecutionId": execution.id}

    def _run(self, execution: Execution) -> None:
        if execution.finished.is_set():
            return
        execution.state = "RUNNING"
        try:
            unload = execution.unload
            if unload:
                self._check_unload(unload)
            select = unload["select"] if unload else execution.statement.rstrip().rstrip(";")
            response = self.runner.run(select, database=execution.database, id=execution.id)
            execution.scanned_bytes = response.scanned_bytes
            if execution.cutoff_bytes and response.scanned_bytes > execution.cutoff_bytes:
                execution.scanned_bytes = execution.cutoff_bytes
                execution.end("CANCELLED", TOO_MUCH)
            elif not execution.finished.is_set():
                self._store(execution, response)
                execution.end("SUCCEEDED")
        except StatementError as error:
            execution.end("FAILED", str(error))
        except Exception as error:  # noqa: BLE001  a client that waits for the statement must see every error
            execution.end("FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}")

    def _check_unload(self, unload: re.Match[str]) -> None:
        target = unload["target"]
        bucket, prefix = split_address(target.rstrip("/") + "/")
        if not PARQUET.search(unload["options"]):
            raise StatementError("NOT_SUPPORTED: the local Athena unloads Parquet alone")
        if self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
            raise StatementError(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {target}. You may need to "
                "manually clean the data at location before retrying. Athena will not delete data in your account."
            )

    def _store(self, execution: Execution, result: StatementResult) -> None:
        execution.result = result
        if not (unload := execution.unload):
            self._put(f"{execution.location}{execution.id}.csv", as_csv(result))
            self._put(f"{execution.location}{execution.id}.csv.metadata", b"")
            return
        refuse_types(result)
        written: list[str] = []
        for folder, rows in self._folders(result, unload["options"]):
            for first in range(0, len(rows), self.rows_a_file):
                body = io.BytesIO()
                some = rows.slice(first, self.rows_a_file)
                pq.write_table(some, body, compression="gzip", use_deprecated_int96_timestamps=True)
                file = f"{execution.id.replace('-', '_')}_{len(written):05}"
                written.append(f"{unload['target'].rstrip('/')}/{folder}{file}")
                self._put(written[-1], body.getvalue())
        self._put(f"{execution.location}{execution.id}-manifest.csv", "\n".join(written).encode())
        self._put(f"{execution.location}{execution.id}.metadata", b"")

    def _folders(self, result: StatementResult, options: str) -> Iterator[tuple[str, pa.Table]]:
        """Yield the name and the rows of each folder: one without a name, or one per value of `partitioned_by`."""
        if not (by := PARTITIONED_BY.search(options)):
            yield "", result.rows
            return
        column = by["column"]
        if column != result.rows.column_names[-1]:
            raise StatementError(
                f"HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns: {column}"
            )
        for value in sorted(set(result.rows[column].to_pylist())):
            rows = result.rows.filter(pc.equal(result.rows[column], value))
            yield f"{column}={value}/", rows.drop_columns([column])

    def _put(self, address: str, body: bytes) -> None:
        bucket, key = split_address(address)
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def _execution(self, id: str) -> Execution:
        for execution in self.executions:
            if execution.id == id:
                return execution
        raise RefusalError("InvalidRequestException", f"QueryExecution {id} was not found")

    def _finished_execution(self, request: dict[str, Any]) -> Execution:
        execution = self._execution(request["QueryExecutionId"])
        execution.finished.wait(PATIENCE_SECONDS)
        return execution

    def _batch(self, request: dict[str, Any]) -> dict[str, Any]:
        ids = request["QueryExecutionIds"]
        executions = [query_execution(self._execution(id)) for id in ids]
        return {"QueryExecutions": executions, "UnprocessedQueryExecutionIds": []}

    def _runtime_statistics(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._execution(request["QueryExecutionId"])
        rows = len(execution.result.rows) if execution.result else 0
        counted = {"OutputRows": rows, "InputBytes": execution.scanned_bytes}
        return {"QueryRuntimeStatistics": {"Rows": counted, "Timeline": timeline(execution)}}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._execution(request["QueryExecutionId"])
        execution.end("CANCELLED", "Query cancelled by user")
        self.runner.stop(execution.id)
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        workgroup = request.get("WorkGroup", "primary")
        ids = [execution.id for execution in self.executions if execution.workgroup == workgroup]
        return {"QueryExecutionIds": ids[::-1][: request.get("MaxResults", 50)]}

    def _results(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self._finished_execution(request)
        if execution.result is None:
            raise RefusalError(
                "InvalidRequestException", f"Query has not yet finished. Current state: {execution.state}"
            )
        types = {"rows": "bigint"} if execution.unload else execution.result.types
        rows = [] if execution.unload else texts(execution.result)
        first = int(request.get("NextToken", 0))
        most = request.get("MaxResults", 1000)
        page: dict[str, Any] = {
            "ResultSet": {
                "Rows": [{"Data": [datum(text) for text in row]} for row in rows[first : first + most]],
                "ResultSetMetadata": {"ColumnInfo": [column_info(*column) for column in types.items()]},
            }
        }
        if first + most < len(rows):
            page["NextToken"] = str(first + most)
        return page
