"""Allocate every charge of a billing period's invoices to teams, to the cent (chargeback).

The shared-cost rules of `[chargeback]` in owners.toml split the charges that they match among teams. Every other charge
belongs to its team, or is unallocated if it has none. The lines of an invoice and currency add up to the invoice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.query_invoices_and_their_charges import ChargeKind, InvoiceCharge, invoice_charges
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Row
from focuswatch.errors import ConfigError
from focuswatch.owners.chargeback_shared_costs_section import SharedCost
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.largest_remainder import rounded_by_level
from focuswatch.reports.team_and_use_case_of_charge import (
    AccountPeriod,
    AccountPeriods,
    account_periods,
    assigned,
)

LineKind = ChargeKind | Literal["shared"]
COLUMNS: dict[LineKind, str] = {
    "usage": "usage",
    "fee": "fees",
    "credit": "credits",
    "tax": "tax",
    "refund": "refunds",
    "shared": "shared",
}
KINDS = tuple(COLUMNS)
# AWS invoices these currencies without decimals, according to ISO 4217:
# https://www.six-group.com/en/products-services/financial-information/data-standards.html
DECIMALS = {"JPY": 0, "KRW": 0, "CLP": 0, "VND": 0}


@dataclass(frozen=True)
class ChargebackLine:
    """An amount of an invoice.

    `team` is None for an unallocated amount. `shared_cost` names the rule that split the amount, or is None.
    """

    invoice_id: str | None
    currency: str
    team: str | None
    charge_kind: LineKind
    sub_account_id: str | None
    service_name: str | None
    shared_cost: str | None
    amount: Decimal


class _Line(NamedTuple):
    """The key of an invoice line. Amounts are rounded level by level, in the order of the fields."""

    kind: LineKind
    team: str | None
    shared_cost: str | None
    account: str | None
    service: str | None


class _Invoice(NamedTuple):
    id: str | None
    currency: str


Amounts = dict[_Invoice, dict[_Line, Fraction]]


def chargeback(bill: Bill, *, billing_period: date, owners: Owners, catalog: Catalog) -> list[ChargebackLine]:
    """Return the chargeback lines of a billing period's invoices.

    Raises ConfigError if the export has no charges for the period.
    """
    charges = invoice_charges(bill, billing_period=billing_period, catalog=catalog)
    if not charges:
        raise ConfigError(
            f"The export has no charges for the billing period {billing_period:%Y-%m}. The export contains charges "
            f"from {bill.summary.first_charge_date} to {bill.summary.last_charge_date}. Specify another month."
        )
    accounts = account_periods(bill.engine)
    tokens: dict[str, Fraction] = {}
    if any(shared.split == "tokens" for shared in owners.chargeback.shared):
        tokens = _tokens(
            bill, billing_period=billing_period, owners=owners, catalog=catalog, accounts=accounts
        )
    return chargeback_lines(charges, owners=owners, accounts=accounts, tokens=tokens)


def chargeback_lines(
    charges: Iterable[InvoiceCharge],
    *,
    owners: Owners,
    accounts: AccountPeriods,
    tokens: Mapping[str, Fraction],
) -> list[ChargebackLine]:
    """Return the lines sorted by invoice, kind and team, without lines that round to zero.

    `accounts` holds the tags and OU path of each account in each period, because a charge belongs to the team that
    owned the account on the day of the charge. `tokens` is millions of tokens by team.
    """
    amounts: Amounts = defaultdict(lambda: defaultdict(Fraction))
    shared_charges: list[tuple[SharedCost, InvoiceCharge]] = []
    for charge in charges:
        team, shared = _team_and_rule(charge, owners=owners, accounts=accounts)
        if shared is not None:
            shared_charges.append((shared, charge))
            continue
        line = _Line(charge.charge_kind, team, None, charge.sub_account_id, charge.service_name)
        amounts[_Invoice(charge.invoice_id, charge.currency)][line] += Fraction(charge.billed_cost)
    weights = _weights(amounts, owners=owners, tokens=tokens)
    for shared, charge in shared_charges:
        for team, share in weights(shared, charge.currency).items():
            line = _Line("shared", team, shared.name, charge.sub_account_id, charge.service_name)
            amounts[_Invoice(charge.invoice_id, charge.currency)][line] += (
                Fraction(charge.billed_cost) * share
            )
    return [line for invoice in sorted(amounts, key=_order) for line in _rounded(invoice, amounts[invoice])]


def _team_and_rule(
    charge: InvoiceCharge, *, owners: Owners, accounts: AccountPeriods
) -> tuple[str | None, SharedCost | None]:
    team, use_case, _ = assigned(
        owners,
        periods=accounts,
        period=AccountPeriod(charge.sub_account_id, charge.account_from),
        tags=charge.tags,
    )
    matching = (
        shared
        for shared in owners.chargeback.shared
        if shared.matches(
            account_id=charge.sub_account_id, service_name=charge.service_name, team=team, use_case=use_case
        )
    )
    return team, next(matching, None)


def _weights(
    amounts: Amounts, *, owners: Owners, tokens: Mapping[str, Fraction]
) -> Callable[[SharedCost, str], dict[str | None, Fraction]]:
    """Return a function that maps a shared cost and a currency to each team's share.

    If no team has usage or tokens, the function assigns the whole cost to None (unallocated).
    """
    usage: dict[tuple[str, str | None], Fraction] = defaultdict(Fraction)
    for invoice, lines in amounts.items():
        for line, amount in lines.items():
            if line.kind in ("usage", "fee"):
                usage[invoice.currency, line.team] += amount
    others = sorted(owners.teams.keys() - owners.chargeback.shared_teams)

    def shares(shared: SharedCost, currency: str) -> dict[str | None, Fraction]:
        teams = shared.among or others
        weights = {
            "even": lambda: dict.fromkeys(teams, Fraction(1)),
            "usage": lambda: {team: max(usage[currency, team], Fraction(0)) for team in teams},
            "tokens": lambda: {team: tokens.get(team, Fraction(0)) for team in teams},
            "shares": lambda: {team: Fraction(share) for team, share in shared.shares.items()},
        }[shared.split]()
        total = sum(weights.values(), Fraction())
        return {team: weight / total for team, weight in weights.items() if weight} or {None: Fraction(1)}

    return shares


def _rounded(invoice: _Invoice, amounts: Mapping[_Line, Fraction]) -> list[ChargebackLine]:
    decimals = DECIMALS.get(invoice.currency, 2)
    ordered = {line: amounts[line] * 10**decimals for line in sorted(amounts, key=_order)}
    return [
        ChargebackLine(
            invoice.id,
            invoice.currency,
            line.team,
            line.kind,
            line.account,
            line.service,
            line.shared_cost,
            Decimal(units).scaleb(-decimals),
        )
        for line, units in rounded_by_level(ordered).items()
        if units
    ]


def _order(key: _Invoice | _Line) -> tuple[tuple[bool, str], ...]:
    """Return a sort key for invoices and lines: field by field, None last."""
    return tuple((part is None, part or "") for part in key)


def _tokens(
    bill: Bill, *, billing_period: date, owners: Owners, catalog: Catalog, accounts: AccountPeriods
) -> dict[str, Fraction]:
    """Return each team's tokens in the calendar month, in millions."""
    end_day = date(billing_period.year + billing_period.month // 12, billing_period.month % 12 + 1, 1)
    lookup = catalog.lookups["tokens_of_month"]
    statement = lookup.render({"first_day": billing_period, "end_day": end_day})
    tokens: dict[str, Fraction] = defaultdict(Fraction)
    for row in bill.engine.query(statement, label=lookup.id):
        period = AccountPeriod(row["sub_account_id"], row["account_from"])
        team, *_ = assigned(owners, periods=accounts, period=period, tags=row["tags"])
        if team is not None:
            tokens[team] += Fraction(row["million_tokens"])
    return tokens


def team_rows(lines: Sequence[ChargebackLine]) -> list[Row]:
    """Return a row per invoice and team, with a column for each charge kind and their `total`; unallocated last."""
    sums: dict[tuple[str | None, str, str | None], dict[LineKind, Decimal]] = {}
    for line in lines:
        kinds = sums.setdefault((line.invoice_id, line.currency, line.team), dict.fromkeys(KINDS, Decimal()))
        kinds[line.charge_kind] += line.amount
    rows: list[Row] = [
        {
            "invoice_id": invoice_id,
            "currency": currency,
            "team": team,
            **{COLUMNS[kind]: amount for kind, amount in kinds.items()},
            "total": sum(kinds.values(), Decimal()),
        }
        for (invoice_id, currency, team), kinds in sums.items()
    ]
    return sorted(
        rows,
        key=lambda row: (
            row["invoice_id"] is None,
            row["invoice_id"] or "",
            row["currency"],
            row["team"] is None,
            -row["total"],
            row["team"] or "",
        ),
    )
