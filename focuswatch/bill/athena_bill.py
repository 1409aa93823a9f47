"""A bill on Athena: the tables that the latest refresh wrote to Glue and S3. The Lambda functions read it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

from focuswatch.bill.bill import KNOWN_FINDINGS_TABLE, BillSummary
from focuswatch.bill.ingest.other_providers import sentence
from focuswatch.bill.kept_forecasts import TABLE as FORECASTS_TABLE
from focuswatch.bill.kept_forecasts import KeptForecast, merged
from focuswatch.bill.refresh.athena_refresh import AthenaTables
from focuswatch.bill.refresh.athena_statements import aws_tables, charges_as_delivered, tables_as_of
from focuswatch.bill.refresh.glue_partitions import GluePeriod
from focuswatch.bill.schema.table_columns import FORECASTS, KNOWN_FINDINGS
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.errors import NothingDelivered
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class AthenaBill:
    """A Bill on Athena; see focuswatch.bill.bill.Bill."""

    tables: AthenaTables
    aws_engine: AthenaEngine
    periods: Mapping[str, GluePeriod]
    summary: BillSummary
    as_of: date
    data_digest: None = None  # activity and accounts are collected at any time, without a digest

    @property
    def engine(self) -> AthenaEngine:
        """Athena over the deployment's tables."""
        return self.tables.engine

    def delivered_charges(self, billing_period: date) -> str:
        """Return a SELECT over the period's folder, which an export that overwrites its files has once; see Bill."""
        return charges_as_delivered(f"{billing_period:%Y-%m}")

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the file of the table `known_findings`; see Bill."""
        columns = zip(*rows, strict=True) if rows else ([] for _ in KNOWN_FINDINGS)
        self.tables.files.write(
            KNOWN_FINDINGS_TABLE, dict(zip(KNOWN_FINDINGS, map(list, columns), strict=True))
        )

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the forecasts of a month that were kept; see Bill."""
        return [row for row in self._forecasts() if row.month == month]

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Replace the file of the table `forecasts`, which the function `detect` alone writes; see Bill."""
        kept = merged(self._forecasts(), rows, made_on=self.as_of)
        columns = zip(*(row.values for row in kept), strict=True) if kept else ([] for _ in FORECASTS)
        self.tables.files.write(FORECASTS_TABLE, dict(zip(FORECASTS, map(list, columns), strict=True)))

    def _forecasts(self) -> list[KeptForecast]:
        return [KeptForecast(*values) for values in self.tables.files.read(FORECASTS_TABLE, FORECASTS)]


@contextmanager
def open_athena_bill(tables: AthenaTables, *, owners: Owners) -> Iterator[AthenaBill]:
    """Open the bill as of the day after its last charge. Raises NothingDelivered before the first refresh."""
    periods = tables.periods()
    if not periods:
        raise NothingDelivered(
            "No billing period has been refreshed yet. Check the log of the function refresh."
        )
    summary = _summarize(periods)
    as_of = summary.day_after_last_charge
    derived = tables_as_of(tables.catalog, as_of=as_of, names_resources=owners.names_resources)
    tables.engine.tables.update(derived)
    aws_engine = tables.engine
    if summary.other_providers:  # other bills need no filter
        stored = aws_tables(tables.catalog, database=aws_engine.database)
        aws_engine = replace(aws_engine, tables={**stored, **aws_engine.tables})
    yield AthenaBill(tables, aws_engine, periods, summary, as_of)


def _summarize(periods: Mapping[str, GluePeriod]) -> BillSummary:
    newest = max(periods.values(), key=lambda period: period.period)
    priced = [period for period in periods.values() if period.per_usd is not None]
    charges = sum(period.charges for period in periods.values())
    other_providers = sentence((period.providers for period in periods.values()), charges=charges)
    digests = "\n".join(f"{name}\t{period.digest}" for name, period in sorted(periods.items()))
    return BillSummary(
        currency=newest.currency,
        first_charge_date=min(period.first_charge_date for period in periods.values()),
        last_charge_date=max(period.last_charge_date for period in periods.values()),
        charges=charges,
        data_digest=hashlib.sha256(digests.encode()).hexdigest(),
        warnings=(other_providers,) if other_providers else (),
        other_providers=other_providers,
        per_usd=max(priced, key=lambda period: period.period).per_usd if priced else None,
    )
