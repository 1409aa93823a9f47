"""The contract of an open bill, implemented by local_bill, trino_bill and athena_bill."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from focuswatch.bill.kept_forecasts import KeptForecast
from focuswatch.engines import Engine
from focuswatch.errors import ConfigError
from focuswatch.findings.exchange_rates import Rate, rate_of
from focuswatch.owners.owners_file import Owners

Progress = Callable[[str], None]
KNOWN_FINDINGS_TABLE = "known_findings"
MAX_DAYS_AFTER_BILL = 366  # a bill that ended longer ago is analyzed as of its own end


@dataclass(frozen=True)
class OtherBill:
    """A bill that is read together with the first one, and the folder of its state."""

    export: str
    state: Path


INPUT_FILES = (
    "activity", "accounts", "links", "recommendations", "principals", "invocations", "token_hours", "events",
)  # fmt: skip


@dataclass(frozen=True)
class BillInputs:
    """The export, the files given with it, and the folder of its state.

    `as_of` None is the day after the last charge. `others` are bills that are read together with this one.
    """

    export: str
    state: Path
    activity: Path | None = None
    accounts: Path | None = None
    links: Path | None = None
    recommendations: Path | None = None
    principals: Path | None = None
    invocations: Path | None = None
    token_hours: Path | None = None
    events: Path | None = None
    as_of: date | None = None
    others: tuple[OtherBill, ...] = ()

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The files that are given with an export."""
        return tuple(getattr(self, name) for name in INPUT_FILES)


@dataclass(frozen=True)
class ReplacedPeriod:
    """A billing period (`2026-05`) that was delivered again, and the charges that it had before."""

    period: str
    charges: int
    charges_before: int


@dataclass(frozen=True)
class BillPart:
    """One of several bills that are read together: its name, its accounts, and the days that have charges.

    `replaced` are billing periods that the table `deliveries` does not have.
    """

    name: str
    accounts: frozenset[str | None]
    days: frozenset[date]
    replaced: tuple[ReplacedPeriod, ...] = ()


@dataclass(frozen=True)
class BillSummary:
    """The extent of a bill's charges, and what its refresh reported."""

    currency: str
    first_charge_date: date
    last_charge_date: date  # of the bill; see focuswatch.bill.ingest.last_charge_day
    charges: int
    data_digest: str  # changes whenever the delivered charges do
    warnings: tuple[str, ...] = ()
    other_providers: str | None = None  # a sentence about charges of other providers; among the warnings too
    per_usd: float | None = None  # units of the currency for one US dollar, if the bill also prices in USD
    name: str | None = None  # of the export, as people name it; None for a deployment's
    parts: tuple[BillPart, ...] = ()  # the bills, if several are read together
    conversions: tuple[
        str, ...
    ] = ()  # a sentence for each bill or currency whose money is converted; among the warnings too

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the bills that were read."""
        return tuple(part.name for part in self.parts) or ((self.name,) if self.name else ())

    @property
    def day_after_last_charge(self) -> date:
        """The default `as_of`."""
        return self.last_charge_date + timedelta(days=1)

    def rate(self, owners: Owners) -> Rate:
        """Return the exchange rate that converts thresholds in USD to the bill's currency."""
        return rate_of(self.currency, rates=owners.exchange_rates, of_bill=self.per_usd)


class Bill(Protocol):
    """An organization's bill, refreshed and open for queries as of a day.

    Each implementation has a context manager that opens it: `open_local_bill`, `open_trino_bill` and
    `open_athena_bill`. The tables of focuswatch.bill.schema.table_columns can be read until the block ends.
    """

    @property
    def engine(self) -> Engine:
        """The engine over all charges."""
        ...

    @property
    def aws_engine(self) -> Engine:
        """The engine over AWS charges only, for detections of AWS resources; the same as `engine` without others."""
        ...

    @property
    def summary(self) -> BillSummary:
        """The extent of the charges, and what the refresh reported."""
        ...

    @property
    def as_of(self) -> date:
        """The first day that is not analyzed."""
        ...

    @property
    def data_digest(self) -> str | None:
        """A digest of everything that detections read; None if it is unknown, so that no result may be reused."""
        ...

    def delivered_charges(self, billing_period: date) -> str:
        """Return a SELECT of a billing period's charges as delivered: the columns of the export, and InvoiceId."""
        ...

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the table `known_findings`; the columns of a row are KNOWN_FINDINGS. Raises QueryError."""
        ...

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the forecasts of a month that were kept. Raises QueryError."""
        ...

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Keep the forecasts of a day, beside those of other days; see kept_forecasts. Raises QueryError."""
        ...


def resolve_as_of(requested: date | None, *, summary: BillSummary) -> date:
    """Return the first day that is not analyzed. Raises ConfigError if the requested day is out of range."""
    default = summary.day_after_last_charge
    if requested is None:
        return default
    if requested <= summary.first_charge_date:
        raise ConfigError(
            f"--as-of {requested} is not after the first charge; this bill has charges from "
            f"{summary.first_charge_date} to {summary.last_charge_date}. Specify a later date."
        )
    if requested > default + timedelta(
        days=MAX_DAYS_AFTER_BILL
    ):  # later scans would seem outdated to the ledger
        raise ConfigError(
            f"--as-of {requested} is more than {MAX_DAYS_AFTER_BILL} days after the last charge "
            f"({summary.last_charge_date}). Specify an earlier date, or omit --as-of."
        )
    return requested


def digest_of_inputs(
    summary: BillSummary, *, as_of: date, owners: Owners, files: Iterable[Path | None]
) -> str:
    """Return a digest of everything that detections read: charges, owners, and the given files."""
    parts = (summary.data_digest, as_of, owners.tables, *map(_fingerprint_of_file, files))
    return hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "surrogateescape")).hexdigest()


def export_label(export: str) -> str:
    """Return the name of an export as people name it: its last folder or file."""
    if "://" in export:
        return export.rstrip("/").rpartition("/")[2]
    return Path(export).resolve().name or export


def _fingerprint_of_file(path: Path | None) -> str:
    """Return names, sizes and modification times of a file or of all files in a folder."""
    if path is None:
        return ""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
