"""Translate DuckDB errors about export files into messages for the person who delivers or copies the files."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from focuswatch.errors import ExportError

if TYPE_CHECKING:
    import duckdb

LINE = re.compile(r"CSV Error on Line: (\d+)")
BAD_VALUE = re.compile(
    r'converting column "(?P<column>[^"]+)"\. Could not convert string "(?P<value>.*)" to \'(?P<type>[^\']+)\''
)
BAD_PARQUET_VALUE = re.compile(r"Could not convert string '(?P<value>.*)' to (?P<type>\w+)")
BAD_TYPE = re.compile(
    r"Unimplemented type for cast \((?P<found>.+) -> (?P<type>[^)]+)\).* from source column (?P<column>\w+)"
)
BAD_TAGS_TYPE = re.compile(r"Expected OBJECT, but got \w+: (.*)|map_from_entries\((.*)\)'")
BAD_TAGS = re.compile(r'Malformed JSON .*Input: "(.*)"')
WIDTH = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
BAD_PARQUET_TIME = re.compile(r'(?:timestamp|date) field[^"]*: "(?P<value>[^"]*)"')
NOT_UTF_8 = re.compile(r'value "(?P<value>.*)" is not valid UTF8')
UNWRITABLE = (
    ("No space left on device", "the disk that holds the state folder is full"),
    (
        "File too large",
        "a file in the state folder would exceed the system's file size limit (see ulimit -f)",
    ),
    ("Disk quota exceeded", "the disk quota of the state folder is exhausted"),
    ("Read-only file system", "the state folder is on a read-only file system"),
)
DAMAGED = "truncated or damaged. Copy the file again"
SHOWN_VALUE = 60  # characters
A_TIME = "a date and time like 2026-05-01 00:00:00"


def export_error(error: "duckdb.Error", *, files: Sequence[Path]) -> ExportError:
    """Return the ExportError for a DuckDB error that occurred while `files` were read."""
    text = str(error)
    for said, why in UNWRITABLE:  # errors about writing to the state folder
        if said in text:
            return ExportError(f"{why}. Free some space, or specify another folder with --state")
    if "Out of Memory Error" in text:
        return ExportError(
            "out of memory while reading the export. Close other programs, or scan fewer billing periods"
        )
    named = [file for file in files if str(file) in text]
    where = str(max(named, key=lambda file: len(str(file)))) if named else place_of_files(files)
    if line := LINE.search(text):
        where += f", line {line.group(1)}"
    if ("invalid state" in text or line) and any(map(mixes_line_ends, named or files)):
        return ExportError(
            f"{where}: found mixed line endings (LF and CRLF); expected LF. Convert the line endings"
        )
    return ExportError(f"{where}: {_reason(text)}")


def mixes_line_ends(path: Path) -> bool:
    """Return whether an uncompressed text file mixes LF and CRLF; reads the file up to the first change."""
    kinds, is_quoted = set(), False
    with path.open("rb") as file:
        for line in file:
            is_quoted ^= line.count(b'"') % 2 == 1
            if not is_quoted and line.endswith(b"\n"):
                kinds.add(line.endswith(b"\r\n"))
            if len(kinds) > 1:
                return True
    return False


def place_of_files(files: Sequence[Path]) -> str:
    """Return how an error names its place if it concerns one of several files."""
    if not files:
        return "a delivery without files"
    return str(files[0]) if len(files) == 1 else f"one of {len(files)} files ({files[0]} to {files[-1]})"


def _reason(text: str) -> str:
    if found := BAD_VALUE.search(text):
        value = found["value"][:SHOWN_VALUE]
        return (
            f"{found['column']} has the value {value!r}; expected {_wanted(found['type'])}. Correct the file"
        )
    if found := BAD_TAGS.search(text):
        return (
            f"Tags contains {found[1][:SHOWN_VALUE]!r}; expected a JSON object of tag keys and values. Correct "
            "the file"
        )
    if found := BAD_TAGS_TYPE.search(text):
        value = (found[1] or found[2])[:SHOWN_VALUE]
        return f"Tags contains {value!r}; expected a JSON object or a map of tag keys and values. Correct the file"
    if "Map keys must be unique" in text:
        return "Tags contains the same key twice; keys must be unique. Correct the file"
    if found := BAD_TYPE.search(text):
        return f"{found['column']} has the type {found['found']}; expected {_wanted(found['type'])}. Correct the file"
    if found := BAD_PARQUET_VALUE.search(text):
        return f"found the value {found['value'][:SHOWN_VALUE]!r}, expected {_wanted(found['type'])}. Correct the file"
    if found := BAD_PARQUET_TIME.search(text):
        return f"found the time {found['value'][:SHOWN_VALUE]!r}, expected {A_TIME}. Correct the file"
    if "Maximum line size" in text:
        return "the row is longer than 2 MB, possibly because a quote is not closed. Correct the file"
    if found := NOT_UTF_8.search(text):
        return f"the value {found['value'][:SHOWN_VALUE]} is not UTF-8 text. Convert the file, or export it again"
    if "unicode" in text.lower() or "utf-8" in text.lower():
        return "the row is not UTF-8 text. Convert the file, or export it again"
    if found := WIDTH.search(text):
        return f"number of columns in this row: found {found[2]}, expected {found[1]}; the file is {DAMAGED}"
    if "unterminated quote" in text:
        return f"a quoted value has no closing quote; the file is {DAMAGED}"
    if "end of GZIP stream" in text:
        return f"the gzip stream ends too early; the file is {DAMAGED}"
    first_line = text.partition("\n")[0].rstrip(".")
    return f"the data cannot be read ({first_line}); the file is {DAMAGED}"


def _wanted(type_: str) -> str:
    return "a number" if type_ == "DOUBLE" else A_TIME
