"""Open several bills in files as one with DuckDB: bills of several providers, or of several payers.

The first bill is the main one: the activity, the accounts and the other files belong to it, and the amounts of the
other bills are converted to its currency. See focuswatch.bill.union_tables_of_several_bills.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from focuswatch.bill import kept_forecasts_csv
from focuswatch.bill.bill_inputs_and_digest import BillInputs, OtherBill, digest_of_inputs, export_label
from focuswatch.bill.bill_protocol import KNOWN_FINDINGS_TABLE, Progress
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillPart, BillSummary
from focuswatch.bill.combine_summaries_of_several_bills import joint_summary
from focuswatch.bill.exchange_rate_and_double_charge_notes import resold_notes
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.bill.local_bill import load_tables
from focuswatch.bill.refresh.delivery_history import create_deliveries
from focuswatch.bill.refresh.local_refresh import LocalRefresh, refresh
from focuswatch.bill.resolve_as_of import resolve_as_of
from focuswatch.bill.schema.columns_of_all_tables import KNOWN_FINDINGS
from focuswatch.bill.settling_days import aws_settle_days, end_of_bill, settle_days
from focuswatch.bill.state_lock import locked
from focuswatch.bill.union_tables_of_several_bills import (
    RefreshedBill,
    accounts_of,
    copy_views,
    days_of,
    join_bills,
    joined_accounts,
    joined_deliveries,
    prefix_views,
)
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect, create_table
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.errors import ConfigError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class JointBill:
    """Several bills as one Bill on DuckDB; see focuswatch.bill.bill_protocol.Bill."""

    engine: DuckDbEngine
    aws_engine: DuckDbEngine
    summary: BillSummary
    as_of: date
    data_digest: str
    forecasts: Path

    def delivered_charges(self, billing_period: date) -> str:
        """Raise ConfigError, because an invoice belongs to one bill and has its currency; see Bill."""
        raise ConfigError(
            f"The chargeback for {billing_period:%Y-%m} requires exactly one bill. Specify one of "
            f"{', '.join(self.summary.names)}."
        )

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the table `known_findings`; see Bill."""
        create_table(self.engine.connection, KNOWN_FINDINGS_TABLE, KNOWN_FINDINGS, rows)

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the stored forecasts of a month; see Bill."""
        return kept_forecasts_csv.forecasts_of_month(self.forecasts, month)

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Add forecasts to the file of this set of bills, which is separate from the file of each bill; see Bill."""
        kept_forecasts_csv.add_forecasts(self.forecasts, rows, made_on=self.as_of)


@contextmanager
def open_joint_bill(
    inputs: BillInputs, *, catalog: Catalog, owners: Owners, progress: Progress
) -> Iterator[JointBill]:
    """Refresh each bill and open all as one; no other process can open any of them until the block ends.

    Raises ExportError and ConfigError as open_local_bill does, and ConfigError if two bills have the same charges, or
    if there is no exchange rate for the currency of one.
    """
    sources = (OtherBill(inputs.export, inputs.state), *inputs.others)
    names = _names([source.export for source in sources])
    if len({source.state for source in sources}) < len(sources):
        raise ConfigError(f"The same bill is specified twice: {', '.join(names)}. Specify each bill once.")
    with ExitStack() as stack:
        for source in sources:
            stack.enter_context(locked(source.state))
        connection = connect(scratch=inputs.state / "scratch")
        stack.callback(connection.close)
        refreshed = list(
            _refresh_all(
                sources, names, connection=connection, catalog=catalog, owners=owners, progress=progress
            )
        )
        rates = [one.summary.rate(owners) for one in refreshed]
        summary = joint_summary(names, refreshed, rates)
        as_of = resolve_as_of(inputs.as_of, summary=summary)
        bills = [
            _refreshed_bill(number, name, one, rate=rate, main=rates[0], as_of=as_of, connection=connection)
            for number, (name, one, rate) in enumerate(zip(names, refreshed, rates, strict=True))
        ]
        progress("Reading activity, accounts, recommendations, principals and owners from files")
        load = partial(
            _load,
            bills=bills,
            inputs=inputs,
            as_of=as_of,
            catalog=catalog,
            owners=owners,
            currency=summary.currency,
        )
        engine = aws_engine = load(connection)
        if any(bill.others for bill in bills):  # separate, so that AWS-only bills need no filter
            aws_connection = connect(scratch=inputs.state / "scratch-aws")
            stack.callback(aws_connection.close)
            copy_views(aws_connection, bills, of=connection)
            aws_engine = load(aws_connection, aws_only=True)
        accounts = joined_accounts(bills)
        parts = tuple(BillPart(bill.name, accounts[bill.name], days_of(connection, bill)) for bill in bills)
        summary = replace(summary, parts=parts, warnings=(*summary.warnings, *resold_notes(bills)))
        yield JointBill(
            engine,
            aws_engine,
            summary,
            as_of,
            data_digest=digest_of_inputs(summary, as_of=as_of, owners=owners, files=inputs.files),
            forecasts=_forecasts_folder(sources),
        )


def _forecasts_folder(sources: Sequence[OtherBill]) -> Path:
    """Return the folder for the forecasts of this set of bills, in the state folder of the first bill."""
    others = sorted(str(source.state) for source in sources[1:])
    folder = sources[0].state / "joint" / hashlib.sha256("\n".join(others).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _refresh_all(
    sources: Sequence[OtherBill],
    names: Sequence[str],
    *,
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    owners: Owners,
    progress: Progress,
) -> Iterator[LocalRefresh]:
    """Refresh each bill, and rename its views with the prefix of the bill."""
    for number, (source, name) in enumerate(zip(sources, names, strict=True)):
        report = _named(progress, name)
        yield refresh(
            source.export,
            connection=connection,
            catalog=catalog,
            state=source.state,
            progress=report,
            rates=owners.exchange_rates,
        )
        prefix_views(connection, prefix=_prefix(number))


def _load(
    connection: duckdb.DuckDBPyConnection,
    *,
    bills: Sequence[RefreshedBill],
    inputs: BillInputs,
    as_of: date,
    catalog: Catalog,
    owners: Owners,
    currency: str,
    aws_only: bool = False,
) -> DuckDbEngine:
    kept = join_bills(connection, bills, catalog=catalog, currency=currency, aws_only=aws_only)
    read = [bill for bill in bills if bill.has_aws or not aws_only]
    create_deliveries(connection, joined_deliveries(read))
    return load_tables(connection, inputs, as_of=as_of, catalog=catalog, owners=owners, kept=kept)


def _named(progress: Progress, name: str) -> Progress:
    return lambda text: progress(f"{name}: {text}")


def _prefix(number: int) -> str:
    return f"bill_{number}_"


def _names(exports: Sequence[str]) -> list[str]:
    """Return the names of the bills: the last folder of each, with more of the path if two are the same."""
    labels = [export_label(export) for export in exports]
    names = [
        label if labels.count(label) == 1 else "/".join(Path(export).resolve().parts[-2:])
        for label, export in zip(labels, exports, strict=True)
    ]
    return [name if names.count(name) == 1 else export for name, export in zip(names, exports, strict=True)]


def _refreshed_bill(
    number: int,
    name: str,
    refreshed: LocalRefresh,
    *,
    rate: Rate,
    main: Rate,
    as_of: date,
    connection: duckdb.DuckDBPyConnection,
) -> RefreshedBill:
    charges, others = refreshed.summary.charges, sum(refreshed.others.values())
    end = end_of_bill(refreshed.summary.last_charge_date, as_of=as_of)
    complete_until = refreshed.complete_until
    return RefreshedBill(
        name,
        prefix=_prefix(number),
        as_of=end,
        settle_days=settle_days(charges=charges, of_others=others, complete_until=complete_until, as_of=end),
        aws_settle_days=aws_settle_days(complete_until=complete_until, as_of=end),
        currency=rate.currency,
        factor=rate.factor_to(main),
        accounts=accounts_of(connection, prefix=_prefix(number)),
        has_aws=others < charges,
        others=frozenset(refreshed.others),
        deliveries=refreshed.deliveries,
    )
