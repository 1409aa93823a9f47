"""`focuswatch note`: print the owners.toml section for a planned launch."""

from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import open_ledger_and_find_entry, shared_option_types
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes

if TYPE_CHECKING:
    from focuswatch.cli.open_given_or_last_scanned_export import OpenedExport
    from focuswatch.findings.finding import Finding


@takes(BillOptions, without=["others"], export=shared_option_types.ExportOption)
def note(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="FINGERPRINT_OR_USE_CASE",
            help="Fingerprint of a finding (or its first characters), or name of a use case in owners.toml.",
        ),
    ],
    bill_options: BillOptions,
) -> None:
    """Print the owners.toml section for a planned launch.

    From the bill, the command calculates the first day of the launch, its charges (rows) and its expected cost
    as a multiple of the baseline (factor). Review the section before you add it to owners.toml. During a launch,
    token_burst and cost_anomaly report only the cost that exceeds this multiple.

    \b
    focuswatch note 3f9a1c
    focuswatch note shop-guide --owners config/owners.toml
    focuswatch note 3f9a1c >> config/owners.toml
    """
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.cli.open_ledger_and_find_entry import entry_of

    with open_export(bill_options) as opened:
        if subject in opened.owners.use_cases:
            text = _of_use_case(subject, opened)
        else:
            with open_ledger_and_find_entry.open_ledger(
                bill_options.ledger, export=opened.name, state=bill_options.state
            ) as ledger:
                finding = entry_of(ledger, subject, bill_options).finding
            text = _of_finding(finding, opened)
    typer.echo(text, nl=False)


def _of_use_case(name: str, opened: "OpenedExport") -> str:
    from focuswatch.owners.launch_note_from_bill import note_of_use_case

    bill = opened.bill
    statement = opened.catalog.lookups["use_case_days"].render({"as_of": bill.as_of, "use_case": name})
    rows = bill.engine.query(statement, label="use case")
    return note_of_use_case(
        name,
        {row["charge_date"]: row["effective_cost"] for row in rows},
        owners=opened.owners,
        as_of=bill.as_of,
        currency=bill.summary.currency,
    )


def _of_finding(finding: "Finding", opened: "OpenedExport") -> str:
    from focuswatch.owners.launch_note_from_bill import note_of_finding

    use_case = finding.evidence.get("use_case")
    if use_case in opened.owners.use_cases:
        return _of_use_case(str(use_case), opened)
    bill, model = opened.bill, None
    resource = finding.resource_id
    if finding.detection == "unannounced_ai_launch":  # the resource of this finding is a model
        model, resource = finding.evidence.get("model"), None
    identity = (finding.sub_account_id, finding.service_name, resource, model)
    statement = opened.catalog.lookups["charges_beside_finding"].render(
        {"as_of": bill.as_of, "findings": [identity]}
    )
    rows = bill.engine.query(statement, label="charges of the finding")
    return note_of_finding(finding, rows, owners=opened.owners, as_of=bill.as_of)
