"""`focuswatch assess`: list which detections and reports can evaluate a bill, and which input the others lack."""

from typing import Annotated

import typer

from focuswatch.cli import shared_option_types
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes
from focuswatch.cli.shared_option_types import ListFormat


@takes(BillOptions, without=("ledger",), export=shared_option_types.Export)
def assess(
    bill_options: BillOptions,
    format: Annotated[ListFormat, typer.Option(help="Output format.")] = ListFormat.TABLE,
) -> None:
    """Show what focuswatch can evaluate in a bill.

    Lists each detection and report with its missing input, and the command that provides this input.
    `focuswatch assess` does not record findings.

    \b
    focuswatch assess ./focus
    focuswatch assess ./focus --activity activity.parquet --owners owners.toml --format json
    """
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.cli.output import detection_and_report_input_assessment_tables
    from focuswatch.cli.progress_and_notes import progress_line
    from focuswatch.detect.assess_detections_and_reports_on_bill import assess as assess_bill

    with open_export(bill_options) as opened:
        with progress_line() as line:
            assessed = assess_bill(
                opened.bill, catalog=opened.catalog, owners=opened.owners, progress=line.progress
            )
        match format:
            case ListFormat.TABLE:
                detection_and_report_input_assessment_tables.print_assessment(assessed, opened.bill.summary)
            case ListFormat.JSON:
                typer.echo(detection_and_report_input_assessment_tables.assessment_json(assessed))
