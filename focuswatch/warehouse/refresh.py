"""The refresh on AWS: every billing period whose delivery changed is folded anew, and switched to as one step.

The raw export is read once. A refresh that fails leaves every table as it was; one that is repeated does nothing.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from focuswatch.catalog import Catalog
from focuswatch.columns import DELIVERIES, KEPT_TABLES, OWNERS
from focuswatch.engine.athena import AthenaEngine
from focuswatch.errors import ExportError
from focuswatch.exchange_rates import USD
from focuswatch.export.index import DeliveryRow, digest_of
from focuswatch.export.layout import Delivery, deliveries_of
from focuswatch.export.listing import Listing
from focuswatch.owners import Owners
from focuswatch.warehouse.columns import PERIOD_TABLES
from focuswatch.warehouse.files import Files
from focuswatch.warehouse.partitions import Partitions, Period, day_after
from focuswatch.warehouse.statements import (
    charges_of_period,
    facts_of_period,
    kept_table_of_period,
    rate_of_period,
)

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

MADE_BY = "1"  # to be raised when periods are folded in another way, so that every one is folded again
MONEY_DIGITS = 6


@dataclass(frozen=True)
class Refreshed:
    """What a refresh found and did."""

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    as_of: date
    currency: str
    newest_delivery: datetime
    charges: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Warehouse:
    """Where the tables are: a Glue database over `files`, folders below `tables/` of a bucket."""

    engine: AthenaEngine
    glue: "GlueClient"
    files: Files
    catalog: Catalog

    def periods(self) -> dict[str, Period]:
        """Every billing period that detections can read."""
        return Partitions(self.glue, self.engine.database, "daily_charges").all()

    def refresh(self, listing: Listing, *, owners: Owners, say: Callable[[str], None]) -> Refreshed:
        """Fold what changed in the export that `listing` lists. Raises ExportError or QueryError."""
        warnings: list[str] = []
        deliveries = deliveries_of(listing, warn=warnings.append)
        before = self.periods()
        made_by = _made_by(self.catalog)
        changed = [
            one
            for one in deliveries
            if _digest(one, made_by) != getattr(before.get(one.unit), "digest", None)
        ]
        say(f"{len(changed)} of {len(deliveries)} billing periods changed")
        for delivery in changed:
            self._refresh_period(delivery, listing=listing, digest=_digest(delivery, made_by))
        self._sweep_unread(before.keys() - {one.unit for one in changed})
        after = self.periods()
        self._remember(changed, before=before, after=after)
        for table, shape in OWNERS.items():
            self.files.write(table, _columns(shape, owners.tables[table]))
        return _summary(after, {one.unit for one in changed}, warnings)

    def _refresh_period(self, delivery: Delivery, *, listing: Listing, digest: str) -> None:
        period = delivery.unit
        folders = {table: self.files.new_folder(table, period) for table in PERIOD_TABLES}
        paths = _listed_paths(delivery, listing=listing)
        self.engine.unload(
            charges_of_period(self.catalog, period=period, paths=paths),
            to=folders["daily_charges"],
            label=f"refresh of {period}",
        )
        staged = Partitions(self.glue, self.engine.database, "refreshed_charges")
        staged.point(period, location=folders["daily_charges"], parameters={})
        found = self._facts(delivery, digest=digest, location=folders["daily_charges"], paths=paths)
        for table in KEPT_TABLES:
            statement = kept_table_of_period(self.catalog, table, period=period)
            self.engine.unload(statement, to=folders[table], label=f"refresh of {table} {period}")
        for table in reversed(PERIOD_TABLES):  # daily_charges last: by its digest the period is done
            partitions = Partitions(self.glue, self.engine.database, table)
            partitions.point(period, location=folders[table], parameters=found.parameters())
            self.files.sweep(table, period)

    def _sweep_unread(self, periods: Iterable[str]) -> None:
        """Nobody reads the folder before any more where a period is as the run before left it."""
        for table in PERIOD_TABLES:
            found = Partitions(self.glue, self.engine.database, table).all()
            for period in found.keys() & set(periods):
                self.files.sweep_unread(table, period, in_use=found[period].location)

    def _facts(self, delivery: Delivery, *, digest: str, location: str, paths: Sequence[str]) -> Period:
        (row,) = self.engine.query(facts_of_period(delivery.unit), label=f"facts of {delivery.unit}")
        where = f"billing period {delivery.unit}"
        if not row["charges"]:
            raise ExportError(f"{where}: its delivery has no charges; nothing was replaced")
        if row["without_day"]:
            raise ExportError(f"{where}: has charges without a ChargePeriodStart, expected one in each")
        if row["currencies"] != 1:
            raise ExportError(f"{where}: found {row['currencies']} billing currencies, expected one")
        if not math.isfinite(row["billed_cost"]):
            raise ExportError(f"{where}: has a cost that is NaN or infinite, expected numbers")
        return Period(
            period=delivery.unit,
            location=location,
            digest=digest,
            delivered_at=delivery.delivered_at,
            charges=int(row["charges"]),
            billed_cost=round(float(row["billed_cost"]), MONEY_DIGITS),
            currency=row["currency"],
            first_charge_date=row["first_charge_date"],
            last_charge_date=row["last_charge_date"],
            per_usd=None if row["currency"] == USD else self._own_rate(delivery.unit, paths=paths),
        )

    def _own_rate(self, period: str, *, paths: Sequence[str]) -> float | None:
        (row,) = self.engine.query(rate_of_period(period, paths=paths), label=f"exchange rate of {period}")
        return row["billed"] / row["dollars"] if row["dollars"] else None

    def _remember(
        self, changed: Sequence[Delivery], *, before: Mapping[str, Period], after: Mapping[str, Period]
    ) -> None:
        """A row of `deliveries` for every period whose delivery is not the one told of last."""
        known = self.files.read("deliveries", DELIVERIES)
        now = datetime.now(UTC).replace(tzinfo=None)
        rows = [
            DeliveryRow(
                billing_period=date.fromisoformat(f"{one.unit}-01"),
                delivered_at=after[one.unit].delivered_at.replace(tzinfo=None),
                refreshed_at=now,
                charges=after[one.unit].charges,
                billed_cost=after[one.unit].billed_cost,
            )
            for one in changed
            if _told(before.get(one.unit)) != _told(after[one.unit])
        ]
        if rows or not known:
            told = [tuple(row.model_dump().values()) for row in rows]
            self.files.write("deliveries", _columns(DELIVERIES, [*known, *told]))


def _listed_paths(delivery: Delivery, *, listing: Listing) -> list[str]:
    """The files that count, where others lie in the same folder; none where all of them count."""
    folders = {file.name.parent for file in delivery.files}
    beside = any(file.name.parent in folders and file not in delivery.files for file in listing.files)
    if len(folders) == 1 and not beside:
        return []
    bucket = listing.source.removeprefix("s3://").partition("/")[0]
    return [f"s3://{bucket}/{file.key}" for file in delivery.files]


def _made_by(catalog: Catalog) -> str:
    statements = (catalog.tables[name].sql for name in ("folded_charges", *PERIOD_TABLES))
    return hashlib.sha256("\n".join((MADE_BY, *statements)).encode()).hexdigest()


def _digest(delivery: Delivery, made_by: str) -> str:
    return hashlib.sha256(f"{made_by}\n{digest_of(delivery)}".encode()).hexdigest()


def _told(period: Period | None) -> object:
    return period and (period.delivered_at, period.charges, period.billed_cost)


def _columns(table: Mapping[str, str], rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name.lower(): [row[place] for row in rows] for place, name in enumerate(table)}


def _summary(after: Mapping[str, Period], changed: set[str], warnings: Sequence[str]) -> Refreshed:
    if not after:
        raise ExportError("the export has no billing period yet; the first delivery takes up to a day")
    currencies = sorted({one.currency for one in after.values()})
    if len(currencies) > 1:
        raise ExportError(f"billing periods have the currencies {', '.join(currencies)}, expected one")
    return Refreshed(
        changed=tuple(sorted(changed)),
        unchanged=tuple(sorted(after.keys() - changed)),
        as_of=day_after(after.values()),
        currency=currencies[0],
        newest_delivery=max(one.delivered_at for one in after.values()),
        charges=sum(one.charges for one in after.values()),
        warnings=tuple(warnings),
    )
