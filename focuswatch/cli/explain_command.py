"""`focuswatch explain`: show the cost drivers of a finding."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.findings_commands import Fingerprint, entry_of
from focuswatch.cli.option_groups import BillOptions, takes
from focuswatch.cli.options import ListFormat

if TYPE_CHECKING:
    from pathlib import Path

    from focuswatch.detect.explain.cost_increase import CostIncrease
    from focuswatch.engines import Row
    from focuswatch.errors import ConfigError
    from focuswatch.findings.explanation import Explanation
    from focuswatch.findings.finding import Finding

INSTEAD = {
    "budget_pace": "its amount is a forecast. The reports month_forecast and weekly_deltas show the cost drivers."
}


@takes(BillOptions, without=("as_of", "engine", "trino", "trino_auth"), export=options.ExportOption)
def explain(
    fingerprint: Fingerprint,
    bill_options: BillOptions,
    format: Annotated[ListFormat, typer.Option(help="Output format.")] = ListFormat.TABLE,
) -> None:
    """Show the cost drivers of a finding.

    The drivers add up to the finding's excess cost. Volume is separated from price, and resources, regions and
    services that started or stopped that day are listed.

    \b
    focuswatch explain 3f9a1c
    focuswatch explain 3f9a1c --format json
    focuswatch explain 3f9a1c --ledger dynamodb://focuswatch-ledger
    """
    from focuswatch.cli.output import explanation_table, machine_formats

    ledger_option = bill_options.ledger
    with options.open_ledger(ledger_option, export=bill_options.export, state=bill_options.state) as ledger:
        finding = entry_of(ledger, fingerprint).finding
    if ledger_option and ledger_option.startswith(options.DYNAMODB):  # its bill is in the deployment
        explanation = _stored(finding)
    else:
        explanation = _computed(finding, bill_options=bill_options)
    match format:
        case ListFormat.TABLE:
            explanation_table.print_explanation(finding, explanation)
        case ListFormat.JSON:
            typer.echo(machine_formats.explanation_json(finding, explanation))


def _stored(finding: "Finding") -> "Explanation":
    """Return the explanation that a finding was notified with."""
    from focuswatch.errors import ConfigError

    if finding.explanation is None:
        raise ConfigError(
            f"Finding {finding.fingerprint} was stored without an explanation. "
            "To compute the explanation from the bill, scan the export and run focuswatch explain without --ledger."
        )
    return finding.explanation


def _computed(finding: "Finding", *, bill_options: BillOptions) -> "Explanation":
    """Return an explanation from the bill, with the CloudTrail events that the finding was notified with."""
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.cli.opened_export import open_export
    from focuswatch.detect.explain.cost_increase import cost_increase_of
    from focuswatch.detect.explain.driver_queries import charges_of, explain_cost_increases

    increase = cost_increase_of(finding, catalog=Catalog.load())
    if increase is None:
        raise _no_excess(finding, state=bill_options.state)
    with open_export(bill_options) as opened:
        bill = opened.bill
        explanations = explain_cost_increases(
            [increase], engine=bill.engine, catalog=opened.catalog, as_of=bill.as_of
        )
        if increase.fingerprint not in explanations:
            charges = charges_of(increase, engine=bill.engine, catalog=opened.catalog)
            raise _no_drivers(finding, increase, charges=charges, export=opened.name)
    notified = finding.explanation
    events = {"changes": notified.changes, "unseen": notified.unseen} if notified else {}
    return explanations[increase.fingerprint].model_copy(update=events)


def _no_excess(finding: "Finding", *, state: "Path | None") -> "ConfigError":
    from focuswatch.cli.output.terminal_style import hint
    from focuswatch.errors import ConfigError

    instead = INSTEAD.get(
        finding.detection,
        f"to see its cost, run {hint(f'findings {finding.fingerprint[:8]}', state=state)}",
    )
    return ConfigError(
        f"{finding.fingerprint} ({finding.detection}) has no cost increase to explain: {instead}"
    )


def _no_drivers(
    finding: "Finding", increase: "CostIncrease", *, charges: "list[Row]", export: str
) -> "ConfigError":
    from focuswatch.errors import ConfigError
    from focuswatch.findings.explanation_text import period_text

    days = period_text(increase.first_day, increase.end_day - timedelta(days=1))
    if not charges:
        return ConfigError(
            f"{export} contains no charges for finding {finding.fingerprint} {days}. "
            "Name the export that contains these charges with --export."
        )
    amounts = "; ".join(_charge_text(row, currency=finding.currency) for row in charges)
    return ConfigError(
        f"Finding {finding.fingerprint} has no cost drivers: {days}, {export} contains no usage charges for this "
        f"finding. Other charges: {amounts}."
    )


def _charge_text(row: "Row", *, currency: str) -> str:
    """Return `Purchase (One-Time): 355.33 USD billed, 0.00 USD effective`."""
    from focuswatch.findings.finding import amount

    frequency = f" ({row['charge_frequency']})" if row["charge_frequency"] else ""
    billed, effective = (
        f"{amount(row[name] or 0.0)} {currency}" for name in ("billed_cost", "effective_cost")
    )
    return f"{row['charge_category'] or 'charges'}{frequency}: {billed} billed, {effective} effective"
