"""Store one vendor's charges as FOCUS 1.2 files under a prefix of an S3 bucket; see focus_file_store_protocol.

Uses pyarrow, because the Lambda functions have no DuckDB. If two runs write at the same time, the later write wins.
"""

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from focuswatch.connectors.focus_file_store_protocol import (
    FILE_NAME,
    ORDER,
    other_accounts,
    period_path,
    periods_of,
)
from focuswatch.connectors.focus_row_of_vendor_charge import (
    COLUMNS,
    NUMBER,
    TEXT,
    TIME,
    BillingAccount,
    focus_row,
    period_of,
)
from focuswatch.connectors.vendor_charge_record import VendorCharge
from focuswatch.errors import ConfigError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TYPES = {
    TEXT: pa.string(),
    NUMBER: pa.decimal128(38, 18),
    TIME: pa.timestamp("us"),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
}
SCHEMA = pa.schema([(name, TYPES[type_]) for name, type_ in COLUMNS.items()])
DAY = "ChargePeriodStart"


@dataclass(frozen=True)
class FocusBucket:
    """FocusFileStore under `prefix`, which does not end with a slash."""

    s3: "S3Client"
    bucket: str
    prefix: str

    def newest_day(self) -> date | None:
        """Return the newest day with charges; see FocusFileStore."""
        keys = self._keys()
        if not keys:
            return None
        newest = pc.max(self._read(max(keys), columns=[DAY]).column(DAY)).as_py()
        return newest.date() if newest else None

    def check_account(self, account: BillingAccount) -> None:
        """Raise ConfigError if the files belong to another account; see FocusFileStore."""
        found: set[tuple[str, str]] = set()
        for key in self._keys():
            columns = self._read(key, columns=["ProviderName", "BillingAccountId"]).to_pydict().values()
            found.update(zip(*columns, strict=True))
        if others := other_accounts(sorted(found), account=account):
            raise ConfigError(
                f"s3://{self.bucket}/{self.prefix} contains charges of {others}; expected {account.vendor} "
                f"{account.id}. Move these files to another prefix, because a prefix can contain files of only "
                "one billing account"
            )

    def replace_days(
        self, charges: Sequence[VendorCharge], *, account: BillingAccount, first: date, until: date
    ) -> None:
        """Replace the days [first, until); see FocusFileStore. A billing period without charges has no file."""
        rows: dict[date, list[dict[str, Any]]] = defaultdict(list)
        for charge in charges:
            values = dict(zip(COLUMNS, focus_row(charge, account=account), strict=True))
            rows[period_of(charge.day)].append(values | {"Tags": list(values["Tags"].items())})
        keys = self._keys()
        for period in periods_of(first, until):
            key = f"{self.prefix}/{period_path(period)}"
            kept = [self._without(key, first=first, until=until)] if key in keys else []
            self._replace(key, pa.concat_tables([*kept, pa.Table.from_pylist(rows[period], schema=SCHEMA)]))

    def _without(self, key: str, *, first: date, until: date) -> pa.Table:
        """Return the charges in a file, without those of the days [first, until)."""
        table = self._read(key)
        days = table.column(DAY)
        outside = pc.or_(pc.less(days, _midnight(first)), pc.greater_equal(days, _midnight(until)))
        return table.filter(outside)

    def _replace(self, key: str, table: pa.Table) -> None:
        if not table.num_rows:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
            return
        target = io.BytesIO()
        pq.write_table(table.sort_by([(name, "ascending") for name in ORDER]), target, compression="zstd")
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=target.getvalue())

    def _read(self, key: str, *, columns: list[str] | None = None) -> pa.Table:
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.read_table(io.BytesIO(body), columns=columns)

    def _keys(self) -> list[str]:
        return [key for key in self._listed() if key.endswith(f"/{FILE_NAME}")]

    def _listed(self) -> Iterator[str]:
        arguments: dict[str, Any] = {"Bucket": self.bucket, "Prefix": f"{self.prefix}/data/"}
        while True:
            page = self.s3.list_objects_v2(**arguments)
            yield from (item["Key"] for item in page.get("Contents", ()))
            if not (token := page.get("NextContinuationToken")):
                return
            arguments["ContinuationToken"] = token


def _midnight(day: date) -> pa.Scalar:
    return pa.scalar(datetime.combine(day, time()), type=TYPES[TIME])
