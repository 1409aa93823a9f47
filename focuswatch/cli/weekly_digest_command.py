"""`focuswatch weekly`: print the weekly digest of the organization and of each team."""

from typing import Annotated

import typer

from focuswatch.cli import open_ledger_and_find_entry
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes


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
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.errors import ConfigError
    from focuswatch.reports.query_bill_for_weekly_digests import weeks_of_bill

    with (
        open_export(bill_options) as opened,
        open_ledger_and_find_entry.open_ledger(
            bill_options.ledger, export=opened.name, state=bill_options.state
        ) as ledger,
    ):
        teams = opened.owners.teams
        if team and team not in teams:
            raise ConfigError(
                f"--team {team}: owners.toml does not define this team. "
                f"Expected one of: {', '.join(sorted(teams)) or '(none)'}."
            )
        digests = weeks_of_bill(
            opened.bill, entries=ledger.entries().values(), catalog=opened.catalog, owners=opened.owners
        )
    for week in digests:
        if team in (None, week.team):
            typer.echo(week.as_text(state=bill_options.state) + "\n")
