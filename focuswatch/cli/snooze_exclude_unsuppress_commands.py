"""`focuswatch snooze`, `exclude` and `unsuppress`: mute findings, and remove suppressions."""

import getpass
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import shared_option_types
from focuswatch.cli.add_bill_and_ledger_options_to_commands import LedgerOptions, takes
from focuswatch.cli.open_ledger_and_find_entry import (
    Fingerprint,
    entry_of,
    next_ledger_command,
    open_ledger_of,
)

if TYPE_CHECKING:
    from focuswatch.ledger import Ledger
    from focuswatch.ledger.suppression import SuppressionScope

Reason = Annotated[
    str, typer.Option(help="Reason for the suppression, shown by `focuswatch findings --suppressions`.")
]
Author = Annotated[
    str | None, typer.Option(help="Author of the suppression. [default: your user name]", show_default=False)
]
Until = Annotated[
    date | None,
    typer.Option(
        parser=shared_option_types.parse_day,
        metavar=shared_option_types.DAY,
        help="End date of the suppression. Scans on or after this date notify the owner again. [default: "
        "no end date]",
        show_default=False,
    ),
]


@takes(LedgerOptions)
def snooze(
    fingerprint: Fingerprint,
    until: Annotated[
        date,
        typer.Option(
            parser=shared_option_types.parse_day,
            metavar=shared_option_types.DAY,
            help="End date of the suppression. Scans on or after this date notify the owner again.",
        ),
    ],
    reason: Reason,
    ledger_options: LedgerOptions,
    author: Author = None,
) -> None:
    """Mute a finding until a date.

    \b
    focuswatch snooze 3f9a1c --until 2026-07-01 --reason "load test runs until then"
    """
    with open_ledger_of(ledger_options) as ledger:
        entry = entry_of(ledger, fingerprint, ledger_options)
        _suppress(
            ledger,
            ledger_options=ledger_options,
            scope="fingerprint",
            value=entry.fingerprint,
            detection=None,
            author=author,
            reason=reason,
            since=entry.finding.as_of,
            until=until,
        )


@takes(LedgerOptions)
def exclude(
    reason: Reason,
    ledger_options: LedgerOptions,
    fingerprint: Annotated[str | None, typer.Option(help="Mute this finding.", show_default=False)] = None,
    resource: Annotated[
        str | None, typer.Option(help="Mute all findings for this resource.", show_default=False)
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Mute all findings in this account.", show_default=False)
    ] = None,
    team: Annotated[
        str | None, typer.Option(help="Mute all findings of this team.", show_default=False)
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(help="Mute all findings for resources with this tag: KEY=VALUE.", show_default=False),
    ] = None,
    include_security: Annotated[
        bool,
        typer.Option(
            "--include-security",
            help="With --tag, also mute security findings. Anyone who can tag resources can then hide "
            "security findings.",
        ),
    ] = False,
    detection: Annotated[
        str | None, typer.Option(help="Mute only findings of this detection.", show_default=False)
    ] = None,
    until: Until = None,
    author: Author = None,
) -> None:
    """Mute findings by fingerprint, resource, account, team or tag.

    \b
    focuswatch exclude --fingerprint 3f9a1c --reason "standby for the Friday demo" --until 2026-09-01
    focuswatch exclude --account 111122223333 --detection new_region --reason "penetration test account"
    focuswatch exclude --team research --detection idle_sagemaker_endpoint --reason "demo endpoints"
    focuswatch exclude --tag environment=sandbox --reason "deleted every Sunday"
    """
    from focuswatch.ledger.ledger_protocol import newest_scan_date

    scopes: dict[SuppressionScope, str | None] = {
        "fingerprint": fingerprint,
        "resource": resource,
        "account": account,
        "team": team,
        "tag": tag,
    }
    scope, value = _one_scope(scopes)
    if tag:
        _check_tag(tag, detection=detection, include_security=include_security)
    elif include_security:
        _refuse(
            "--include-security is valid only with --tag. Omit --include-security: the other scopes include "
            "security findings without this option. --team includes only security findings that the team owns "
            "by account tag, account ID or OU."
        )
    with open_ledger_of(ledger_options) as ledger:
        if scope == "fingerprint":
            value = entry_of(ledger, value, ledger_options).fingerprint
        _suppress(
            ledger,
            ledger_options=ledger_options,
            scope=scope,
            value=value,
            detection=detection,
            author=author,
            reason=reason,
            since=newest_scan_date(ledger),
            until=until,
            security=include_security,
        )


@takes(LedgerOptions)
def unsuppress(
    id: Annotated[
        str,
        typer.Argument(metavar="ID", help="ID of the suppression; see `focuswatch findings --suppressions`."),
    ],
    ledger_options: LedgerOptions,
) -> None:
    """Remove a snooze or an exclusion.

    \b
    focuswatch unsuppress 4
    focuswatch unsuppress 4 --ledger dynamodb://focuswatch-ledger
    """
    if not id.isdecimal():
        _refuse(
            f"{id} is not the ID of a suppression; expected a number. To list suppressions with their IDs, run "
            f"{next_ledger_command('findings --suppressions', ledger_options)}."
        )
    with open_ledger_of(ledger_options) as ledger:
        ledger.remove_suppression(int(id))
    typer.echo(
        f"Suppression {id} is removed. If the muted findings still occur, the next scan reports them again.",
        err=True,
    )


def _refuse(message: str) -> None:
    from focuswatch.errors import ConfigError

    raise ConfigError(message)


def _one_scope(scopes: "dict[SuppressionScope, str | None]") -> "tuple[SuppressionScope, str]":
    given = [(scope, value) for scope, value in scopes.items() if value]
    if len(given) != 1:
        _refuse("Specify exactly one scope: --fingerprint, --resource, --account, --team or --tag.")
    return given[0]


def _check_tag(tag: str, *, detection: str | None, include_security: bool) -> None:
    from focuswatch.catalog.sql_catalog import Catalog

    if not all(tag.partition("=")[:2]):
        _refuse(f"--tag {tag}: expected KEY=VALUE.")
    if not detection or include_security:
        return
    if Catalog.load().detection(detection).header.category == "security":
        _refuse(
            f"{detection} is a security detection. Tags do not mute security findings, because an intruder can "
            "tag resources. "
            "Use --resource or --account, or add --include-security."
        )


def _suppress(
    ledger: "Ledger",
    *,
    ledger_options: LedgerOptions,
    scope: "SuppressionScope",
    value: str,
    detection: str | None,
    author: str | None,
    reason: str,
    since: date,
    until: date | None,
    security: bool = False,
) -> None:
    from focuswatch.findings.replace_control_characters import visible
    from focuswatch.ledger.add_and_describe_suppression import add_checked_suppression, suppression_text
    from focuswatch.ledger.suppression import Suppression

    requested = Suppression(
        scope=scope,
        value=value,
        detection=detection,
        author=author or getpass.getuser(),
        reason=reason,
        since=since,
        until=until,
        security=security,
    )
    suppression = add_checked_suppression(ledger, requested)
    text = suppression_text(
        ledger, suppression, unsuppress=lambda id: next_ledger_command(f"unsuppress {id}", ledger_options)
    )
    typer.echo(visible(text), err=True)
