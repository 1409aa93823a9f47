"""SQL that only Athena understands. Pure text.

Every other statement is in the common SQL of docs/portable-sql.md.
"""

import re
from typing import Literal

# What Athena says when a workgroup's limit ends a statement:
# https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html
OVER_LIMIT = re.compile(r"bytes scanned limit", re.IGNORECASE)


# Texts and quoted names, in which nothing is a comment, and the two kinds of comments; none of them nests.
# https://github.com/trinodb/trino/blob/435/core/trino-parser/src/main/antlr4/io/trino/sql/parser/SqlBase.g4
TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<comment>--[^\r\n]*|/\*.*?\*/)""", re.DOTALL)


def without_comments(statement: str) -> str:
    """Return the statement with a space for each comment: Athena does not read UNLOAD with `;` or a quote in one."""
    return TOKEN.sub(lambda match: " " if match["comment"] else match[0], statement)


def unload(select: str, *, to: str, partitioned_by: str | None = None) -> str:
    """Return the statement that writes the rows of a SELECT as Parquet into an empty folder, `to` being its literal.

    `partitioned_by` is the last column of the SELECT: each of its values gets a folder `column=value/`, whose files do
    not have the column. https://docs.aws.amazon.com/athena/latest/ug/unload.html
    ZSTD makes files a tenth smaller than SNAPPY, and Athena bills compressed bytes:
    https://docs.aws.amazon.com/athena/latest/ug/compression-support-hive.html
    """
    partitions = f", partitioned_by = ARRAY['{partitioned_by}']" if partitioned_by else ""
    return f"UNLOAD ({select}) TO {to} WITH (format = 'PARQUET', compression = 'ZSTD'{partitions})"


def projection(key: str, *, unit: Literal["DAYS"], first: str, folder: str) -> dict[str, str]:
    """Properties of a table whose partitions, from `first` to now, are known by their folders' names alone.

    `folder` is an s3:// address without the value at its end.
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
