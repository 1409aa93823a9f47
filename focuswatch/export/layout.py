"""Which files count: a billing period's newest delivery, or every flat file.

It reads names, dates and manifests. What the data files hold is the matter of `shapes`.
The layout as AWS delivers it:
https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from focuswatch.errors import ExportError
from focuswatch.export.listing import ExportFile, Listing
from focuswatch.export.manifest import listed_files
from focuswatch.export.partitions import billing_period, executed_at

NOT_DATA = re.compile(r"(readme|licen[cs]e).*|.*\.(md|txt|sql|ya?ml)|.*manifest.*\.json", re.IGNORECASE)

Warn = Callable[[str], None]
Skip = Callable[[str, str], None]  # a billing period and why it cannot be read


@dataclass(frozen=True)
class Delivery:
    """The files of one billing period (`unit` is `2026-05`), or one flat file (`unit` is its name)."""

    unit: str
    files: tuple[ExportFile, ...]
    delivered_at: datetime  # UTC: the execution's or its manifest's, without one the newest file's


@dataclass
class _Export:
    """What one export's root holds, by billing period."""

    data: dict[str, list[ExportFile]] = field(default_factory=dict)
    manifests: dict[str, list[ExportFile]] = field(default_factory=dict)


def deliveries_of(listing: Listing, *, warn: Warn, skip: Skip | None = None) -> tuple[Delivery, ...]:
    """The newest delivery of every billing period, or a delivery for every flat file.

    `warn` hears of a period that is left out. With `skip`, a period whose manifest lists what is not there is handed
    to it and left out; without, it raises.
    Raises ExportError: two exports under one source, a listed file that is missing, no data at all.
    """
    exports = _exports(listing.files)
    if len(exports) > 1:
        first, second, *_ = (str(root) if root.parts else "the folder itself" for root in sorted(exports))
        raise ExportError(
            f"{listing.source}: found two exports, {first} and {second}; together they may count the same "
            "charges twice, so give the folder of one of them"
        )
    found = _flat(listing.files)
    for export in exports.values():
        newest = {period: max(files, key=_ran_at) for period, files in export.manifests.items()}
        listing.fetch(list(newest.values()))
        found = _periods(export, newest, warn=warn, skip=skip)
    scoped = tuple(delivery for delivery in found if _within(delivery, scope=listing.scope))
    if not scoped and not (skip and found == [] and exports):
        raise ExportError(
            f"{listing.source}: found no data files; expected the folder of a FOCUS export as Data Exports "
            "delivers it, or Parquet, CSV or CSV.gz files with FOCUS columns"
        )
    return scoped


def _exports(files: Iterable[ExportFile]) -> dict[PurePosixPath, _Export]:
    """Export roots: what lies above `data/billing_period=…` and `metadata/billing_period=…`."""
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
) -> list[Delivery]:
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
                deliveries.append(Delivery(period, listed, _ran_at(manifest)))
        elif manifests:
            warn(f"billing period {period} is left out: it has no manifest, so its delivery is not finished")
        else:
            deliveries.append(_newest_execution(period, files))
    return deliveries


def _newest_execution(period: str, files: list[ExportFile]) -> Delivery:
    """Without manifests, dates decide: an execution's folder is complete in itself."""
    executions: dict[datetime | None, list[ExportFile]] = {}
    for file in files:
        executions.setdefault(executed_at(file.name), []).append(file)
    newest = max(executions.values(), key=lambda execution: max(map(_ran_at, execution)))
    return Delivery(period, tuple(newest), max(map(_ran_at, newest)))


def _ran_at(file: ExportFile) -> datetime:
    return executed_at(file.name) or file.modified


def _flat(files: Iterable[ExportFile]) -> list[Delivery]:
    return [
        Delivery(str(file.name), (file,), file.modified)
        for file in sorted(files, key=lambda file: file.name)
        if not NOT_DATA.fullmatch(file.name.name)
    ]


def _within(delivery: Delivery, *, scope: PurePosixPath) -> bool:
    return all(file.name.is_relative_to(scope) for file in delivery.files)
