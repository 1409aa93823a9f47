"""`focuswatch findings`, `snooze`, `exclude`, `unsilence`, `rearm`: what is known, and who said what of it."""

import getpass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options
from focuswatch.cli.options import ListFormat

if TYPE_CHECKING:
    from focuswatch.ledger import Ledger, LedgerEntry
    from focuswatch.ledger.ledger_entry import Suppression, SuppressionScope

Fingerprint = Annotated[str, typer.Argument(help="The finding's fingerprint, or the beginning of it.")]
Reason = Annotated[str, typer.Option(help="Why; whoever reads it later was not there.")]
Author = Annotated[str | None, typer.Option(help="Who says so. [default: you]", show_default=False)]
Until = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"], help="From this day of the bill on it speaks again.", show_default=False
    ),
]
ExportOption = Annotated[
    str | None,
    typer.Option("--export", help="The export meant. [default: the one scanned last]", show_default=False),
]


def findings(
    fingerprint: Annotated[
        str | None, typer.Argument(help="Show this one whole.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved and silenced ones too.")] = False,
    silences: Annotated[bool, typer.Option("--silences", help="List what was snoozed and excluded.")] = False,
    format: Annotated[ListFormat, typer.Option(help="How to print them.")] = ListFormat.TABLE,
    export: ExportOption = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
) -> None:
    """List open findings, or show one in full.

    In full: its evidence, what to do, and the known limitations of its detection.

    \b
    focuswatch findings
    focuswatch findings 3f9a1c
    focuswatch findings --all --format json
    """
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.output import machine_formats, tables

    with options.known_ledger(ledger, export=export, state=state) as kept:
        if silences:
            tables.silences(kept.suppressions())
            return
        entries = [named(kept, fingerprint)] if fingerprint else _listed(kept, everything=everything)
    if format is not ListFormat.TABLE:
        typer.echo(machine_formats.findings([entry.finding for entry in entries]))
    elif fingerprint:
        header = Catalog.load().detections.get(entries[0].finding.detection)
        tables.whole(entries[0], blind_spots=header.header.blind_spots if header else ())
    else:
        tables.entries(entries)


def snooze(
    fingerprint: Fingerprint,
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="From this day of the bill on it speaks again.")
    ],
    reason: Reason,
    author: Author = None,
    export: ExportOption = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
) -> None:
    """Mute a finding until a date.

    \b
    focuswatch snooze 3f9a1c --until 2026-07-01 --reason "load test runs until then"
    """
    with options.known_ledger(ledger, export=export, state=state) as kept:
        entry = named(kept, fingerprint)
        _silence(
            kept, scope="fingerprint", value=entry.fingerprint, detection=None, author=author, reason=reason,
            since=entry.finding.as_of, until=until.date(),
        )  # fmt: skip


def exclude(
    reason: Reason,
    fingerprint: Annotated[str | None, typer.Option(help="This finding.", show_default=False)] = None,
    resource: Annotated[
        str | None, typer.Option(help="All findings about this resource.", show_default=False)
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="All findings in this account.", show_default=False)
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="All about resources with this tag: KEY=VALUE.", show_default=False)
    ] = None,
    include_security: Annotated[
        bool,
        typer.Option(
            "--include-security",
            help="With --tag: cover security findings too. Whoever can tag can then hide.",
        ),
    ] = False,
    detection: Annotated[
        str | None, typer.Option(help="Of this detection alone.", show_default=False)
    ] = None,
    until: Until = None,
    author: Author = None,
    export: ExportOption = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
) -> None:
    """Mute a finding, or findings of a resource, account or tag.

    \b
    focuswatch exclude --fingerprint 3f9a1c --reason "standby for the Friday demo" --until 2026-09-01
    focuswatch exclude --account 111122223333 --detection new_region --reason "the pen-test account"
    focuswatch exclude --tag environment=sandbox --reason "swept every Sunday"
    """
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.errors import ConfigError

    given: dict[SuppressionScope, str | None] = {
        "fingerprint": fingerprint,
        "resource": resource,
        "account": account,
        "tag": tag,
    }
    scopes = [(scope, value) for scope, value in given.items() if value]
    if len(scopes) != 1:
        raise ConfigError("Name exactly one scope: --fingerprint, --resource, --account or --tag.")
    if tag and not all(tag.partition("=")[:2]):
        raise ConfigError(f"--tag {tag}: expected KEY=VALUE.")
    if include_security and not tag:
        raise ConfigError(
            "--include-security belongs to --tag; the other scopes cover security findings anyway."
        )
    if (
        detection
        and Catalog.load().detection(detection).header.category == "security"
        and tag
        and not include_security
    ):
        raise ConfigError(
            f"{detection} is a security detection, and a tag covers none of those: whoever intrudes can tag. "
            "Name a resource or an account, or add --include-security."
        )
    (scope, value), = scopes  # fmt: skip
    with options.known_ledger(ledger, export=export, state=state) as kept:
        if scope == "fingerprint":
            value = named(kept, value).fingerprint
        _silence(
            kept, scope=scope, value=value, detection=detection, author=author, reason=reason,
            since=_newest_day(kept), until=options.day(until), security=include_security,
        )  # fmt: skip


def unsilence(
    id: Annotated[int, typer.Argument(help="Its number; `focuswatch findings --silences` lists them.")],
    export: ExportOption = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
) -> None:
    """Remove a snooze or an exclusion.

    \b
    focuswatch unsilence 4
    focuswatch unsilence 4 --ledger dynamodb://focuswatch-ledger
    """
    with options.known_ledger(ledger, export=export, state=state) as kept:
        kept.remove_suppression(id)
    typer.echo(
        f"Silence {id} is gone; what it covered is told again by the next scan that finds it.", err=True
    )


def rearm(
    fingerprint: Fingerprint,
    export: ExportOption = None,
    ledger: options.LedgerPlace = None,
    state: options.State = None,
) -> None:
    """Reset a finding, so that it is notified again when found.

    For example a first charge in a region, which is notified once.

    \b
    focuswatch rearm 3f9a1c
    """
    with options.known_ledger(ledger, export=export, state=state) as kept:
        entry = named(kept, fingerprint)
        kept.forget(entry.fingerprint)
    typer.echo(f"Forgotten: {entry.finding.title} ({entry.fingerprint}).", err=True)


def _silence(
    kept: "Ledger", *, scope: "SuppressionScope", value: str, detection: str | None, author: str | None, reason: str,
    since: date, until: date | None, security: bool = False,
) -> None:  # fmt: skip
    from focuswatch.errors import ConfigError
    from focuswatch.findings.visible_text import visible
    from focuswatch.ledger.ledger_entry import Suppression

    if not reason.strip():
        raise ConfigError("--reason is empty; say why, for whoever reads it later.")
    if until is not None and until <= since:
        raise ConfigError(f"--until {until} has passed: the newest scan looked at the bill as of {since}.")
    silence = kept.add_suppression(
        Suppression(
            scope=scope,
            value=value,
            detection=detection,
            author=author or getpass.getuser(),
            reason=reason,
            since=since,
            until=until,
            security=security,
        )  # fmt: skip
    )
    covered = sum(silence.covers(entry.finding) for entry in kept.entries().values() if entry.state == "open")
    how_long = f"until {until}" if until else "for good"
    typer.echo(
        visible(f"Silence {silence.id}: {scope} {value} {how_long}; it covers {covered} open findings."),
        err=True,
    )


def named(kept: "Ledger", beginning: str) -> "LedgerEntry":
    """Return the one entry whose fingerprint begins so. Raises LedgerError where none does, or several do."""
    from focuswatch.errors import LedgerError

    entries = [entry for entry in kept.entries().values() if entry.fingerprint.startswith(beginning)]
    if not entries:
        raise LedgerError(f"No finding matches '{beginning}'; `focuswatch findings --all` lists them.")
    if len(entries) > 1:
        matches = ", ".join(sorted(entry.fingerprint for entry in entries)[:5])
        raise LedgerError(
            f"'{beginning}' matches {len(entries)} findings ({matches}); give more of its characters."
        )
    return entries[0]


def _listed(kept: "Ledger", *, everything: bool) -> "list[LedgerEntry]":
    silences = [silence for silence in kept.suppressions() if silence.is_active_on(_newest_day(kept))]
    entries = sorted(kept.entries().values(), key=lambda entry: (-entry.finding.stake, entry.fingerprint))
    return [entry for entry in entries if everything or _is_heard(entry, silences)]


def _is_heard(entry: "LedgerEntry", silences: "list[Suppression]") -> bool:
    return entry.state == "open" and not any(silence.covers(entry.finding) for silence in silences)


def _newest_day(kept: "Ledger") -> date:
    return max(kept.evaluated_until().values(), default=date.min)
