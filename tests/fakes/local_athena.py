"""Athena over HTTP, for tests: the verbs that boto3 and awswrangler use, over a Runner that reads real files.

Results go to S3 where Athena would put them, in its shapes. What is not a statement's life (workgroups and the like)
is passed on to the AWS that stands behind. It does not check permissions, and runs SELECT and UNLOAD alone.
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
    refuse_types,
    texts,
    timeline,
    told,
)
from tests.fakes.forwarding_http_server import RefusalError

AT_ONCE = 2  # this machine's cores; the rest are QUEUED
PATIENCE_SECONDS = 10  # how long GetQueryExecution waits for an end, so that nobody polls by the second
MOST_BYTES = 262_144  # of a statement: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
ROWS_A_FILE = 50_000  # UNLOAD writes several files when there is much to write
TOO_MUCH = "Bytes scanned limit was exceeded"
SELECT = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/)*(SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
PARTITIONED_BY = re.compile(r"partitioned_by\s*=\s*ARRAY\['(?P<column>\w+)'\]", re.IGNORECASE)
PARQUET = re.compile(r"format\s*=\s*'PARQUET'", re.IGNORECASE)


@dataclass
class LocalAthena:
    """The service: `handle` serves a verb, `executions` contains each statement in order."""

    runner: Runner
    client: Callable[[str], Any]
    executions: list[Execution] = field(default_factory=list)
    throttled: dict[str, list[str]] = field(default_factory=dict)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE))
    lock: Lock = field(default_factory=Lock)
    rows_a_file: int = ROWS_A_FILE

    def throttle(self, verb: str, *, times: int, code: str = "ThrottlingException") -> None:
        """Throttle the next requests for `verb`."""
        self.throttled[verb] = [code] * times

    def handle(self, verb: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Return the response to a verb; None if another service handles it. Raises RefusalError."""
        verb = verb.removeprefix("AmazonAthena.")
        with self.lock:
            if self.throttled.get(verb):
                raise RefusalError(self.throttled[verb].pop(), "Rate exceeded")
        handlers = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": lambda asked: {"QueryExecution": told(self._awaited(asked))},
            "BatchGetQueryExecution": self._batch,
            "GetQueryRuntimeStatistics": self._runtime_statistics,
            "GetQueryResults": self._results,
            "StopQueryExecution": self._stop,
            "ListQueryExecutions": self._list,
        }
        return handlers[verb](asked) if verb in handlers else None

    def _start(self, asked: dict[str, Any]) -> dict[str, Any]:
        statement = asked["QueryString"]
        if len(statement.encode()) > MOST_BYTES:
            raise RefusalError("InvalidRequestException", f"QueryString is longer than {MOST_BYTES} bytes")
        if not SELECT.match(statement) and not UNLOAD.fullmatch(statement):
            raise RefusalError("InvalidRequestException", "Queries of this type are not supported")
        if asked.get("ExecutionParameters"):
            raise RefusalError("InvalidRequestException", "the local Athena takes no ExecutionParameters")
        name = asked.get("WorkGroup", "primary")
        config = self.client("athena").get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"]
        own = config.get("ResultConfiguration", {}).get("OutputLocation")
        enforced = config.get("EnforceWorkGroupConfiguration", True) and own
        location = own if enforced else asked.get("ResultConfiguration", {}).get("OutputLocation", own)
        if not location:
            raise RefusalError("InvalidRequestException", "No output location provided.")
        execution = Execution(
            statement=statement,
            workgroup=name,
            database=asked.get("QueryExecutionContext", {}).get("Database", "default"),
            location=location.rstrip("/") + "/",
            cutoff_bytes=config.get("BytesScannedCutoffPerQuery"),
        )
        self.executions.append(execution)
        self.workers.submit(self._run, execution)
        return {"QueryExecutionId": execution.id}

    def _run(self, execution: Execution) -> None:
        if execution.over.is_set():
            return
        execution.state = "RUNNING"
        try:
            unload = execution.unload
            if unload:
                self._refuse_unload(unload)
            select = unload["select"] if unload else execution.statement.rstrip().rstrip(";")
            response = self.runner.run(select, database=execution.database, id=execution.id)
            execution.scanned_bytes = response.scanned_bytes
            if execution.cutoff_bytes and response.scanned_bytes > execution.cutoff_bytes:
                execution.scanned_bytes = execution.cutoff_bytes
                execution.end("CANCELLED", TOO_MUCH)
            elif not execution.over.is_set():
                self._keep(execution, response)
                execution.end("SUCCEEDED")
        except StatementError as error:
            execution.end("FAILED", str(error))
        except Exception as error:  # noqa: BLE001  whoever waits for the statement must hear of it
            execution.end("FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}")

    def _refuse_unload(self, unload: re.Match[str]) -> None:
        target = unload["target"]
        bucket, prefix = split_address(target.rstrip("/") + "/")
        if not PARQUET.search(unload["options"]):
            raise StatementError("NOT_SUPPORTED: the local Athena unloads Parquet alone")
        if self.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"):
            raise StatementError(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table already exists: {target}. You may need to "
                "manually clean the data at location before retrying. Athena will not delete data in your account."
            )

    def _keep(self, execution: Execution, answer: StatementResult) -> None:
        execution.answer = answer
        if not (unload := execution.unload):
            self._put(f"{execution.location}{execution.id}.csv", as_csv(answer))
            self._put(f"{execution.location}{execution.id}.csv.metadata", b"")
            return
        refuse_types(answer)
        written: list[str] = []
        for folder, rows in self._folders(answer, unload["options"]):
            for first in range(0, len(rows), self.rows_a_file):
                body = io.BytesIO()
                some = rows.slice(first, self.rows_a_file)
                pq.write_table(some, body, compression="gzip", use_deprecated_int96_timestamps=True)
                file = f"{execution.id.replace('-', '_')}_{len(written):05}"
                written.append(f"{unload['target'].rstrip('/')}/{folder}{file}")
                self._put(written[-1], body.getvalue())
        self._put(f"{execution.location}{execution.id}-manifest.csv", "\n".join(written).encode())
        self._put(f"{execution.location}{execution.id}.metadata", b"")

    def _folders(self, answer: StatementResult, options: str) -> Iterator[tuple[str, pa.Table]]:
        """Yield the rows of each folder: one without a name, or one for each value of `partitioned_by`."""
        if not (by := PARTITIONED_BY.search(options)):
            yield "", answer.rows
            return
        column = by["column"]
        if column != answer.rows.column_names[-1]:
            raise StatementError(
                f"HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns: {column}"
            )
        for value in sorted(set(answer.rows[column].to_pylist())):
            rows = answer.rows.filter(pc.equal(answer.rows[column], value))
            yield f"{column}={value}/", rows.drop_columns([column])

    def _put(self, address: str, body: bytes) -> None:
        bucket, key = split_address(address)
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def _found(self, id: str) -> Execution:
        for execution in self.executions:
            if execution.id == id:
                return execution
        raise RefusalError("InvalidRequestException", f"QueryExecution {id} was not found")

    def _awaited(self, asked: dict[str, Any]) -> Execution:
        execution = self._found(asked["QueryExecutionId"])
        execution.over.wait(PATIENCE_SECONDS)
        return execution

    def _batch(self, asked: dict[str, Any]) -> dict[str, Any]:
        ids = asked["QueryExecutionIds"]
        return {"QueryExecutions": [told(self._found(id)) for id in ids], "UnprocessedQueryExecutionIds": []}

    def _runtime_statistics(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._found(asked["QueryExecutionId"])
        rows = len(execution.answer.rows) if execution.answer else 0
        counted = {"OutputRows": rows, "InputBytes": execution.scanned_bytes}
        return {"QueryRuntimeStatistics": {"Rows": counted, "Timeline": timeline(execution)}}

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._found(asked["QueryExecutionId"])
        execution.end("CANCELLED", "Query cancelled by user")
        self.runner.stop(execution.id)
        return {}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        workgroup = asked.get("WorkGroup", "primary")
        ids = [execution.id for execution in self.executions if execution.workgroup == workgroup]
        return {"QueryExecutionIds": ids[::-1][: asked.get("MaxResults", 50)]}

    def _results(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._awaited(asked)
        if execution.answer is None:
            raise RefusalError(
                "InvalidRequestException", f"Query has not yet finished. Current state: {execution.state}"
            )
        types = {"rows": "bigint"} if execution.unload else execution.answer.types
        rows = [] if execution.unload else texts(execution.answer)
        first = int(asked.get("NextToken", 0))
        most = asked.get("MaxResults", 1000)
        page: dict[str, Any] = {
            "ResultSet": {
                "Rows": [{"Data": [datum(text) for text in row]} for row in rows[first : first + most]],
                "ResultSetMetadata": {"ColumnInfo": [column_info(*column) for column in types.items()]},
            }
        }
        if first + most < len(rows):
            page["NextToken"] = str(first + most)
        return page
