"""The SQL that derives each FOCUS column that focuswatch reads from the columns of a file."""

import re
from collections.abc import Mapping

from focuswatch.bill.schema.focus_columns_and_their_names_in_files import (
    ALLOCATED_TAGS,
    INVOICE,
    KINDS,
    QUANTITIES,
    SELLER,
    SQL_TYPES,
    WITHOUT_SUB_ACCOUNTS,
    Kind,
    sources,
)
from focuswatch.engines.quote_sql_identifier import quoted

TEXT_TYPES = ("VARCHAR", "BLOB", "JSON")  # Parquet is read with binary_as_string
NUMERIC_TYPES = ("INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE")
CSV_TYPES: dict[Kind, str] = {**SQL_TYPES, "tags": "VARCHAR"}  # read_csv does not support maps
# Larger quantities and NaN are read as null. An exabyte stored for a month is 1e21 byte-hours.
MOST_QUANTITY = "1e30"
# Names of AWS as written by AWS, and by tools that rewrite exports.
IS_NAME_OF_AWS = "regexp_matches(lower(trim({})), '^(aws|amazon)')"
OFFSET = re.compile(r":\d\d(\.\d+)?\s*[+-]\d\d(:?\d\d)?$")  # 2026-05-02T23:30:00+02:00


def expression(column: str, types: Mapping[str, tuple[str, str]], *, blanks: bool) -> str:
    """Return SQL for one column of `focus_export`; Tags keep the type of the file.

    `types` maps the canonical name of a source column to its own name and DuckDB type. Text that means null becomes
    null if `blanks` is set, and always where it would be parsed or would hide the value of another source.
    """
    kind = KINDS[column]
    found = {name: types[name.lower()] for name in sources(column) if name.lower() in types}
    if SELLER not in types:
        found.pop("InvoiceIssuerName", None)  # not needed without the seller's name; saves reading a column
    if len(found) > 1 or not _provider(types):
        found.pop("ChargeDescription", None)  # rows without a value in a meter column have no meter
    if not found and "subaccountid" not in types:
        fallback = WITHOUT_SUB_ACCOUNTS.get(column, "").lower()
        found = {column: types[fallback]} if fallback in types else {}
        blanks = True  # the shape does not state whether the fallback column may be blank
    blanks = blanks or len(found) > 1 or kind != "text"
    values = [
        _limited(value, source=source, types=types)
        for source, (name, type_) in found.items()
        for value in [_converted(_text(name, type_, blanks=blanks), type_, kind=kind)]
    ]
    if column in QUANTITIES:  # in DuckDB, NaN is greater than any number
        values = [f"CASE WHEN abs({value}) <= {MOST_QUANTITY} THEN {value} END" for value in values]
    if column == "SubAccountId" and found and found[column][1] in NUMERIC_TYPES:
        return _account_id(quoted(found[column][0]))
    if not values:
        return f"CAST(NULL AS {SQL_TYPES[kind]})"
    return f"coalesce({', '.join(values)})" if len(values) > 1 else values[0]


def invoice_id(types: Mapping[str, tuple[str, str]]) -> str:
    """Return SQL for InvoiceId, null if the files lack it; `types` is as in `expression`."""
    name, _ = types.get(INVOICE.lower(), (None, ""))
    if name is None:
        return "CAST(NULL AS VARCHAR)"
    return without_blanks(f"CAST({quoted(name)} AS VARCHAR)")


def _limited(value: str, *, source: str, types: Mapping[str, tuple[str, str]]) -> str:
    """Return the value of a source column, null in rows where it does not have the meaning of the FOCUS column.

    An invoice issuer other than AWS may resell AWS services, so it is not the provider. ChargeDescription is not a
    meter in AWS charges.
    """
    match source:
        case "InvoiceIssuerName":
            return f"CASE WHEN {IS_NAME_OF_AWS.format(value)} THEN 'AWS' END"
        case "ChargeDescription":
            return f"CASE WHEN NOT {IS_NAME_OF_AWS.format(quoted(_provider(types)))} THEN {value} END"
    return value


def _provider(types: Mapping[str, tuple[str, str]]) -> str:
    """Return the files' own name of the provider column; empty if they have none."""
    return next((types[name][0] for name in ("providername", SELLER) if name in types), "")


def _account_id(number: str) -> str:
    """Return SQL that restores the leading zeros of an AWS account ID that a tool converted to a number."""
    digits = f"CAST(CAST({number} AS HUGEINT) AS VARCHAR)"
    return f"CASE WHEN length({digits}) < 12 THEN lpad({digits}, 12, '0') ELSE {digits} END"


def without_blanks(value: str) -> str:
    """Return SQL that converts '' and 'NULL', which some exporters write for null, to null."""
    return f"CASE WHEN {value} IN ('', 'NULL') THEN NULL ELSE {value} END"


def csv_type(kind: Kind, example: str) -> str:
    """Return the DuckDB type for a CSV column; `example` is a value that shows whether times have an offset.

    Without the time zone in the type, DuckDB silently drops an offset. Times without an offset are read without it,
    because parsing time zones takes DuckDB twice as long.
    """
    return "TIMESTAMP WITH TIME ZONE" if kind == "time" and OFFSET.search(example) else CSV_TYPES[kind]


def is_native(type_: str, *, kind: Kind) -> bool:
    """Return whether a column of this DuckDB type is read as it is or by a plain cast, without parsing text."""
    match kind:
        case "text":
            return True
        case "number":
            return type_ not in TEXT_TYPES
        case "time":
            return type_.startswith(("TIMESTAMP", "DATE"))
        case "tags":
            return type_ == SQL_TYPES["tags"]


def _text(name: str, type_: str, *, blanks: bool) -> str:
    value = f"CAST({quoted(name)} AS VARCHAR)" if type_ == "JSON" else quoted(name)
    return without_blanks(value) if blanks and type_ in TEXT_TYPES else value


def _converted(value: str, type_: str, *, kind: Kind) -> str:
    if type_ == SQL_TYPES[kind] or kind == "tags" or (kind == "text" and type_ in TEXT_TYPES):
        return value
    if kind == "time" and type_ in TEXT_TYPES:
        return f"timezone('UTC', CAST({value} AS TIMESTAMP WITH TIME ZONE))"  # the session's time zone is UTC
    if kind == "time" and type_ == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {value})"
    if kind == "time" and type_ in ("BIGINT", "UBIGINT"):
        return f"make_timestamp_ms(CAST({value} AS BIGINT))"
    return f"CAST({value} AS {SQL_TYPES[kind]})"


def with_allocated_tags(types: Mapping[str, tuple[str, str]]) -> str:
    """Return SQL for Tags and AllocatedTags as one map; `types` is as in `expression`."""
    maps = [
        map_of(_text(name, type_, blanks=True), type_)
        for name, type_ in (types[column] for column in ("tags", ALLOCATED_TAGS) if column in types)
    ]
    return f"map_concat({', '.join(maps)})" if len(maps) > 1 else maps[0]


def map_of(tags: str, type_: str) -> str:
    """Return SQL for Tags as a map, from JSON text, a struct, a list of entries, or a map of other types."""
    if type_ == SQL_TYPES["tags"]:
        return tags
    if type_.endswith("[]"):
        return f"map_from_entries({tags})"
    if type_.startswith("STRUCT"):
        tags = f"to_json({tags})"
    return f"CAST(CAST({tags} AS JSON) AS {SQL_TYPES['tags']})"
