"""Convert a chargeback to the rows of its terminal tables, JSON, CSV and Parquet files."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from focuswatch.engines import Row
from focuswatch.owners.chargeback_shared_costs_section import Chargeback
from focuswatch.reports.chargeback import COLUMNS, ChargebackLine, team_rows

MONEY = "DECIMAL(38, 2)"
LINE_COLUMNS = {
    "billing_period": "DATE",
    "invoice_id": "VARCHAR",
    "currency": "VARCHAR",
    "team": "VARCHAR",
    "charge_kind": "VARCHAR",
    "sub_account_id": "VARCHAR",
    "sub_account_name": "VARCHAR",
    "service_name": "VARCHAR",
    "shared_cost": "VARCHAR",
    "split": "VARCHAR",
    "amount": MONEY,
}
TEAM_COLUMNS = {
    "billing_period": "DATE",
    "invoice_id": "VARCHAR",
    "currency": "VARCHAR",
    "team": "VARCHAR",
    **dict.fromkeys([*COLUMNS.values(), "total"], MONEY),
}


def team_rows_of(billing_period: date, lines: Sequence[ChargebackLine]) -> list[Row]:
    """Return a row for each invoice and team, with the columns TEAM_COLUMNS."""
    return [{"billing_period": billing_period, **row} for row in team_rows(lines)]


def line_rows(
    billing_period: date, lines: Iterable[ChargebackLine], *, rules: Chargeback, names: Mapping[str, str]
) -> list[Row]:
    """Return the lines as rows with the columns LINE_COLUMNS; `names` maps account IDs to account names."""
    splits = {shared.name: shared.split for shared in rules.shared}
    return [
        {
            "billing_period": billing_period,
            "invoice_id": line.invoice_id,
            "currency": line.currency,
            "team": line.team,
            "charge_kind": line.charge_kind,
            "sub_account_id": line.sub_account_id,
            "sub_account_name": names.get(line.sub_account_id or ""),
            "service_name": line.service_name,
            "shared_cost": line.shared_cost,
            "split": splits.get(line.shared_cost or ""),
            "amount": line.amount,
        }
        for line in lines
    ]
