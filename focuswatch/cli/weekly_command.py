"""`focuswatch weekly`: the week of everybody and of each team."""

from typing import Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.open_bill_option import on_trino
from focuswatch.cli.options import EngineName
from focuswatch.engines.trino_server import SignIn


def weekly(
    export: options.MaybeExport = None,
    team: Annotated[
        str | None,
        typer.Option(help="Show only this team. [default: all teams and each]", show_default=False),
    ] = None,
    as_of: options.AsOf = None,
    activity: options.Activity = None,
    accounts: options.Accounts = None,
    owners: options.OwnersFile = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
    engine: options.Engine = EngineName.DUCKDB,
    trino: options.TrinoServer = None,
    trino_auth: options.TrinoSignIn = SignIn.NONE,
) -> None:
    """Print the weekly digest: spend, changes, findings, savings.

    Ten lines at most for all teams together and for each team.

    \b
    focuswatch weekly
    focuswatch weekly ./focus --team search --owners config/owners.toml
    """
    from focuswatch.cli.last_export import known_bill
    from focuswatch.errors import ConfigError
    from focuswatch.owners.launches import costs_muted_by_launches
    from focuswatch.reports.run_report import rows_of
    from focuswatch.reports.weekly_summary import weeks

    with (
        known_bill(
            export,
            as_of=as_of,
            activity=activity,
            accounts=accounts,
            owners=owners,
            state=state,
            trino=on_trino(engine, trino, trino_auth),
        ) as known,
        options.known_ledger(ledger, export=known.export, state=state) as kept,
    ):
        teams = known.owners.teams
        if team and team not in teams:
            raise ConfigError(f"owners.toml has no team {team}; it has {', '.join(sorted(teams)) or 'none'}.")
        bill = known.bill
        rows = rows_of(
            known.catalog.report("team_weeks"), engine=bill.engine, as_of=bill.as_of, owners=known.owners
        )
        entries = kept.entries().values()
        quiet = costs_muted_by_launches(
            bill.engine,
            catalog=known.catalog,
            owners=known.owners,
            as_of=bill.as_of,
            per_usd=float(bill.summary.rate(known.owners).per_usd),
        )
        told = weeks(
            rows,
            entries,
            owners=known.owners,
            as_of=bill.as_of,
            currency=bill.summary.currency,
            launches=quiet,
        )
    for week in told:
        if team in (None, week.team):
            typer.echo(week.as_text(state=state) + "\n")
