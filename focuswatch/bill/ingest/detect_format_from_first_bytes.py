"""Detect the format of a file from its first bytes, not from its name."""

import codecs
import csv
import io
import itertools
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from focuswatch.errors import ExportError

Format = Literal["parquet", "csv", "csv.gz"]

HEAD_BYTES = 1 << 16
DELIMITERS = ",;\t|"
SMALLEST_PARQUET = 12  # PAR1, length of the footer, PAR1
WANTED = "expected Parquet, CSV or CSV.gz"

OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"PARE", "an encrypted Parquet file"),
    (b"BZh", "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"{", "a JSON file"),
    (b"[", "a JSON file"),
)
# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, https://git-annex.branchable.com/internals/pointer_file/
POINTERS = (
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer", "git lfs pull"),
    (b"/annex/objects/", "a git-annex pointer", "git annex get"),
)


@dataclass(frozen=True)
class Sniffed:
    """A file's format; for text also its delimiter, its header and, if present, its first row."""

    format: Format
    delimiter: str = ""
    header: tuple[str, ...] = ()
    first_row: tuple[str, ...] = ()


def sniff(path: Path) -> Sniffed:
    """Return the format of a file. Raises ExportError if the file is empty, truncated or in another format."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:  # DuckDB accepts only UTF-8 names
        raise ExportError(f"{path}: the file name is not valid UTF-8. Rename the file") from error
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(0, file.seek(0, io.SEEK_END) - 4))
            tail = file.read()
    except OSError as error:
        raise ExportError(
            f"{path} cannot be read: {error.strerror}. Check the file and its permissions"
        ) from error
    if not head:
        raise ExportError(f"{path} is empty (0 bytes); {WANTED}. Copy the file again, or remove it")
    if head.startswith(b"PAR1"):
        return _parquet(path, tail=tail)
    if head.startswith(b"\x1f\x8b"):
        return _text(path, _inflated(path, head), format_="csv.gz")
    return _text(path, head, format_="csv")


def _parquet(path: Path, *, tail: bytes) -> Sniffed:
    if tail != b"PAR1" or path.stat().st_size < SMALLEST_PARQUET:
        raise ExportError(f"{path} is a truncated Parquet file without a footer. Copy the file again")
    return Sniffed("parquet")


def _inflated(path: Path, head: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(head, HEAD_BYTES)
        if not text and not inflater.eof:
            raise zlib.error("no data after the header")
    except zlib.error as error:
        raise ExportError(f"{path} is a damaged gzip file ({error}). Copy the file again") from error
    return text


def _text(path: Path, head: bytes, *, format_: Format) -> Sniffed:
    for beginning, pointer, command in POINTERS:
        if head.startswith(beginning):
            raise ExportError(f"{path} is {pointer}, not the data file. Run `{command}`")
    for magic, name in (*OTHER_FORMATS, (b"PAR1", "a gzip-compressed Parquet file")):
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(magic):
            raise ExportError(f"{path} is {name}; {WANTED}. Convert the file, or export it again")
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ExportError(
            f"{path} is neither Parquet nor UTF-8 text; {WANTED}. Convert the file, or export it again"
        )
    if "\r" in text.strip() and "\n" not in text and len(text) > text.index("\r") + 2:
        raise ExportError(
            f"{path}: lines end with carriage returns; expected line feeds. Convert the line endings"
        )
    rows = {mark: found for mark in DELIMITERS if (found := _first_rows(text, delimiter=mark))}
    delimiter, (header, *others) = max(rows.items(), key=lambda item: len(item[1][0]), default=("", [[]]))
    if not header:
        raise ExportError(
            f"{path} has no header and no rows; {WANTED} with FOCUS columns. Copy the file again"
        )
    return Sniffed(format_, delimiter, tuple(header), first_row=tuple(others[0]) if others else ())


def _first_rows(text: str, *, delimiter: str) -> list[list[str]]:
    """Return the header and the first row, parsed with this delimiter; empty if they cannot be parsed."""
    try:
        return list(itertools.islice(csv.reader(io.StringIO(text), delimiter=delimiter), 2))
    except csv.Error:  # a carriage return inside quotes is an error with the wrong delimiter
        return []
