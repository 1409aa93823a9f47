"""`focuswatch weekly`: print the weekly digest of the organization and of each team."""

from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.option_groups import BillOptions, takes

if TYPE_CHECKING:
    from focuswatch.cli.opened_export import OpenedExport
    from focuswatch.ledger import Ledger
    from focuswatch.reports.weekly_summary import Week


@takes(BillOptions)
def weekly(
    bill_options: BillOptions,
    team: Annotated[
        str | None,
        typer.Option(
            help="Show only this team. [default: the organization and every team]", show_default=False
        ),
    ] = None,
) -> None:
    """Print the weekly digest: spend, changes, findings, savings.

    The digest has at most ten lines for the organization and for each team.

    \b
    focuswatch weekly
    focuswatch weekly ./focus --team search --owners config/owners.toml
    """
    from focuswatch.cli.opened_export import open_export
    from focuswatch.errors import ConfigError

    with (
        open_export(bill_options) as opened,
        options.open_ledger(bill_options.ledger, export=opened.name, state=bill_options.state) as ledger,
    ):
        teams = opened.owners.teams
        if team and team not in teams:
            raise ConfigError(
                f"--team {team}: owners.toml does not define this team. "
                f"Expected one of: {', '.join(sorted(teams)) or '(none)'}."
            )
        digests = _weeks(opened, ledger=ledger)
    for week in digests:
        if team in (None, week.team):
            typer.echo(week.as_text(state=bill_options.state) + "\n")


def _weeks(opened: "OpenedExport", *, ledger: "Ledger") -> "list[Week]":
    from focuswatch.owners.launches import costs_muted_by_launches
    from focuswatch.reports.run_report import report_rows
    from focuswatch.reports.weekly_summary import weeks

    bill, owners = opened.bill, opened.owners
    return weeks(
        report_rows(opened.catalog.report("team_weeks"), engine=bill.engine, as_of=bill.as_of, owners=owners),
        ledger.entries().values(),
        owners=owners,
        as_of=bill.as_of,
        currency=bill.summary.currency,
        launches=costs_muted_by_launches(
            bill.engine,
            catalog=opened.catalog,
            owners=owners,
            as_of=bill.as_of,
            per_usd=float(bill.summary.rate(owners).per_usd),
        ),
    )
