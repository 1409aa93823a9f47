"""Run SQL in Athena, through awswrangler.

Results are unloaded as Parquet and read as Arrow, which preserves maps, arrays and decimals. Unloaded rows have no
order, so callers that need an order sort them. The scanned bytes of each statement are recorded for the heartbeat.
"""

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from focuswatch.engines import athena_unload_sql_and_projection_properties
from focuswatch.engines.engine_protocol import Row
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.engines.skip_or_remove_sql_comments import without_comments
from focuswatch.engines.values_as_sql_literals import comment_text, literal
from focuswatch.errors import QueryError, SlowQueryError

if TYPE_CHECKING:
    import boto3
    import numpy as np
    import pyarrow as pa

GIB = 1 << 30
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Executed:
    """A statement that has run, and the bytes that it scanned."""

    label: str
    execution_id: str
    scanned_bytes: int
    seconds: float


@dataclass(eq=False)
class AthenaEngine:
    """An Engine over a Glue database and a workgroup; see focuswatch.engines.engine_protocol.

    `results` is the s3:// folder for unloaded rows. `tables` are SELECTs by name that are prepended to the statements
    that read them. Every statement is appended to `executed`, also when several threads run statements.
    """

    session: "boto3.Session"
    database: str
    workgroup: str
    results: str
    run_id: str
    tables: dict[str, str] = field(default_factory=dict)
    executed: list[Executed] = field(default_factory=list)
    name: str = "athena"
    at_once: int = 5  # of about 20 that an account may run; leaves capacity for other users

    def over(self, tables: Mapping[str, str]) -> "AthenaEngine":
        """Return an engine over other `tables`; see Engine.over. Both share `executed`."""
        return replace(self, tables=dict(tables))

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Return the rows of one SELECT; see Engine.query."""
        table = self._rows(statement, label=label)
        maps = {f.name for f in table.schema if str(f.type).startswith("map<")}
        return [
            {
                name: dict(value) if name in maps and value is not None else value
                for name, value in row.items()
            }
            for row in table.to_pylist()
        ]

    def columns(self, statement: str, *, label: str) -> "dict[str, np.ndarray]":
        """Return the columns of one SELECT; see Engine.columns."""
        table = self._rows(statement, label=label)
        return {name: _masked(table.column(name)) for name in table.column_names}

    def unload(
        self,
        statement: str,
        *,
        to: str,
        label: str,
        partitioned_by: str | None = None,
        most_seconds: float | None = None,
    ) -> Executed:
        """Write the rows of one SELECT as Parquet into the empty folder `to`. Raises QueryError.

        For `partitioned_by`, see athena_unload_sql_and_projection_properties.unload. A statement that runs longer than
        `most_seconds` is stopped and raises SlowQueryError. Athena rejects UNLOAD with `;` or a quote in a comment.
        """
        complete = without_comments(with_tables(without_comments(statement), self.tables))
        marked = f"/* focuswatch run {self.run_id} {comment_text(label)} */"
        written = athena_unload_sql_and_projection_properties.unload(
            f"{marked}\n{complete}\n", to=literal(to), partitioned_by=partitioned_by
        )
        return self._execute(written, label=label, most_seconds=most_seconds)

    def close(self) -> None:
        """Do nothing: the engine holds no resources."""

    def _rows(self, statement: str, *, label: str) -> "pa.Table":
        import awswrangler as wr
        import pyarrow as pa

        folder = f"{self.results.rstrip('/')}/{self.run_id}/{uuid.uuid4().hex}/"
        self.unload(statement, to=folder, label=label)
        files = wr.s3.list_objects(folder, boto3_session=self.session)
        if not files:
            return pa.table({})
        tables = [_read(path, session=self.session) for path in files]
        wr.s3.delete_objects(files, boto3_session=self.session)
        return pa.concat_tables(tables, promote_options="permissive")

    def _execute(self, statement: str, *, label: str, most_seconds: float | None = None) -> Executed:
        import awswrangler as wr
        from botocore.exceptions import BotoCoreError, ClientError

        execution_id = "not started"
        try:
            execution_id = str(
                wr.athena.start_query_execution(
                    statement, database=self.database, workgroup=self.workgroup, boto3_session=self.session
                )
            )
            with self._stopped_after(most_seconds, label=label, execution_id=execution_id):
                found = wr.athena.wait_query(
                    execution_id, boto3_session=self.session, athena_query_wait_polling_delay=POLL_SECONDS
                )
        except (wr.exceptions.QueryFailed, wr.exceptions.QueryCancelled) as error:
            raise QueryError(self._reason(str(error), label=label, execution_id=execution_id)) from error
        except (ClientError, BotoCoreError) as error:
            raise QueryError(
                f"{label}: Athena rejected the statement (execution {execution_id}): {error}"
            ) from error
        return self._count(found, label=label, execution_id=execution_id)

    def _count(self, found: Mapping[str, Any], *, label: str, execution_id: str) -> Executed:
        """Record a statement and its scanned bytes, which Athena bills even if the statement was stopped."""
        counted: Mapping[str, Any] = found.get("Statistics", {})
        executed = Executed(
            label=label,
            execution_id=execution_id,
            scanned_bytes=int(counted.get("DataScannedInBytes", 0)),
            seconds=counted.get("TotalExecutionTimeInMillis", 0) / 1000,
        )
        self.executed.append(executed)
        return executed

    @contextmanager
    def _stopped_after(self, seconds: float | None, *, label: str, execution_id: str) -> Iterator[None]:
        """Stop the statement if it runs longer than `seconds`, and raise SlowQueryError."""
        import awswrangler as wr
        from botocore.exceptions import BotoCoreError, ClientError

        if seconds is None:
            yield
            return
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            with suppress(BotoCoreError, ClientError):  # the statement then runs to its end
                wr.athena.stop_query_execution(execution_id, self.session)

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            yield
        except wr.exceptions.QueryCancelled as error:
            if not is_late.is_set():  # cancelled by a user or by the limit of the workgroup
                raise
            stopped = wr.athena.get_query_execution(execution_id, boto3_session=self.session)
            self._count(stopped, label=label, execution_id=execution_id)
            raise SlowQueryError(
                f"{label}: the statement ran longer than {seconds:.0f} seconds and was stopped "
                f"(execution {execution_id})"
            ) from error
        finally:
            timer.cancel()

    def _reason(self, message: str, *, label: str, execution_id: str) -> str:
        if athena_unload_sql_and_projection_properties.OVER_LIMIT.search(message):
            return (
                f"{label}: the workgroup {self.workgroup} stopped the statement at the limit for scanned "
                f"bytes (execution {execution_id}); increase scan_limit_gib in config/deployment.toml, or "
                "query less data"
            )
        first_line = message.strip().partition("\n")[0] or "no reason given"
        return f"{label}: Athena could not run the statement (execution {execution_id}): {first_line}"


def _read(path: str, *, session: "boto3.Session") -> "pa.Table":
    import io

    import pyarrow.parquet as pq

    bucket, _, key = path.removeprefix("s3://").partition("/")
    body = session.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return pq.read_table(io.BytesIO(body))


def _masked(column: "pa.ChunkedArray") -> "np.ndarray":
    """Return the values for NumPy: text as objects, dates as datetime64, nulls masked."""
    import numpy as np
    import pyarrow as pa

    array = column.combine_chunks()
    values: np.ndarray
    if pa.types.is_date(array.type):
        values = array.to_numpy(zero_copy_only=False).astype("datetime64[D]")
    else:
        values = np.asarray(array.to_pylist(), dtype=float if pa.types.is_floating(array.type) else object)
    if not array.null_count:
        return values
    return np.ma.masked_array(values, mask=array.is_null().to_numpy(zero_copy_only=False))
