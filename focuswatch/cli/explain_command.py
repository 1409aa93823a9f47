"""`focuswatch explain`: show the cost drivers of a finding."""

from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import open_ledger_and_find_entry, shared_option_types
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes
from focuswatch.cli.open_ledger_and_find_entry import Fingerprint, entry_of, next_ledger_command
from focuswatch.cli.shared_option_types import ListFormat

if TYPE_CHECKING:
    from focuswatch.findings.cost_increase_explanation_models import Explanation
    from focuswatch.findings.finding import Finding


@takes(
    BillOptions,
    without=("others", "as_of", "engine", "trino", "trino_auth"),
    export=shared_option_types.ExportOption,
)
def explain(
    fingerprint: Fingerprint,
    bill_options: BillOptions,
    format: Annotated[ListFormat, typer.Option(help="Output format.")] = ListFormat.TABLE,
) -> None:
    """Show the cost drivers of a finding.

    The cost drivers add up to the excess cost of the finding. For each cost driver, the output states how much of
    its excess cost is due to volume and how much is due to price. The output also lists resources, Regions and services
    that started or stopped on the first day of the increase.

    \b
    focuswatch explain 3f9a1c
    focuswatch explain 3f9a1c --format json
    focuswatch explain 3f9a1c --ledger dynamodb://focuswatch-ledger
    """
    from focuswatch.cli.output import explanation_table, json_and_csv

    ledger_option = bill_options.ledger
    with open_ledger_and_find_entry.open_ledger_of(bill_options) as ledger:
        finding = entry_of(ledger, fingerprint, bill_options).finding
    if ledger_option and ledger_option.startswith(
        open_ledger_and_find_entry.DYNAMODB
    ):  # the deployment has the bill
        explanation = _stored(finding)
    else:
        explanation = _computed(finding, bill_options=bill_options)
    match format:
        case ListFormat.TABLE:
            explanation_table.print_explanation(finding, explanation)
        case ListFormat.JSON:
            typer.echo(json_and_csv.explanation_json(finding, explanation))


def _stored(finding: "Finding") -> "Explanation":
    """Return the explanation stored with the finding in the ledger. Raises ConfigError if there is none."""
    from focuswatch.errors import ConfigError

    if finding.explanation is None:
        raise ConfigError(
            f"The ledger contains no root cause for finding {finding.fingerprint}. To compute the root "
            "cause from the bill, scan the export and run focuswatch explain without --ledger."
        )
    return finding.explanation


def _computed(finding: "Finding", *, bill_options: BillOptions) -> "Explanation":
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.detect.explain.explain_finding_or_say_why_not import (
        explain_from_bill,
        increase_to_explain,
    )

    details = next_ledger_command(f"findings {finding.fingerprint[:8]}", bill_options)
    increase = increase_to_explain(
        finding, catalog=Catalog.load(), otherwise=f"To see the cost of the finding, run {details}"
    )
    with open_export(bill_options) as opened:
        return explain_from_bill(
            finding, increase, bill=opened.bill, catalog=opened.catalog, export=opened.name
        )
