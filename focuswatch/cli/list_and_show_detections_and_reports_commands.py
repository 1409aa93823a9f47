"""`focuswatch list` and `focuswatch show`: list the detections and reports, and show one with its SQL."""

from datetime import date
from typing import Annotated

import typer

from focuswatch.cli import shared_option_types

Name = Annotated[
    str, typer.Argument(help="Name of a detection or report. `focuswatch list` shows all names.")
]

ShownAsOf = Annotated[
    date | None,
    typer.Option(
        "--as-of",
        parser=shared_option_types.parse_day,
        metavar=shared_option_types.DAY,
        help="Show the SQL for a scan as of this date. [default: today]",
        show_default=False,
    ),
]


def list_() -> None:
    """List the detections and reports.

    \b
    focuswatch list
    """
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.output.catalog_list_and_entry import print_catalog
    from focuswatch.cli.progress_and_notes import note_unfinished

    catalog = Catalog.load()
    note_unfinished(catalog)
    print_catalog(catalog)


def show(name: Name, as_of: ShownAsOf = None) -> None:
    """Show a detection or report with its thresholds and SQL.

    \b
    focuswatch show idle_sagemaker_endpoint
    focuswatch show new_region --as-of 2026-06-18
    """
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.output.catalog_list_and_entry import print_catalog_entry

    print_catalog_entry(Catalog.load(), name, as_of=as_of or date.today())
