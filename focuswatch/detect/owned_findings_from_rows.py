"""Make findings with their owners from the rows of detections."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from focuswatch.bill.query_names_ous_and_tags_of_billed_accounts import rows_of_accounts
from focuswatch.catalog.sql_catalog import Detection
from focuswatch.detect.provider_of_finding import ALL_AWS, FindingProviders
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.engines import Engine, Row
from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.findings.finding import Finding, OwnedBy
from focuswatch.findings.finding_from_row import to_finding
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate
from focuswatch.owners.assign_owner_and_use_case import assigned_owner
from focuswatch.owners.owners_file import Owners


def owned_findings(
    outcomes: Iterable[Outcome],
    *,
    engine: Engine,
    as_of: date,
    rate: Rate,
    owners: Owners,
    billed_until: Mapping[str | None, date],
    providers: FindingProviders = ALL_AWS,
    bills: Sequence[str] = (),
) -> list[Finding]:
    """Return a finding for every row of the outcomes; `bills` are the names of the scanned bills. Raises QueryError."""
    rows = [(outcome.detection, row) for outcome in outcomes for row in outcome.rows]
    accounts = _accounts(engine, {row["sub_account_id"] for _, row in rows if row["sub_account_id"]})
    names = {id: account["name"] for id, account in accounts.items() if account["name"]}
    findings = []
    for detection, row in rows:
        finding = to_finding(
            row,
            detection=detection,
            as_of=as_of,
            currency=rate.currency,
            per_usd=rate.per_usd,
            account_names=names,
            billed_until=billed_until.get(row["sub_account_id"]),
            provider=providers.of(row["sub_account_id"], row.get("service_name")),
            bills=tuple(bills) if row["sub_account_id"] is None else (),
        )
        team, owned_by = _owner(
            row, detection=detection, account=accounts.get(row["sub_account_id"], {}), owners=owners
        )
        findings.append(copy_with(finding, {"team": team, "owned_by": owned_by}))
    return findings


def _owner(row: Row, *, detection: Detection, account: Row, owners: Owners) -> tuple[str | None, OwnedBy]:
    if row.get("team") in owners.teams:  # a row about a budgeted plan names its team
        return row["team"], "plan"
    # An intruder's tags must not determine who can suppress a security finding.
    is_security = detection.header.category == "security"
    return assigned_owner(
        owners,
        tags=None if is_security else row.get("tags"),
        account_id=row["sub_account_id"],
        account_tags=account.get("tags"),
        ou_path=account.get("ou_path"),
    )


def _accounts(engine: Engine, ids: set[str]) -> dict[str, Row]:
    return {row["sub_account_id"]: row for row in rows_of_accounts(engine, ids, label="accounts of findings")}
