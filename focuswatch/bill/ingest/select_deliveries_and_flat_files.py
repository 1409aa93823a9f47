"""Select the files to read: the newest delivery of each billing period, or every flat file.

This module reads file names, dates and manifests; detect_focus_columns_or_reject_file reads the data files.
AWS documents the layout of a delivery:
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from focuswatch.bill.ingest.complete_days_from_recency_metadata import is_recency
from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile, Listing, is_hidden
from focuswatch.bill.ingest.files_listed_in_manifest import listed_files
from focuswatch.bill.ingest.parse_delivery_folder_names import billing_period, executed_at
from focuswatch.errors import ExportError
from focuswatch.findings.first_and_more_text import first_and_more

# Names of files that are not export data, and how the warning describes such files.
SKIPPED = (
    (re.compile(r".*\.(crc|crc32|md5|sha1|sha256|sha512|sfv|asc|sig)", re.IGNORECASE), "a checksum"),
    (
        re.compile(
            r".*(\.(tmp|temp|part|partial|crdownload|inprogress|filepart|swp)|\._COPYING_)", re.IGNORECASE
        ),
        "unfinished",
    ),
    (re.compile(r".*(\.(bak|old|orig|backup)|~)", re.IGNORECASE), "a backup copy"),
    (re.compile(r".*\.(json|jsonl|ndjson)", re.IGNORECASE), "JSON"),
)
DATA = re.compile(r".*\.(parquet|csv)(\.gz)?", re.IGNORECASE)
SHOWN_FILES = 3
# Names of the chunks of one delivery, as written by Data Exports and by Spark.
CHUNKS = (re.compile(r"(.+)-\d{5}(\..+)"), re.compile(r"part-\d{5}-(.+?)(?:-c\d+)?(\..+)"))
NOT_DATA = re.compile(r"(readme|licen[cs]e).*|.*\.(md|txt|sql|ya?ml)|.*manifest.*\.json", re.IGNORECASE)

Warn = Callable[[str], None]
Skip = Callable[[str, str], None]  # receives a billing period and why it cannot be read


@dataclass(frozen=True)
class PeriodDelivery:
    """The files of one billing period (`unit` is `2026-05`), or one flat file (`unit` is its name)."""

    unit: str
    files: tuple[ExportFile, ...]
    delivered_at: datetime  # UTC; time of the execution or manifest, else of the newest file
    is_listed: bool = False  # by a manifest, so none of the files is a stray copy


@dataclass
class _Export:
    """The files of one export by billing period."""

    data: dict[str, list[ExportFile]] = field(default_factory=dict)
    manifests: dict[str, list[ExportFile]] = field(default_factory=dict)


def deliveries_of(listing: Listing, *, warn: Warn, skip: Skip | None = None) -> tuple[PeriodDelivery, ...]:
    """Return the newest delivery of every billing period, or a delivery for every flat file.

    `warn` reports skipped periods and files. `skip` reports a period whose manifest is unreadable or lists a missing
    file; without `skip`, such a period raises ExportError. Also raises ExportError if the source contains two exports
    or no data.
    """
    files = _data([file for file in listing.files if not is_recency(file)], warn=warn)
    exports = _exports(files)
    if len(exports) > 1:
        first, second, *_ = (str(root) if root.parts else "the folder itself" for root in sorted(exports))
        raise ExportError(
            f"{listing.source}: found two exports, {first} and {second}; expected one export, because "
            "charges that are in both exports would be counted twice. Specify the folder of one export"
        )
    deliveries = _flat(files)
    for export in exports.values():
        newest = {period: max(files, key=_ran_at) for period, files in export.manifests.items()}
        listing.fetch(list(newest.values()))
        deliveries = _periods(export, newest, warn=warn, skip=skip)
    scoped = tuple(delivery for delivery in deliveries if _within(delivery, scope=listing.scope))
    if not scoped and not (skip and deliveries == [] and exports):
        raise ExportError(
            f"{listing.source}: found no data files; expected the folder of a FOCUS export from AWS Data "
            "Exports, or Parquet, CSV or CSV.gz files with FOCUS columns. Check the path"
        )
    return scoped


def split_into_files(delivery: PeriodDelivery) -> list[PeriodDelivery]:
    """Split a delivery without a manifest into one delivery per file, unless the files are chunks of one delivery.

    The folder may contain copies of a file. Only files in separate deliveries are compared to find copies.
    """
    names = [file.name.name for file in delivery.files]
    are_chunks = any(
        len({found.groups() for found in map(chunk.fullmatch, names) if found}) == 1
        and all(map(chunk.fullmatch, names))
        for chunk in CHUNKS
    )
    if delivery.is_listed or len(names) < 2 or are_chunks:  # noqa: PLR2004  one file is no question
        return [delivery]
    return [
        PeriodDelivery(f"{delivery.unit}/{file.name.name}", (file,), file.modified) for file in delivery.files
    ]


def _data(files: Sequence[ExportFile], *, warn: Warn) -> list[ExportFile]:
    """Return the files that can be data; `warn` reports skipped files that look like data."""
    kept, skipped = [], []
    for file in files:
        name = file.name.name
        description = next((description for ending, description in SKIPPED if ending.fullmatch(name)), None)
        if is_hidden(file.name):
            if DATA.fullmatch(name) and not name.startswith("._"):  # macOS metadata of a file
                skipped.append((file, "hidden"))
        elif description is None or NOT_DATA.fullmatch(name):
            kept.append(file)
        else:
            skipped.append((file, description))
    if not any(not NOT_DATA.fullmatch(file.name.name) for file in kept):
        # No name looks like data: keep all files, so that the error states what they contain.
        return [file for file in files if not is_hidden(file.name)]
    if skipped:
        named = [f"{file.name} ({description})" for file, description in skipped]
        warn(f"skipped files that are not export data: {first_and_more(named, most=SHOWN_FILES)}")
    return kept


def _exports(files: Iterable[ExportFile]) -> dict[PurePosixPath, _Export]:
    """Return the exports by root, the folder above `data/billing_period=…` and `metadata/billing_period=…`."""
    exports: dict[PurePosixPath, _Export] = {}
    for file in files:
        folders = file.name.parts[:-1]
        depth = next((depth for depth, folder in enumerate(folders) if billing_period(folder)), None)
        if depth is None:
            continue
        area = folders[depth - 1].lower() if depth else ""
        root = PurePosixPath(*folders[: depth - 1 if area in ("data", "metadata") else depth])
        _add(exports.setdefault(root, _Export()), billing_period(folders[depth]) or "", area, file)
    return {root: export for root, export in exports.items() if export.data or export.manifests}


def _add(export: _Export, period: str, area: str, file: ExportFile) -> None:
    if area == "metadata":
        if file.name.name.lower().endswith("-manifest.json"):  # -Manifest-FOCUS.json describes columns
            export.manifests.setdefault(period, []).append(file)
    elif not NOT_DATA.fullmatch(file.name.name):
        export.data.setdefault(period, []).append(file)


def _periods(
    export: _Export, manifests: Mapping[str, ExportFile], *, warn: Warn, skip: Skip | None
) -> list[PeriodDelivery]:
    deliveries = []
    for period in sorted(export.data.keys() | manifests.keys()):
        files = export.data.get(period, [])
        if manifest := manifests.get(period):
            try:
                listed = listed_files(manifest, among=files)
            except ExportError as error:
                if skip is None:
                    raise
                skip(period, str(error))
            else:
                deliveries.append(PeriodDelivery(period, listed, _ran_at(manifest), is_listed=True))
        elif manifests:
            warn(
                f"billing period {period} is skipped, because its manifest is missing. AWS writes the manifest "
                "last, so the delivery may be incomplete. Copy the manifest, or wait for the next delivery"
            )
        else:
            deliveries.append(_newest_execution(period, files))
    return deliveries


def _newest_execution(period: str, files: list[ExportFile]) -> PeriodDelivery:
    """Return the newest execution of a period without a manifest; the folder of each execution is complete."""
    executions: dict[datetime | None, list[ExportFile]] = {}
    for file in files:
        executions.setdefault(executed_at(file.name), []).append(file)
    newest = max(executions.values(), key=lambda execution: max(map(_ran_at, execution)))
    return PeriodDelivery(period, tuple(newest), max(map(_ran_at, newest)))


def _ran_at(file: ExportFile) -> datetime:
    return executed_at(file.name) or file.modified


def _flat(files: Iterable[ExportFile]) -> list[PeriodDelivery]:
    return [
        PeriodDelivery(str(file.name), (file,), file.modified)
        for file in sorted(files, key=lambda file: file.name)
        if not NOT_DATA.fullmatch(file.name.name)
    ]


def _within(delivery: PeriodDelivery, *, scope: PurePosixPath) -> bool:
    return all(file.name.is_relative_to(scope) for file in delivery.files)
