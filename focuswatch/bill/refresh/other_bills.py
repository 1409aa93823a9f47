"""Add the bills of other providers to the tables of a deployment.

Their files are read with DuckDB as in a local scan, in any format and FOCUS version. Each of their billing periods
becomes a partition beside that of the export, with amounts in the export's currency, so that detections read the same
tables.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb

from focuswatch.bill.aws_only_views_and_other_provider_warning import total_charges_by_provider
from focuswatch.bill.distinguish_bills_and_aws_charges_in_athena_tables import AWS_EXPORT
from focuswatch.bill.exchange_rate_and_double_charge_notes import conversion_note, resold_notes
from focuswatch.bill.ingest.export_file_and_listing_models import Listing
from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.refresh.convert_and_write_other_provider_periods import (
    OWN,
    BillConversion,
    ReadBill,
    bill_periods,
    create_bill_views,
    digest,
    replace_period,
)
from focuswatch.bill.refresh.local_refresh import LocalRefresh, made_by, refresh
from focuswatch.bill.refresh.store_other_bills_state_and_export_accounts import (
    BillState,
    DeployedBill,
    OtherBillsState,
)
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import GluePeriod
from focuswatch.bill.settling_days import AWS_DAYS, settle_days
from focuswatch.bill.union_tables_of_several_bills import (
    RefreshedBill,
    account_ids,
    accounts_of,
    prefix_views,
)
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.errors import ConfigError, ExportError, FocuswatchError, NothingDelivered
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate, rate_of
from focuswatch.owners.owners_file import Owners

WRITING_VERSION = "1"  # increase it when bills are written differently, so that all are written again
# The files of one bill and the files folded from them must fit into the storage of the Lambda function.
MOST_GIB = 3
GIB = 1 << 30


@dataclass(frozen=True)
class OtherBillsRefresh:
    """The result of a refresh: the changed periods, and the bills that failed, each with the reason.

    A failed bill keeps its tables, unless another bill contains the same charges. `notes` state the exchange rates.
    """

    changed: tuple[str, ...]
    failed: Mapping[str, str]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class OtherBills:
    """Refreshes the bills of other providers in the tables of a deployment; `scratch` is an empty folder."""

    tables: AthenaTables
    state: OtherBillsState
    owners: Owners
    scratch: Path
    memory_limit: str
    progress: Callable[[str], None]
    _stored: dict[str, BillState] = field(default_factory=dict)

    def refresh(self, configured: Sequence[DeployedBill]) -> OtherBillsRefresh:
        """Write the periods of each bill whose files, exchange rate or accounts changed.

        Raises NothingDelivered before the first refresh of the export, whose currency and accounts are needed.
        """
        periods, accounts = self.tables.periods(), self.state.export_accounts()
        if not periods or accounts is None:
            raise NothingDelivered(
                "The AWS export has not been refreshed yet; other bills are refreshed after the AWS export."
            )
        main = _export_rate(periods, self.owners)
        bills = [_export(periods, accounts, currency=main.currency)]
        names = {one.name for one in configured}
        self._stored = {name: state for name, state in self.state.bills().items() if name in names}
        changed, warnings, notes, failed = list[str](), list[str](), list[str](), dict[str, str]()
        for one in configured:
            try:
                plan, written = self._refresh_bill(one, before=bills, main=main)
            except FocuswatchError as error:
                failed[one.name] = str(error)
                self.progress(f"the bill {one.name} is skipped: {error}")
                if state := self._stored.get(one.name):  # its tables remain, so its accounts stay taken
                    bills.append(_refreshed_bill_of_state(one, state))
                continue
            bills.append(plan.bill)
            changed += written
            notes += [plan.note] if plan.note else []
            warnings += [f"{one.name}: {text}" for text in self._stored[one.name].warnings]
        return OtherBillsRefresh(tuple(changed), failed, (*warnings, *resold_notes(bills)), tuple(notes))

    def _refresh_bill(
        self, one: DeployedBill, *, before: Sequence[RefreshedBill], main: Rate
    ) -> tuple[BillConversion, list[str]]:
        """Return the conversion of a bill and its changed periods; the files are read only if something changed."""
        listing = list_s3(self._address(one), mirror=self.scratch / "unread")
        _refuse_large(listing, one)
        files = sorted(f"{file.name}\t{file.size}\t{file.stamp}" for file in listing.files)
        state = self._stored.get(one.name)
        rates = sorted(self.owners.exchange_rates.items()) if state and state.conversions else []
        source = digest(self._version, *files, *(f"{currency}={rate}" for currency, rate in rates))
        with ExitStack() as stack:
            read = None
            if state is None or state.source != source:
                read = stack.enter_context(self._read(one, source=source))
                state = read.state
            plan = self._plan(one, state, before=before, main=main)
            existing = self.tables.bills().get(one.name, {})
            if state.written == plan.digest(source) and set(state.periods) == existing.keys():
                return plan, []
            read = read or stack.enter_context(self._read(one, source=source))
            return plan, self._write(read, plan, existing=existing)

    def _plan(
        self, one: DeployedBill, state: BillState, *, before: Sequence[RefreshedBill], main: Rate
    ) -> BillConversion:
        rate = rate_of(state.currency, rates=self.owners.exchange_rates, of_bill=state.per_usd)
        note = conversion_note(one.name, rate, main_name=AWS_EXPORT, main=main)
        bill = _refreshed_bill_of_state(one, state, factor=rate.factor_to(main))
        try:
            ids = account_ids([*before, bill])[one.name]
        except ConfigError:  # the same charges are in another bill
            self.tables.remove_bills({one.name})
            self._stored.pop(one.name, None)
            raise
        return BillConversion(bill, main.currency, ids, note or "")

    @contextmanager
    def _read(self, one: DeployedBill, *, source: str) -> Iterator[ReadBill]:
        """Yield the bill, read from its files. Raises ExportError."""
        folder = self.scratch / one.name
        connection = connect(scratch=folder / "spilled", memory_limit=self.memory_limit)
        try:
            refreshed = refresh(
                self._address(one),
                connection=connection,
                catalog=self.tables.catalog,
                state=folder,
                progress=lambda text: self.progress(f"{one.name}: {text}"),
                rates=self.owners.exchange_rates,
            )
            prefix_views(connection, prefix=OWN)
            state = _state_of(refreshed, source=source, accounts=accounts_of(connection, prefix=OWN))
            yield ReadBill(connection, refreshed, state, self._version)
        except duckdb.Error as error:
            first_line = str(error).partition("\n")[0]
            raise ExportError(f"{one.name}: DuckDB could not sum the charges by day: {first_line}") from error
        finally:
            connection.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _write(
        self, read: ReadBill, plan: BillConversion, *, existing: Mapping[str, GluePeriod]
    ) -> list[str]:
        """Replace the periods whose rows changed, remove those that no longer exist, and return the names of both."""
        create_bill_views(read, plan, charges=self.tables.catalog.tables["daily_charges"].sql)
        changed, names = [], []
        for month, period in bill_periods(read, plan, existing=existing):
            names.append(period.period)
            if period.period not in existing or existing[period.period].digest != period.digest:
                self.progress(f"{plan.bill.name}: writing {period.period}")
                replace_period(read, month, period, tables=self.tables, scratch=self.scratch)
                changed.append(period.period)
        gone = sorted(existing.keys() - set(names))
        self.tables.remove_periods(gone)
        done = {"written": plan.digest(read.state.source), "periods": tuple(names)}
        self._stored[plan.bill.name] = read.state.model_copy(update=done)
        self.state.store_bills(self._stored)
        return [*changed, *gone]

    @property
    def _version(self) -> str:
        """The version of how bills are read and written."""
        return f"{WRITING_VERSION} {made_by(self.tables.catalog)}"

    def _address(self, one: DeployedBill) -> str:
        return f"s3://{self.tables.files.bucket}/{one.prefix}/"


def _state_of(refreshed: LocalRefresh, *, source: str, accounts: Mapping[str | None, str]) -> BillState:
    summary = refreshed.summary
    return BillState(
        source=source,
        written="",
        periods=(),
        currency=summary.currency,
        per_usd=summary.per_usd,
        conversions=summary.conversions,
        charges=summary.charges,
        others=dict(refreshed.others),
        accounts=tuple(accounts.items()),
        last_charge_date=summary.last_charge_date,
        warnings=tuple(text for text in summary.warnings if text != summary.other_providers),
    )


def _export(
    periods: Mapping[str, GluePeriod], accounts: Mapping[str | None, str], *, currency: str
) -> RefreshedBill:
    return _as_refreshed_bill(
        AWS_EXPORT,
        charges=sum(period.charges for period in periods.values()),
        others=total_charges_by_provider(period.providers for period in periods.values()),
        accounts=accounts,
        last=max(period.last_charge_date for period in periods.values()),
        currency=currency,
        factor=1.0,
    )


def _refreshed_bill_of_state(one: DeployedBill, state: BillState, *, factor: float = 1.0) -> RefreshedBill:
    return _as_refreshed_bill(
        one.name,
        charges=state.charges,
        others=state.others,
        accounts=dict(state.accounts),
        last=state.last_charge_date,
        currency=state.currency,
        factor=factor,
    )


def _as_refreshed_bill(
    name: str,
    *,
    charges: int,
    others: Mapping[str, int],
    accounts: Mapping[str | None, str],
    last: date,
    currency: str,
    factor: float,
) -> RefreshedBill:
    of_others = sum(others.values())
    return RefreshedBill(
        name,
        prefix=OWN,
        as_of=last + timedelta(days=1),
        settle_days=settle_days(charges=charges, of_others=of_others),
        aws_settle_days=AWS_DAYS,
        currency=currency,
        factor=factor,
        accounts=accounts,
        has_aws=of_others < charges,
        others=frozenset(others),
        deliveries=(),
    )


def _export_rate(periods: Mapping[str, GluePeriod], owners: Owners) -> Rate:
    """Return the exchange rate of the export's currency, determined as for an AthenaBill."""
    newest_first = sorted(periods.values(), key=lambda period: period.period, reverse=True)
    own = next((period.per_usd for period in newest_first if period.per_usd is not None), None)
    return rate_of(newest_first[0].currency, rates=owners.exchange_rates, of_bill=own)


def _refuse_large(listing: Listing, one: DeployedBill) -> None:
    size = sum(file.size for file in listing.files)
    if size > MOST_GIB * GIB:
        raise ExportError(
            f"{one.name}: the total size of the files is {size / GIB:.1f} GiB; focuswatch reads at most "
            f"{MOST_GIB} GiB per bill. Store fewer months under the prefix, or compress the files"
        )
