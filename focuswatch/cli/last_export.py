"""An export as it was scanned last: what verbs that only read begin with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from focuswatch.cli import options

if TYPE_CHECKING:
    from focuswatch.bill.bill import Bill
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.open_bill_option import OnTrino
    from focuswatch.detect.result_cache import ResultCache
    from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class LastExport:
    """A bill that is open, with what is asked of it and who owns it; `export` is where it was found."""

    export: str
    bill: "Bill"
    catalog: "Catalog"
    owners: "Owners"
    results: "ResultCache | None"


@contextmanager
def known_bill(
    export: str | None,
    *,
    as_of: datetime | None,
    activity: Path | None,
    accounts: Path | None,
    owners: Path | None,
    state: Path | None,
    trino: "OnTrino | None" = None,
) -> Iterator[LastExport]:
    """`export`, or the one scanned last, with the files given with it before where no others are named.

    Raises ConfigError, too, where no table of a Trino is named.
    """
    from focuswatch.bill.bill import BillInputs
    from focuswatch.bill.remembered_inputs import (
        RecalledInputs,
        RememberedInputs,
        load_last_export,
        recall_inputs,
        state_of,
    )
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.open_bill_option import opened, place_of
    from focuswatch.cli.progress import talking
    from focuswatch.detect.result_cache import open_result_cache
    from focuswatch.errors import ConfigError
    from focuswatch.owners.owners_file import Owners

    if trino and not export:
        raise ConfigError("--engine trino needs the name of the export's table, CATALOG.SCHEMA.TABLE.")
    catalog = Catalog.load()
    named = RememberedInputs(
        export or load_last_export(root=state).export, activity=activity, accounts=accounts, owners=owners
    )
    found = RecalledInputs(named, named) if trino else recall_inputs(named, root=state)
    scanned = found.inputs
    known = Owners.load(scanned.owners)
    place = place_of(scanned.export, trino)
    inputs = BillInputs(
        scanned.export,
        state=state_of(place, root=state),
        activity=scanned.activity,
        accounts=scanned.accounts,
        as_of=options.day(as_of),
    )
    with (
        talking() as talk,
        opened(inputs, trino=trino, catalog=catalog, owners=known, progress=talk.progress) as bill,
    ):
        for note in found.notes[
            bool(found.recalled) :
        ]:  # what is as in the last scan goes without saying here
            talk.note(note)
        if bill.summary.other_providers:
            talk.note(f"Note: {bill.summary.other_providers}")
        results = open_result_cache(inputs.state, catalog=catalog, data_digest=bill.data_digest)
        yield LastExport(place, bill, catalog, known, results)
