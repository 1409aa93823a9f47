"""Open the export that a command reads: the one named, or the one scanned last, with its files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.cli import options
from focuswatch.cli.option_groups import BillOptions

if TYPE_CHECKING:
    from focuswatch.bill.bill import Bill, BillInputs
    from focuswatch.bill.remembered_inputs import RecalledInputs
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.detect.result_cache import ResultCache
    from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class OpenedExport:
    """An open bill with its catalog and owners; `name` tells its export from others."""

    name: str
    bill: "Bill"
    catalog: "Catalog"
    owners: "Owners"
    result_cache: "ResultCache | None"


@contextmanager
def open_export(bill_options: BillOptions) -> Iterator[OpenedExport]:
    """Open an export, with the files that were used with it before where no others are named.

    Raises ConfigError, also where no table of a Trino is named.
    """
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.bill_engine import export_name, open_on_engine
    from focuswatch.cli.progress import progress_line
    from focuswatch.detect.result_cache import open_result_cache
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
        for note in recalled.notes[
            bool(recalled.recalled) :
        ]:  # the same files as in the last scan need no note
            line.note(note)
        if bill.summary.other_providers:
            line.note(f"Note: {bill.summary.other_providers}")
        cache = open_result_cache(inputs.state, catalog=catalog, data_digest=bill.data_digest)
        yield OpenedExport(export_name(recalled.inputs.export, trino), bill, catalog, owners, cache)


def recalled_files(bill_options: BillOptions, *, forget: bool = False) -> "RecalledInputs":
    """Return the export and its files: those named, and those used with the export before unless `forget`."""
    from focuswatch.bill.remembered_inputs import (
        RecalledInputs,
        RememberedInputs,
        load_last_export,
        recall_inputs,
    )

    named = RememberedInputs(
        load_last_export(root=bill_options.state).export
        if bill_options.export is None
        else bill_options.export,
        activity=bill_options.activity,
        accounts=bill_options.accounts,
        links=bill_options.links,
        recommendations=bill_options.recommendations,
        principals=bill_options.principals,
        events=bill_options.events,
        owners=bill_options.owners,
    )
    if forget or bill_options.trino_location:
        return RecalledInputs(named, named)
    return recall_inputs(named, root=bill_options.state)


def bill_inputs(bill_options: BillOptions, recalled: "RecalledInputs") -> "BillInputs":
    """Return where everything is that a bill is opened from."""
    from focuswatch.bill.bill import BillInputs
    from focuswatch.bill.remembered_inputs import state_of
    from focuswatch.cli.bill_engine import export_name

    latest = recalled.inputs
    name = export_name(latest.export, bill_options.trino_location)
    return BillInputs(
        latest.export,
        state=state_of(name, root=bill_options.state),
        activity=latest.activity,
        accounts=latest.accounts,
        links=latest.links,
        recommendations=latest.recommendations,
        principals=latest.principals,
        events=latest.events,
        as_of=options.day(bill_options.as_of),
    )
