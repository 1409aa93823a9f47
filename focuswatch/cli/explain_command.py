"""`focuswatch explain`: why a finding's money rose."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.findings_commands import Fingerprint, named
from focuswatch.cli.options import ListFormat

if TYPE_CHECKING:
    from focuswatch.engines import Row
    from focuswatch.findings.explanation import Explanation
    from focuswatch.findings.finding import Finding

INSTEAD = {
    "budget_pace": "its money is still to be spent; the reports month_forecast and weekly_deltas say what moves it"
}


def explain(
    fingerprint: Fingerprint,
    export: Annotated[
        str | None,
        typer.Option(
            "--export", help="The export meant. [default: the one scanned last]", show_default=False
        ),
    ] = None,
    activity: options.Activity = None,
    accounts: options.Accounts = None,
    owners: options.OwnersFile = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
    format: Annotated[ListFormat, typer.Option(help="How to print it.")] = ListFormat.TABLE,
) -> None:
    """Show the cost drivers of a finding.

    They add up to its excess; volume is told apart from price, and what started or stopped that day is named.

    \b
    focuswatch explain 3f9a1c
    focuswatch explain 3f9a1c --format json
    focuswatch explain 3f9a1c --ledger dynamodb://focuswatch-ledger
    """
    from focuswatch.cli.output import machine_formats, root_cause

    with options.known_ledger(ledger, export=export, state=state) as kept:
        finding = named(kept, fingerprint).finding
    if ledger and ledger.startswith(options.DYNAMODB):  # its bill is not here; what it was told with is
        explanation = _told_with(finding)
    else:
        explanation = _asked(
            finding, export=export, activity=activity, accounts=accounts, owners=owners, state=state
        )
    match format:
        case ListFormat.TABLE:
            root_cause.explanation(finding, explanation)
        case ListFormat.JSON:
            typer.echo(machine_formats.explanation(finding, explanation))


def _told_with(finding: "Finding") -> "Explanation":
    from focuswatch.errors import ConfigError

    if finding.explanation is None:
        raise ConfigError(f"{finding.fingerprint} was told without an explanation.")
    return finding.explanation


def _asked(
    finding: "Finding", *, export: str | None, activity: Path | None, accounts: Path | None, owners: Path | None,
    state: Path | None,
) -> "Explanation":  # fmt: skip
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.last_export import known_bill
    from focuswatch.cli.output.tables import hint
    from focuswatch.detect.explain.cost_increase import cost_increase_of
    from focuswatch.detect.explain.driver_queries import charges_of
    from focuswatch.detect.explain.driver_queries import explain_cost_increases as asked
    from focuswatch.errors import ConfigError
    from focuswatch.findings.explanation_text import period_text

    rise = cost_increase_of(finding, catalog=Catalog.load())
    if rise is None:
        instead = INSTEAD.get(
            finding.detection,
            f"its evidence says what it costs: {hint(f'findings {finding.fingerprint[:8]}', state=state)}",
        )
        raise ConfigError(f"{finding.fingerprint} has no excess to explain ({finding.detection}); {instead}")
    with known_bill(
        export, as_of=None, activity=activity, accounts=accounts, owners=owners, state=state
    ) as known:
        bill = known.bill
        found = asked([rise], engine=bill.engine, catalog=known.catalog, as_of=bill.as_of)
        other = [] if found else charges_of(rise, engine=bill.engine, catalog=known.catalog)
    if rise.fingerprint not in found:
        days = period_text(rise.first_day, rise.end_day - timedelta(days=1))
        if not other:
            raise ConfigError(
                f"{known.export} has no charge of {finding.fingerprint} {days}; "
                "name the export that has it with --export."
            )
        raise ConfigError(
            f"{finding.fingerprint} has no cost drivers: {days}, {known.export} has no usage for it, but "
            + "; ".join(_charged(row, currency=finding.currency) for row in other)
            + "."
        )
    told = finding.explanation
    seen = {"changes": told.changes, "unseen": told.unseen} if told else {}
    return found[rise.fingerprint].model_copy(update=seen)


def _charged(row: "Row", *, currency: str) -> str:
    """Return `Purchase (One-Time): 355.33 USD billed, 0.00 USD effective`."""
    from focuswatch.findings.finding import amount

    often = f" ({row['charge_frequency']})" if row["charge_frequency"] else ""
    billed, effective = (
        f"{amount(row[name] or 0.0)} {currency}" for name in ("billed_cost", "effective_cost")
    )
    return f"{row['charge_category'] or 'charges'}{often}: {billed} billed, {effective} effective"
