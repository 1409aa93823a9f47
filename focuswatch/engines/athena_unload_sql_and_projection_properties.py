"""Write the SQL and table properties that only Athena understands: UNLOAD and partition projection.

Every other statement is in the common SQL of docs/portable-sql.md. Nothing is run here.
"""

import re
from typing import Literal

# Part of Athena's error message when the data limit of a workgroup stops a statement:
# https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html
OVER_LIMIT = re.compile(r"bytes scanned limit", re.IGNORECASE)


def unload(select: str, *, to: str, partitioned_by: str | None = None) -> str:
    """Return the statement that writes the rows of a SELECT as Parquet into an empty folder; `to` is its literal.

    `partitioned_by` is the last column of the SELECT: each of its values gets a folder `column=value/`, whose files do
    not contain the column. https://docs.aws.amazon.com/athena/latest/ug/unload.html
    ZSTD makes files a tenth smaller than SNAPPY, and Athena bills compressed bytes:
    https://docs.aws.amazon.com/athena/latest/ug/compression-support-hive.html
    """
    partitions = f", partitioned_by = ARRAY['{partitioned_by}']" if partitioned_by else ""
    return f"UNLOAD ({select}) TO {to} WITH (format = 'PARQUET', compression = 'ZSTD'{partitions})"


def projection(key: str, *, unit: Literal["DAYS"], first: str, folder: str) -> dict[str, str]:
    """Return the properties of a table whose partitions, from `first` to now, Athena derives from folder names.

    `folder` is the s3:// address of a partition without the value at its end.
    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    return {
        "projection.enabled": "true",
        f"projection.{key}.type": "date",
        f"projection.{key}.format": "yyyy-MM-dd",
        f"projection.{key}.range": f"{first},NOW",
        f"projection.{key}.interval": "1",
        f"projection.{key}.interval.unit": unit,
        "storage.location.template": f"{folder}${{{key}}}/",
    }
