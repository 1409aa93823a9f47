"""Print the catalog on a terminal: tables of all detections and reports, or one of them with its SQL."""

import sys
from datetime import date

from rich.markup import escape

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli.output.table_grid import Column, console, print_grid
from focuswatch.detect.detection_placeholder_values import DetectionInput, first_new_day
from focuswatch.errors import ConfigError
from focuswatch.findings.replace_control_characters import visible


def print_catalog(catalog: Catalog) -> None:
    """Print one row for each detection and report."""
    out = console()
    columns = (Column("Detection"), Column("Category"), Column("Schedule"), Column("Title"))
    rows = []
    for detection in sorted(
        catalog.detections.values(), key=lambda detection: (detection.header.category, detection.id)
    ):
        header = detection.header
        status = "" if header.status == "live" else f" ({header.status})"
        rows.append([detection.id, header.category + status, header.schedule, visible(header.title)])
    print_grid(out, columns, rows)
    out.print()
    reports = [[report.id, visible(report.header.title)] for report in catalog.reports.values()]
    print_grid(out, (Column("Report"), Column("Title")), reports)


def print_catalog_entry(catalog: Catalog, name: str, *, as_of: date) -> None:
    """Print the header of a detection or report, and its SQL for a scan as of a date.

    Raises ConfigError for an unknown name.
    """
    entry = catalog.detections.get(name) or catalog.reports.get(name)
    if entry is None:
        raise ConfigError(
            f"There is no detection or report named '{name}'. `focuswatch list` shows all names."
        )
    out = console()
    out.print(visible(entry.header.title), style="bold", markup=False)
    for key, value in entry.header.model_dump(exclude={"title"}, exclude_none=True).items():
        shown = "\n  ".join(map(str, value)) if isinstance(value, list) else str(value).strip()
        out.print(f"[cyan]{key}[/cyan]: {escape(visible(shown))}")
    out.print()
    values = DetectionInput(as_of=as_of, first_new_day=first_new_day(as_of, evaluated_until=None)).values
    sys.stdout.write(f"{entry.render(values)}\n")
