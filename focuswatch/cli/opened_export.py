"""Open the export that a command reads: the one named, or the one scanned last, with its files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.cli import options
from focuswatch.cli.option_groups import BillOptions

if TYPE_CHECKING:
    from focuswatch.bill.local_bill import Bill, Inputs, Recalled
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class OpenedExport:
    """An open bill with its catalog and owners; `name` tells its export from others."""

    name: str
    bill: "Bill"
    catalog: "Catalog"
    owners: "Owners"


@contextmanager
def open_export(bill_options: BillOptions) -> Iterator[OpenedExport]:
    """Open an export, with the files that were used with it before where no others are named.

    Raises ConfigError, also where no table of a Trino is named.
    """
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.bill_engine import export_name, open_on_engine
    from focuswatch.cli.progress import progress_line
    from focuswatch.errors import ConfigError
    from focuswatch.owners.owners_file import Owners

    trino = bill_options.trino_location
    if trino and not bill_options.export:
        raise ConfigError("--engine trino needs the name of the export's table, CATALOG.SCHEMA.TABLE.")
    catalog, recalled = Catalog.load(), recalled_files(bill_options)
    owners = Owners.load(recalled.latest.owners)
    with (
        progress_line() as line,
        open_on_engine(
            bill_inputs(bill_options, recalled),
            trino=trino,
            catalog=catalog,
            owners=owners,
            progress=line.progress,
        ) as bill,
    ):
        for note in recalled.notes[bool(recalled.again) :]:  # the same files as in the last scan need no note
            line.note(note)
        if bill.refresh.other_providers:
            line.note(f"Note: {bill.refresh.other_providers}")
        yield OpenedExport(export_name(recalled.latest.export, trino), bill, catalog, owners)


def recalled_files(bill_options: BillOptions, *, forget: bool = False) -> "Recalled":
    """Return the export and its files: those named, and those used with the export before unless `forget`."""
    from focuswatch.bill.local_bill import Latest, Recalled, latest, recalled

    named = Latest(
        latest(root=bill_options.state).export if bill_options.export is None else bill_options.export,
        activity=bill_options.activity,
        accounts=bill_options.accounts,
        owners=bill_options.owners,
    )
    if forget or bill_options.trino_location:
        return Recalled(named, named)
    return recalled(named, root=bill_options.state)


def bill_inputs(bill_options: BillOptions, recalled: "Recalled") -> "Inputs":
    """Return where everything is that a bill is opened from."""
    from focuswatch.bill.local_bill import Inputs, state_of
    from focuswatch.cli.bill_engine import export_name

    latest = recalled.latest
    name = export_name(latest.export, bill_options.trino_location)
    return Inputs(
        latest.export,
        state=state_of(name, root=bill_options.state),
        activity=latest.activity,
        accounts=latest.accounts,
        as_of=options.day(bill_options.as_of),
    )
