"""Read and write the collected tables in S3, as Parquet files.

`activity` has one file per account and day, `token_hours` per day, `invocation_tokens` per account, Region and day,
`ai_links` per account, `events` per day and per event file of a CI system. `accounts` and `account_history` have one
file each.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from focuswatch.bill.refresh.write_read_delete_athena_table_files import arrow_schema
from focuswatch.bill.schema.columns_of_all_tables import (
    ACCOUNT_HISTORY,
    ACCOUNTS,
    ACTIVITY,
    AI_LINKS,
    EVENTS,
    INVOCATION_TOKENS,
    TOKEN_HOURS,
)
from focuswatch.bill.schema.glue_tables_and_partition_keys import glue_columns
from focuswatch.collect.aws_paging import paged
from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.collector_iam_actions import READ_UNTIL_KEY

# The files contain the date column although the folder name has the date too, so that a copied file keeps its date.
ACTIVITY_SCHEMA = arrow_schema(glue_columns(ACTIVITY))
ACCOUNTS_SCHEMA = arrow_schema(glue_columns(ACCOUNTS))
HISTORY_SCHEMA = arrow_schema(glue_columns(ACCOUNT_HISTORY))
TOKEN_HOURS_SCHEMA = arrow_schema(glue_columns(TOKEN_HOURS))
INVOCATIONS_SCHEMA = arrow_schema(glue_columns(INVOCATION_TOKENS))
LINKS_SCHEMA = arrow_schema(glue_columns(AI_LINKS))
EVENTS_SCHEMA = arrow_schema(glue_columns(EVENTS))
EVENTS_FOLDER = "tables/events/"
ACCOUNTS_KEY = "tables/accounts/accounts.parquet"
HISTORY_KEY = "tables/account_history/account_history.parquet"
Series = tuple[str, str, str, str]  # region, namespace, resource, metric
Values = dict[Series, float]
TokenHour = tuple[date, int, str, str, str, str]  # day, hour (UTC), account, Region, ModelId, kind of token
TokenHours = dict[TokenHour, float]


@dataclass(frozen=True)
class StoredObject:
    """The size and time of an object in the bucket."""

    modified: datetime
    size: int


@dataclass
class Store:
    """The collected tables in a bucket; `s3` is an S3 client.

    Every write replaces one whole object, so that a reader sees either the old or the new object.
    """

    s3: Any
    bucket: str
    stored: set[tuple[date, str]] = field(default_factory=set)
    invocations: set[str] = field(default_factory=set)  # keys of stored files

    def load_activity_days(self, days: Iterable[date]) -> None:
        """Load which accounts have an activity file for these days; `activity` reads only the days loaded here."""
        for day in days:
            for key in self._keys(_folder(day)):
                self.stored.add((day, key.rpartition("/")[2].removesuffix(".parquet")))

    def load_invocation_days(self, days: Iterable[date]) -> None:
        """Load which accounts and Regions have token sums for these days; `has_invocations` depends on this."""
        for day in days:
            self.invocations.update(self._keys(_invocations_folder(day)))

    def _keys(self, folder: str) -> Iterator[str]:
        listed = paged(self._list, "Contents", token="ContinuationToken", Bucket=self.bucket, Prefix=folder)
        return (item["Key"] for item in listed)

    def _list(self, **arguments: Any) -> dict[str, Any]:
        page = self.s3.list_objects_v2(**arguments)
        return {"Contents": page.get("Contents"), "ContinuationToken": page.get("NextContinuationToken")}

    def activity(self, account: str, *, day: date) -> Values:
        """Return the stored metric values of an account on a day; empty if the day was never collected."""
        if (day, account) not in self.stored:
            return {}
        rows = self._read(_key(day, account))
        return {
            (row["region_id"], row["namespace"], row["resource_id"], row["metric"]): row["value"]
            for row in rows
        }

    def write_activity(self, account: str, *, day: date, values: Values) -> None:
        """Replace the stored metric values of an account on a day."""
        rows = [
            {
                "activity_date": day,
                "sub_account_id": account,
                "region_id": region,
                "namespace": namespace,
                "resource_id": resource,
                "metric": metric,
                "value": value,
            }
            for (region, namespace, resource, metric), value in sorted(values.items())
        ]
        self._write(_key(day, account), rows, schema=ACTIVITY_SCHEMA)
        self.stored.add((day, account))

    def accounts(self) -> list[dict[str, Any]]:
        """Return the accounts as last written; empty before the first run.

        Lists the key before reading it: for a missing key, S3 returns AccessDenied instead of NoSuchKey if the role may
        list only some prefixes.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        return self._tagged(ACCOUNTS_KEY)

    def write_accounts(self, rows: list[dict[str, Any]]) -> None:
        """Replace the stored accounts."""
        self._write_tagged(ACCOUNTS_KEY, rows, schema=ACCOUNTS_SCHEMA)

    def account_history(self) -> list[dict[str, Any]]:
        """Return the earlier OU and tags of accounts, by period; empty before the first change."""
        return self._tagged(HISTORY_KEY)

    def write_account_history(self, rows: list[dict[str, Any]]) -> None:
        """Replace the earlier OU and tags of accounts."""
        self._write_tagged(HISTORY_KEY, rows, schema=HISTORY_SCHEMA)

    def events(self, day: date) -> list[CollectedEvent]:
        """Return the stored events of a day; empty if the day was never collected. Lists first: see `accounts`."""
        return self._events(_events_key(day)) if self.objects(_events_key(day)) else []

    def write_events(self, events: Iterable[CollectedEvent], *, day: date) -> None:
        """Replace the stored events of a day."""
        self._write(_events_key(day), [event.row for event in events], schema=EVENTS_SCHEMA)

    def events_collected_until(self, *, today: date) -> date | None:
        """Return the newest day with stored events, at most `today`; None before the first run.

        Days after `today` do not count, because a CI system can post events with a future date.
        """
        names = (
            key.removeprefix(EVENTS_FOLDER).removesuffix(".parquet") for key in self.objects(EVENTS_FOLDER)
        )
        days = (date.fromisoformat(name) for name in names if name[:1].isdigit())
        return max((day for day in days if day <= today), default=None)

    def write_events_of_file(self, events: Iterable[CollectedEvent], *, key: str) -> None:
        """Replace the stored events of the CI event file `key`."""
        self._write(file_events_key(key), [event.row for event in events], schema=EVENTS_SCHEMA)

    def objects(self, prefix: str) -> dict[str, StoredObject]:
        """Return the objects under a prefix by key."""
        return {
            item["Key"]: StoredObject(item["LastModified"], item["Size"])
            for item in paged(
                self._list, "Contents", token="ContinuationToken", Bucket=self.bucket, Prefix=prefix
            )
        }

    def content(self, key: str) -> bytes:
        """Return the bytes of an object."""
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def _events(self, key: str) -> list[CollectedEvent]:
        return [CollectedEvent(**row) for row in self._read(key)]

    def _tagged(self, key: str) -> list[dict[str, Any]]:
        if not self._list(Bucket=self.bucket, Prefix=key)["Contents"]:
            return []
        return [row | {"tags": dict(row["tags"] or ())} for row in self._read(key)]

    def _write_tagged(self, key: str, rows: list[dict[str, Any]], *, schema: pa.Schema) -> None:
        self._write(key, [row | {"tags": list(row["tags"].items())} for row in rows], schema=schema)

    def token_hours(self, day: date) -> TokenHours:
        """Return the stored tokens of a day by hour; empty if never collected. Lists first: see `accounts`."""
        key = _token_hours_key(day)
        rows = self._read(key) if self._list(Bucket=self.bucket, Prefix=key)["Contents"] else []
        names = ("token_hour", "sub_account_id", "region_id", "model_id", "token_kind")
        return {(day, *(row[name] for name in names)): row["tokens"] for row in rows}

    def write_token_hours(self, day: date, hours: TokenHours) -> None:
        """Replace the stored tokens of a day."""
        rows = [
            {**dict(zip(TOKEN_HOURS, key, strict=False)), "tokens": tokens}
            for key, tokens in sorted(hours.items())
        ]
        self._write(_token_hours_key(day), rows, schema=TOKEN_HOURS_SCHEMA)

    def token_hours_read_until(self) -> dict[str, datetime]:
        """Return the hour until which tokens were read, by account and Region; empty before the first run."""
        if not self._list(Bucket=self.bucket, Prefix=READ_UNTIL_KEY)["Contents"]:
            return {}
        body = self.s3.get_object(Bucket=self.bucket, Key=READ_UNTIL_KEY)["Body"].read()
        return {name: datetime.fromisoformat(hour) for name, hour in json.loads(body).items()}

    def write_token_hours_read_until(self, hours: dict[str, datetime]) -> None:
        """Replace the hours until which tokens were read. Call write_token_hours first: a failure must leave no gap."""
        body = json.dumps({name: hour.isoformat() for name, hour in sorted(hours.items())})
        self.s3.put_object(Bucket=self.bucket, Key=READ_UNTIL_KEY, Body=body.encode())

    def ai_links(self, account: str) -> list[dict[str, Any]]:
        """Return the stored links of an account; empty if none were ever collected. Lists first: see `accounts`."""
        key = _links_key(account)
        return self._read(key) if self._list(Bucket=self.bucket, Prefix=key)["Contents"] else []

    def write_ai_links(self, account: str, rows: list[dict[str, Any]]) -> None:
        """Replace the stored links of an account."""
        self._write(_links_key(account), rows, schema=LINKS_SCHEMA)

    def has_invocations(self, account: str, *, region: str, day: date) -> bool:
        """Return whether the token sums of a day and Region are stored. Call `load_invocation_days` first."""
        return _invocations_key(day, account, region) in self.invocations

    def write_invocations(self, account: str, *, region: str, day: date, rows: list[dict[str, Any]]) -> None:
        """Store the token sums of a day and Region; a file without rows means that nothing was logged."""
        key = _invocations_key(day, account, region)
        listed = [row | {"metadata": list(row["metadata"].items())} for row in rows]
        self._write(key, listed, schema=INVOCATIONS_SCHEMA)
        self.invocations.add(key)

    def _read(self, key: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(self.content(key))).to_pylist()
        return rows

    def _write(self, key: str, rows: list[dict[str, Any]], *, schema: pa.Schema) -> None:
        target = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), target)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=target.getvalue())


def _folder(day: date) -> str:
    return f"tables/activity/activity_date={day}/"


def _invocations_folder(day: date) -> str:
    return f"tables/invocation_tokens/usage_date={day}/"


def _invocations_key(day: date, account: str, region: str) -> str:
    return f"{_invocations_folder(day)}{account}.{region}.parquet"


def _token_hours_key(day: date) -> str:
    return f"tables/token_hours/token_date={day}/hours.parquet"


def _links_key(account: str) -> str:
    return f"tables/ai_links/{account}.parquet"


def _key(day: date, account: str) -> str:
    return f"{_folder(day)}{account}.parquet"


def _events_key(day: date) -> str:
    return f"{EVENTS_FOLDER}{day}.parquet"


def file_events_key(key: str) -> str:
    """Return the key of the stored events of a CI event file. All are in one folder: Trino ignores subfolders."""
    return f"{EVENTS_FOLDER}file-{quote(key, safe='')}.parquet"
