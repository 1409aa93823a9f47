"""Open the bill of a deployment on Athena, over the tables that the latest refresh wrote to Glue and S3.

The Lambda functions read this bill. This module does not refresh the tables.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial

from focuswatch.bill.aws_only_views_and_other_provider_warning import other_providers_warning
from focuswatch.bill.bill_protocol import KNOWN_FINDINGS_TABLE
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillPart, BillSummary, ReplacedPeriod
from focuswatch.bill.distinguish_bills_and_aws_charges_in_athena_tables import (
    AWS_EXPORT,
    DeployedPart,
    accounts_of_bills,
    aws_tables,
    completeness,
    days_of_bills,
)
from focuswatch.bill.kept_forecast_record_and_merge import TABLE as FORECASTS_TABLE
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast, merged
from focuswatch.bill.refresh.athena_refresh_queries import charges_as_delivered
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import GluePeriod
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import tables_as_of
from focuswatch.bill.schema.columns_of_all_tables import FORECASTS, KNOWN_FINDINGS
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.errors import NothingDelivered
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class AthenaBill:
    """A Bill on Athena; see focuswatch.bill.bill_protocol.Bill."""

    tables: AthenaTables
    aws_engine: AthenaEngine
    periods: Mapping[str, GluePeriod]
    summary: BillSummary
    as_of: date
    parts: tuple[DeployedPart, ...] = ()
    # Unknown: other Lambda functions update activity and accounts at any time, without a digest.
    data_digest: None = None

    @property
    def engine(self) -> AthenaEngine:
        """The Athena engine over all charges."""
        return self.tables.engine

    def delivered_charges(self, billing_period: date) -> str:
        """Return a SELECT over the files of the newest delivery; see Bill. Raises ExportError for too many files."""
        period = f"{billing_period:%Y-%m}"
        return charges_as_delivered(period, paths=self.tables.delivered_paths(period))

    def bill_parts(self) -> tuple[BillPart, ...]:
        """Return one part per bill, with its accounts and days; empty if there is only the AWS export."""
        if len(self.parts) < 2:  # noqa: PLR2004  one bill has no parts
            return ()
        accounts, days = defaultdict[str, set[str | None]](set), defaultdict[str, set[date]](set)
        for row in self.engine.query(accounts_of_bills(), label="accounts of bills"):
            accounts[row["bill"] or ""].add(row["account"])
        for row in self.engine.query(days_of_bills(), label="days of bills"):
            days[row["bill"] or ""].add(row["charge_date"])
        return tuple(
            BillPart(
                part.name or AWS_EXPORT,
                frozenset(accounts[part.name]),
                frozenset(day for day in days[part.name] if day < part.end(self.as_of)),
                replaced=tuple(_replaced(part)),
            )
            for part in self.parts
        )

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the file of the table `known_findings`; see Bill."""
        columns = zip(*rows, strict=True) if rows else ([] for _ in KNOWN_FINDINGS)
        self.tables.files.write(
            KNOWN_FINDINGS_TABLE, dict(zip(KNOWN_FINDINGS, map(list, columns), strict=True))
        )

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the stored forecasts of a month; see Bill."""
        return [row for row in self._forecasts() if row.month == month]

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Add forecasts to the file of the table `forecasts`; see Bill.

        Only the Lambda function `detect` writes this file, so replacing it loses no concurrent change.
        """
        kept = merged(self._forecasts(), rows, made_on=self.as_of)
        columns = zip(*(row.values for row in kept), strict=True) if kept else ([] for _ in FORECASTS)
        self.tables.files.write(FORECASTS_TABLE, dict(zip(FORECASTS, map(list, columns), strict=True)))

    def _forecasts(self) -> list[KeptForecast]:
        return [KeptForecast(*values) for values in self.tables.files.read(FORECASTS_TABLE, FORECASTS)]


@contextmanager
def open_athena_bill(tables: AthenaTables, *, owners: Owners) -> Iterator[AthenaBill]:
    """Open the bills as of the day after the last charge. Raises NothingDelivered before the first refresh."""
    bills = tables.bills()
    if not (periods := bills.get("")):
        raise NothingDelivered(
            "No billing period has been refreshed yet. Check the log of the Lambda function `refresh`."
        )
    parts = [DeployedPart(name, bills[name]) for name in sorted(bills)]  # the export, named "", comes first
    summary = _summarize(parts)
    as_of = summary.day_after_last_charge
    engine, catalog = tables.engine, tables.catalog
    engine.tables.update(tables_as_of(catalog, as_of=as_of, names_resources=owners.names_resources))
    by_bill = partial(completeness, parts, catalog=catalog, as_of=as_of)
    engine.tables["completeness"] = by_bill()
    aws_engine = engine
    if summary.other_providers:  # otherwise all charges are AWS charges
        stored = aws_tables(parts, database=engine.database)
        aws_engine = engine.over({**stored, **engine.tables, "completeness": by_bill(aws_only=True)})
    yield AthenaBill(tables, aws_engine, periods, summary, as_of, tuple(parts))


def _replaced(part: DeployedPart) -> Iterator[ReplacedPeriod]:
    """Yield the replaced periods of a bill of another provider; the table `deliveries` records those of the export."""
    for period in part.periods.values():
        if period.charges_before is not None:
            month = period.period.partition(".")[0]
            yield ReplacedPeriod(month, charges=period.charges, charges_before=period.charges_before)


def _summarize(parts: Sequence[DeployedPart]) -> BillSummary:
    export = parts[0].periods
    newest = max(export.values(), key=lambda period: period.period)
    priced = [period for period in export.values() if period.per_usd is not None]
    periods = {name: period for part in parts for name, period in part.periods.items()}
    charges = sum(part.charges for part in parts)
    other_providers = other_providers_warning((part.others for part in parts), charges=charges)
    digests = "\n".join(f"{name}\t{period.digest}" for name, period in sorted(periods.items()))
    notes = dict.fromkeys(period.note for period in periods.values() if period.note)
    return BillSummary(
        currency=newest.currency,
        first_charge_date=min(period.first_charge_date for period in periods.values()),
        last_charge_date=max(period.last_charge_date for period in periods.values()),
        charges=charges,
        data_digest=hashlib.sha256(digests.encode()).hexdigest(),
        warnings=(*notes, *([other_providers] if other_providers else [])),
        other_providers=other_providers,
        per_usd=max(priced, key=lambda period: period.period).per_usd if priced else None,
        conversions=tuple(notes),
    )
