"""`focuswatch findings`, `snooze`, `exclude`, `unsuppress`, `reset`: list findings, and mute or reset them."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import opened_ledger, option_types
from focuswatch.cli.bill_and_ledger_options import LedgerOptions, takes
from focuswatch.cli.option_types import ListFormat

if TYPE_CHECKING:
    from focuswatch.ledger import Ledger, LedgerEntry
    from focuswatch.ledger.ledger_entry import SuppressionScope

Fingerprint = Annotated[str, typer.Argument(help="Fingerprint of the finding, or its first characters.")]
Reason = Annotated[
    str, typer.Option(help="Reason for the suppression, shown by `focuswatch findings --suppressions`.")
]
Author = Annotated[
    str | None, typer.Option(help="Author of the suppression. [default: your user name]", show_default=False)
]
Until = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="End date of the suppression. Scans as of this date or later notify the owner again. [default: "
        "no end date]",
        show_default=False,
    ),
]


@takes(LedgerOptions)
def findings(
    ledger_options: LedgerOptions,
    fingerprint: Annotated[
        str | None,
        typer.Argument(help="Fingerprint of a finding, to show all its details.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Include resolved and suppressed findings.")
    ] = False,
    suppressions: Annotated[
        bool, typer.Option("--suppressions", help="List snoozes and exclusions instead of findings.")
    ] = False,
    silences: Annotated[bool, typer.Option("--silences", hidden=True)] = False,
    format: Annotated[ListFormat, typer.Option(help="Output format.")] = ListFormat.TABLE,
) -> None:
    """List open findings, or show the details of one finding.

    The details of a finding include its evidence, the recommended steps, and the known limitations of the
    detection.

    \b
    focuswatch findings
    focuswatch findings 3f9a1c
    focuswatch findings --all --format json
    """
    from focuswatch.cli.output import finding_tables, machine_formats
    from focuswatch.ledger.findings_page import findings_page

    with _open(ledger_options) as ledger:
        if suppressions or silences:
            finding_tables.print_suppressions(ledger.suppressions())
            return
        if format is ListFormat.TABLE and not fingerprint:
            page = findings_page(ledger, everything=everything, most=finding_tables.MOST_ROWS)
            finding_tables.print_findings(page)
            return
        entries = [entry_of(ledger, fingerprint)] if fingerprint else _listed(ledger, everything=everything)
    if format is ListFormat.TABLE:
        finding_tables.print_finding(entries[0], blind_spots=_blind_spots(entries[0].finding.detection))
    else:
        machine_formats.print_findings_json(entry.finding for entry in entries)


@takes(LedgerOptions)
def snooze(
    fingerprint: Fingerprint,
    until: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="End date of the suppression. Scans as of this date or later notify the owner again.",
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
    with _open(ledger_options) as ledger:
        entry = entry_of(ledger, fingerprint)
        _suppress(
            ledger, scope="fingerprint", value=entry.fingerprint, detection=None, author=author, reason=reason,
            since=entry.finding.as_of, until=until.date(),
        )  # fmt: skip


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
    from focuswatch.ledger.add_suppression import newest_bill_date

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
            "--include-security is valid only with --tag. Other scopes also apply to security findings; "
            "--team applies to a security finding only if the account or OU determines its owner. Omit "
            "--include-security."
        )
    with _open(ledger_options) as ledger:
        if scope == "fingerprint":
            value = entry_of(ledger, value).fingerprint
        _suppress(
            ledger, scope=scope, value=value, detection=detection, author=author, reason=reason,
            since=newest_bill_date(ledger), until=option_types.day(until), security=include_security,
        )  # fmt: skip


@takes(LedgerOptions)
def unsuppress(
    id: Annotated[
        int, typer.Argument(help="ID of the suppression; see `focuswatch findings --suppressions`.")
    ],
    ledger_options: LedgerOptions,
) -> None:
    """Remove a snooze or an exclusion.

    \b
    focuswatch unsuppress 4
    focuswatch unsuppress 4 --ledger dynamodb://focuswatch-ledger
    """
    with _open(ledger_options) as ledger:
        ledger.remove_suppression(id)
    typer.echo(
        f"Suppression {id} is removed. If the muted findings still occur, the next scan reports them again.",
        err=True,
    )


@takes(LedgerOptions)
def reset(fingerprint: Fingerprint, ledger_options: LedgerOptions) -> None:
    """Reset a finding, so that focuswatch notifies its owner again.

    Use this command for findings about which focuswatch notifies the owner only once, such as a first charge in a
    Region.

    \b
    focuswatch reset 3f9a1c
    """
    with _open(ledger_options) as ledger:
        entry = entry_of(ledger, fingerprint)
        ledger.forget(entry.fingerprint)
    typer.echo(f"Reset: {entry.finding.title} ({entry.fingerprint}).", err=True)


def entry_of(ledger: "Ledger", prefix: str) -> "LedgerEntry":
    """Return the one entry whose fingerprint starts with `prefix`. Raises LedgerError where none does, or several."""
    from focuswatch.ledger.find_entry import find_entry

    return find_entry(ledger, prefix)


@contextmanager
def _open(ledger_options: LedgerOptions) -> "Iterator[Ledger]":
    with opened_ledger.open_ledger(
        ledger_options.ledger, export=ledger_options.export, state=ledger_options.state
    ) as ledger:
        yield ledger


def _refuse(message: str) -> None:
    from focuswatch.errors import ConfigError

    raise ConfigError(message)


def _one_scope(scopes: "dict[SuppressionScope, str | None]") -> "tuple[SuppressionScope, str]":
    given = [(scope, value) for scope, value in scopes.items() if value]
    if len(given) != 1:
        _refuse("Specify exactly one scope: --fingerprint, --resource, --account, --team or --tag.")
    return given[0]


def _check_tag(tag: str | None, *, detection: str | None, include_security: bool) -> None:
    from focuswatch.catalog.sql_catalog import Catalog

    if not tag:
        if include_security:
            _refuse(
                "--include-security is valid only with --tag. The other scopes always include security findings. "
                "Omit --include-security."
            )
        return
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
    ledger: "Ledger", *, scope: "SuppressionScope", value: str, detection: str | None, author: str | None, reason: str,
    since: date, until: date | None, security: bool = False,
) -> None:  # fmt: skip
    from focuswatch.findings.visible_text import visible
    from focuswatch.ledger.add_suppression import add_checked_suppression, suppression_text
    from focuswatch.ledger.ledger_entry import Suppression

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
    typer.echo(visible(suppression_text(ledger, suppression)), err=True)


def _blind_spots(detection: str) -> list[str]:
    """Return the known limitations of a detection; none of one that is no longer in the catalog."""
    from focuswatch.catalog.sql_catalog import Catalog

    known = Catalog.load().detections.get(detection)
    return list(known.header.blind_spots) if known else []


def _listed(ledger: "Ledger", *, everything: bool) -> "list[LedgerEntry]":
    from focuswatch.ledger import SuppressionIndex
    from focuswatch.ledger.add_suppression import newest_bill_date

    newest, suppressions = newest_bill_date(ledger), SuppressionIndex(ledger.suppressions())
    listed = [
        entry
        for entry in ledger.entries().values()
        if everything or (entry.state == "open" and not suppressions.suppresses(entry.finding, on=newest))
    ]
    return sorted(listed, key=lambda entry: (-entry.finding.stake, entry.fingerprint))
