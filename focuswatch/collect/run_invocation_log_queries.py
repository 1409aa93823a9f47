"""Run CloudWatch Logs Insights queries that sum the tokens in model invocation logs.

invocation_token_sums_query defines the query, which returns no log events.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from focuswatch.collect.invocation_token_sums_query import TOKEN_FIELDS, invocation_query, key_name

# Maximum rows per query: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
# More rows require a token that older versions of boto3 do not support. So if a query returns this many rows, its
# period is queried in parts.
MOST_ROWS = 10_000
PARTS = (timedelta(hours=1), timedelta(minutes=1))  # parts of a day, then of an hour
# Less than the limit of one hour: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
QUERY_SECONDS = 120.0
FIRST_WAIT, LONGEST_WAIT = 0.2, 2.0
UNFINISHED = ("Scheduled", "Running", "Unknown")
# Parts of StartQuery's error messages for a period before the log group was created or past its retention.
NOT_KEPT = ("retention", "creation time")
COUNTS = ("invocations", "counted_invocations", *TOKEN_FIELDS)

Group = tuple[str, str, tuple[tuple[str, str], ...]]  # model, caller, metadata
Sums = dict[Group, dict[str, int]]


class LogQueryError(Exception):
    """CloudWatch Logs did not complete a query."""


class TooManyGroupsError(Exception):
    """A minute has more groups than a result can hold; a repeated query would have the same result."""


@dataclass(frozen=True)
class LogDestination:
    """The log group that receives a Region's invocation logs, and whether they are delivered to S3 only."""

    log_group: str | None
    is_s3_only: bool


def log_destination(bedrock: Any) -> LogDestination:
    """Return the destination of invocation logs; neither log group nor S3 if logging is off."""
    config = bedrock.get_model_invocation_logging_configuration().get("loggingConfig") or {}
    group = (config.get("cloudWatchConfig") or {}).get("logGroupName") or None
    return LogDestination(group, is_s3_only=group is None and bool(config.get("s3Config")))


@dataclass(frozen=True)
class InvocationLog:
    """A log group with invocation logs; `client` is a CloudWatch Logs client in the account of the log group."""

    client: Any
    log_group: str
    metadata_keys: Sequence[str]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = field(default=time.monotonic)

    def sums(self, day: date) -> Sums:
        """Return the sums of a UTC day by model, caller and metadata; empty if the log group has no data for the day.

        Raises LogQueryError, TooManyGroupsError, and errors of the client.
        """
        first = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return self._sums(first, first + timedelta(days=1), parts=PARTS)

    def _sums(self, first: datetime, until: datetime, *, parts: Sequence[timedelta]) -> Sums:
        rows = self._rows(first, until)
        if len(rows) < MOST_ROWS:
            return self._added(rows)
        if not parts:  # the result may lack rows, and wrong sums are worse than none
            raise TooManyGroupsError(
                f"the query for {first:%Y-%m-%d %H:%M} returned {MOST_ROWS:,} or more rows for one minute; remove "
                "metadata_keys that differ in every call from owners.toml"
            )
        length, *shorter = parts
        total: Sums = {}
        while first < until:
            _add(total, self._sums(first, first + length, parts=shorter))
            first += length
        return total

    def _rows(self, first: datetime, until: datetime) -> list[dict[str, str]]:
        try:
            started = self.client.start_query(
                logGroupName=self.log_group,
                startTime=int(first.timestamp()),
                endTime=int(until.timestamp()),
                queryString=invocation_query(self.metadata_keys, first=first, until=until),
                limit=MOST_ROWS,
            )
        except ClientError as error:
            if _is_not_kept(error):
                return []
            raise
        return [{pair["field"]: pair["value"] for pair in row} for row in self._results(started["queryId"])]

    def _results(self, query_id: str) -> list[list[dict[str, str]]]:
        wait, deadline = FIRST_WAIT, self.clock() + QUERY_SECONDS
        while True:
            response = self.client.get_query_results(queryId=query_id)
            status = response["status"]
            if status == "Complete":
                return list(response["results"])
            if status not in UNFINISHED:
                raise LogQueryError(f"the query ended with the status {status}")
            if self.clock() >= deadline:
                raise LogQueryError(f"the query did not complete within {QUERY_SECONDS:.0f} seconds")
            self.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def _added(self, rows: Sequence[dict[str, str]]) -> Sums:
        total: Sums = {}
        for row in rows:
            metadata = tuple(
                (key, value)
                for place, key in enumerate(self.metadata_keys)
                if (value := row.get(key_name(place)))
            )
            group = (row.get("model", ""), row.get("principal", ""), metadata)
            _add(total, {group: {name: round(float(row.get(name) or 0)) for name in COUNTS}})
        return total


def rows_of(sums: Sums) -> Iterator[dict[str, Any]]:
    """Yield the sums as rows of `invocation_tokens`, without the columns for day, account and Region."""
    for (model, principal, metadata), counts in sorted(sums.items()):
        yield {"model_id": model, "iam_principal": principal or None, "metadata": dict(metadata), **counts}


def _add(total: Sums, more: Sums) -> None:
    for group, counts in more.items():
        before = total.setdefault(group, dict.fromkeys(COUNTS, 0))
        for name, count in counts.items():
            before[name] += count


def _is_not_kept(error: ClientError) -> bool:
    details = error.response.get("Error", {})
    message = details.get("Message", "")
    return details.get("Code") == "MalformedQueryException" and any(word in message for word in NOT_KEPT)
