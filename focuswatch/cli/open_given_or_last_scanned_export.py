"""Open the bill that a command reads: the specified export, or the most recently scanned one, with its input files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions

if TYPE_CHECKING:
    from focuswatch.bill.bill_inputs_and_digest import BillInputs
    from focuswatch.bill.bill_protocol import Bill
    from focuswatch.bill.remember_and_recall_inputs_of_last_scan import RecalledInputs
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.detect.detection_result_cache import ResultCache
    from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class OpenedExport:
    """An open bill with its catalog and owners; `name` identifies the export."""

    name: str
    bill: "Bill"
    catalog: "Catalog"
    owners: "Owners"
    result_cache: "ResultCache | None"


@contextmanager
def open_export(bill_options: BillOptions) -> Iterator[OpenedExport]:
    """Open an export with the input files from the options, or else those of the last scan of this export.

    Raises ConfigError, for example if --engine trino is specified without a table.
    """
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.open_bill_on_duckdb_or_trino import export_name, open_on_engine
    from focuswatch.cli.progress_and_notes import progress_line
    from focuswatch.detect.detection_result_cache import open_result_cache
    from focuswatch.errors import ConfigError
    from focuswatch.owners.owners_file import Owners

    trino = bill_options.trino_location
    if trino and not bill_options.export:
        raise ConfigError(
            "--engine trino requires the table that contains the export, as CATALOG.SCHEMA.TABLE."
        )
    catalog, recalled = Catalog.load(), recalled_files(bill_options)
    owners, inputs = Owners.load(recalled.inputs.owners), bill_inputs(bill_options, recalled)
    with (
        progress_line() as line,
        open_on_engine(inputs, trino=trino, catalog=catalog, owners=owners, progress=line.progress) as bill,
    ):
        # If files were recalled, the first note lists them. Only `focuswatch scan` prints this note.
        for note in recalled.notes[bool(recalled.recalled) :]:
            line.note(note)
        for note in filter(None, (*bill.summary.conversions, bill.summary.other_providers)):
            line.note(f"Note: {note}")
        cache = open_result_cache(inputs.state, catalog=catalog, data_digest=bill.data_digest)
        yield OpenedExport(export_name(recalled.inputs.export, trino), bill, catalog, owners, cache)


def recalled_files(bill_options: BillOptions, *, forget: bool = False) -> "RecalledInputs":
    """Return the export and its input files: those from the options and, unless `forget`, those of its last scan."""
    from focuswatch.bill.remember_and_recall_inputs_of_last_scan import (
        FILE_OPTIONS,
        RecalledInputs,
        RememberedInputs,
        load_last_export,
        recall_inputs,
    )

    if bill_options.export is None:
        exports = load_last_export(root=bill_options.state).exports
    else:
        exports = (bill_options.export, *(bill_options.others or ()))
    files = {name: file for name in FILE_OPTIONS if (file := getattr(bill_options, name)) is not None}
    named = RememberedInputs(exports[0], others=exports[1:], files=files)
    if forget or bill_options.trino_location:
        return RecalledInputs(named, named)
    return recall_inputs(named, root=bill_options.state)


def bill_inputs(bill_options: BillOptions, recalled: "RecalledInputs") -> "BillInputs":
    """Return the locations of the export, its state folder and its input files."""
    from focuswatch.bill.bill_inputs_and_digest import INPUT_FILES, BillInputs, OtherBill
    from focuswatch.bill.state_folder import state_of
    from focuswatch.cli.open_bill_on_duckdb_or_trino import export_name

    latest = recalled.inputs
    name = export_name(latest.export, bill_options.trino_location)
    return BillInputs(
        latest.export,
        state=state_of(name, root=bill_options.state),
        **{name: latest.files.get(name) for name in INPUT_FILES},
        as_of=bill_options.as_of,
        others=tuple(
            OtherBill(export, state_of(export, root=bill_options.state)) for export in latest.others
        ),
    )
