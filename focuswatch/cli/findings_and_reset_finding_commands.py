"""`focuswatch findings` and `focuswatch reset`: list or show findings, and reset a finding so it is notified again."""

from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli.add_bill_and_ledger_options_to_commands import LedgerOptions, takes
from focuswatch.cli.open_ledger_and_find_entry import Fingerprint, entry_of, open_ledger_of
from focuswatch.cli.shared_option_types import ListFormat

if TYPE_CHECKING:
    from focuswatch.findings.finding import Finding
    from focuswatch.ledger import Ledger, LedgerEntry, Suppression


@takes(LedgerOptions)
def findings(
    ledger_options: LedgerOptions,
    fingerprint: Annotated[
        str | None,
        typer.Argument(help="Fingerprint of a finding to show in detail.", show_default=False),
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
    from focuswatch.cli.output import finding_and_suppression_tables, json_and_csv
    from focuswatch.cli.output.finding_details import print_finding
    from focuswatch.ledger.list_findings_by_incident import findings_page

    with open_ledger_of(ledger_options) as ledger:
        if suppressions or silences:
            finding_and_suppression_tables.print_suppressions(ledger.suppressions())
            return
        entry = entry_of(ledger, fingerprint, ledger_options) if fingerprint else None
        if format is not ListFormat.TABLE:
            entries = [entry] if entry else _listed(ledger, everything=everything)
            json_and_csv.print_findings_json(listed.finding for listed in entries)
        elif entry:
            print_finding(
                entry,
                suppressions=_active_suppressions(ledger, entry.finding),
                blind_spots=_blind_spots(entry.finding.detection),
            )
        else:
            page = findings_page(ledger, everything=everything, most=finding_and_suppression_tables.MOST_ROWS)
            finding_and_suppression_tables.print_findings(page)


@takes(LedgerOptions)
def reset(fingerprint: Fingerprint, ledger_options: LedgerOptions) -> None:
    """Reset a finding, so that focuswatch notifies its owner again.

    The command removes the finding from the ledger; if the finding still occurs, the next scan reports it as new. Use
    this command for findings about which focuswatch notifies the owner only once, such as a first charge in a Region.

    \b
    focuswatch reset 3f9a1c
    """
    with open_ledger_of(ledger_options) as ledger:
        entry = entry_of(ledger, fingerprint, ledger_options)
        ledger.forget(entry.fingerprint)
    typer.echo(
        f"Reset: {entry.finding.title} ({entry.fingerprint}). The finding is removed from the ledger. If it still "
        "occurs, the next scan reports it as new.",
        err=True,
    )


def _active_suppressions(ledger: "Ledger", finding: "Finding") -> "list[Suppression]":
    """Return the snoozes and exclusions that mute a finding as of the most recent scan."""
    from focuswatch.ledger import SuppressionIndex
    from focuswatch.ledger.ledger_protocol import newest_scan_date

    return list(SuppressionIndex(ledger.suppressions()).active(finding, on=newest_scan_date(ledger)))


def _blind_spots(detection: str) -> list[str]:
    """Return the known limitations of a detection; empty if the detection is no longer in the catalog."""
    from focuswatch.catalog.sql_catalog import Catalog

    known = Catalog.load().detections.get(detection)
    return list(known.header.blind_spots) if known else []


def _listed(ledger: "Ledger", *, everything: bool) -> "list[LedgerEntry]":
    from focuswatch.ledger import SuppressionIndex
    from focuswatch.ledger.ledger_protocol import newest_scan_date

    newest, suppressions = newest_scan_date(ledger), SuppressionIndex(ledger.suppressions())
    listed = [
        entry
        for entry in ledger.entries().values()
        if everything or (entry.state == "open" and not suppressions.suppresses(entry.finding, on=newest))
    ]
    return sorted(listed, key=lambda entry: (-entry.finding.stake, entry.fingerprint))
