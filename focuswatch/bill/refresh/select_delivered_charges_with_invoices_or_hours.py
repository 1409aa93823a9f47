"""Read delivered charges of an export again, for columns and hours that the tables do not contain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from focuswatch.bill.ingest.export_file_and_listing_models import Listing
from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery
from focuswatch.bill.ingest.select_from_files import select_focus_export
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit
from focuswatch.bill.refresh.trino_refresh_statements import month_after
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import INVOICE, KINDS, SQL_TYPES
from focuswatch.engines.values_as_sql_literals import literal

NULLS = ", ".join(f"CAST(NULL AS {SQL_TYPES[kind]}) AS {name}" for name, kind in KINDS.items())
NO_CHARGES = f"SELECT {NULLS}, CAST(NULL AS VARCHAR) AS {INVOICE} LIMIT 0"


@dataclass(frozen=True)
class DeliveredExport:
    """The units whose charges are counted, with their files; duplicates are excluded."""

    listing: Listing
    units: Mapping[str, Unit]
    deliveries: tuple[PeriodDelivery, ...]

    def charges(self, billing_period: date) -> str:
        """Return a SELECT of a billing period's charges as delivered, with InvoiceId; files on S3 are fetched."""
        selects = []
        for delivery in self.deliveries:
            unit = self.units[delivery.unit]
            if all(fact.billing_period != billing_period for fact in unit.facts):
                continue
            self.listing.fetch(list(delivery.files))
            paths = {str(file.name): str(file.path) for file in delivery.files}
            for part in unit.parts:
                selects.append(
                    select_focus_export(part.shape, [paths[name] for name in part.files], invoices=True)
                )
        if not selects:
            return NO_CHARGES
        of_all = " UNION ALL ".join(f"({select})" for select in selects)
        return (
            f"SELECT * FROM ({of_all}) WHERE BillingPeriodStart >= {literal(billing_period)} "
            f"AND BillingPeriodStart < {literal(month_after(billing_period))}"
        )

    def hours(self, first_day: date, end_day: date) -> str | None:
        """Return a SELECT of the charges of `[first_day, end_day)` as delivered, in their own currencies.

        None if the export is not hourly, or if its files are not on this machine: they are not fetched from S3 again.
        """
        selects: list[str] = []
        for delivery in self.deliveries:
            unit = self.units[delivery.unit]
            if all(
                fact.last_charge_date < first_day or fact.first_charge_date >= end_day for fact in unit.facts
            ):
                continue
            if not unit.periods.is_hourly or not all(file.path.exists() for file in delivery.files):
                return None
            paths = {str(file.name): str(file.path) for file in delivery.files}
            selects.extend(
                select_focus_export(part.shape, [paths[name] for name in part.files]) for part in unit.parts
            )
        days = f"ChargePeriodStart >= {literal(first_day)} AND ChargePeriodStart < {literal(end_day)}"
        return " UNION ALL ".join(f"(SELECT * FROM ({select}) WHERE {days})" for select in selects) or None
