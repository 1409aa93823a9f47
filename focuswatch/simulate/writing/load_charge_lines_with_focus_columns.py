"""Load lines into DuckDB's table `lines`: constant FOCUS columns, and the parameters of quantities and costs."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.simulate.billing_meter_record_and_region_price_factors import AWS, REGIONS
from focuswatch.simulate.organization import COMPANY, SimulatedAccount
from focuswatch.simulate.planned_charge_line import Line
from focuswatch.simulate.writing.charge_rows_sql import CONSTANT
from focuswatch.simulate.writing.focus_1_2_columns import MAPS, sql_type

PARTS = {
    "BIGINT": ("template", "copies", "first_day", "last_day", "every"),
    "BOOLEAN": ("monthly", "comes_late", "billed_a_month_later"),
    "DOUBLE[]": ("week",),
    "VARCHAR": ("hours", "sway_key", "ResourceId"),
    "DOUBLE": (
        "daily",
        "growth",
        "noise",
        "sway",
        "list_price",
        "contracted_price",
        "discount",
        "shown_list_price",
        "shown_contracted_price",
        "billed_share",
        "effective_share",
        "contracted_share",
        "list_share",
        "commitment_factor",
        "consumed_factor",
        "pricing_factor",
    ),
}


def load(
    connection: duckdb.DuckDBPyConnection, lines: Sequence[Line], *, payer: SimulatedAccount, scratch: Path
) -> None:
    """Create the table `lines`; its column `first_line` numbers the resources across all lines."""
    path = scratch / "lines.json"
    with path.open("w", encoding="utf-8") as file:
        for number, line in enumerate(lines):
            row = _constants(line, payer=payer) | _parts(line, number=number)
            file.write(json.dumps(row) + "\n")
    columns = {column: sql_type(column) for column in CONSTANT}
    columns |= {name: kind for kind, names in PARTS.items() for name in names}
    source = f"read_json({literal(str(path))}, format='newline_delimited', columns={columns})"
    connection.execute(f"CREATE TABLE texts AS SELECT * FROM {source}")
    texts = [column for column in CONSTANT if column not in MAPS]
    for column in texts:
        _enumerate(connection, column)
    shown = ", ".join(
        f"CAST({name} AS {name}_words) AS {name}" if name in texts else name for name in columns
    )
    numbered = "CAST(sum(copies) OVER (ORDER BY template) - copies AS BIGINT) AS first_line"
    connection.execute(f"CREATE TABLE lines AS SELECT {shown}, {numbered} FROM texts")
    connection.execute("DROP TABLE texts")
    path.unlink()


def _enumerate(connection: duckdb.DuckDBPyConnection, column: str) -> None:
    """Create an ENUM type for the column, which halves the time to write Parquet."""
    words = f"SELECT DISTINCT {column} FROM texts WHERE {column} IS NOT NULL UNION SELECT '' ORDER BY 1"
    connection.execute(f"CREATE TYPE {column}_words AS ENUM ({words})")


def day_number(day: date) -> int:
    """Return the number of days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def _parts(line: Line, *, number: int) -> dict[str, Any]:
    same = (
        "copies",
        "daily",
        "week",
        "growth",
        "noise",
        "sway",
        "hours",
        "every",
        "monthly",
        "billed_a_month_later",
    )
    return (
        {"template": number, "ResourceId": line.resource}
        | {"first_day": day_number(line.first), "last_day": day_number(line.last)}
        | {name: getattr(line, name) for name in same}
        | {"sway_key": f"{line.account.id if line.account else ''}|{line.meter.service}"}
        | {"comes_late": line.category in ("Usage", "Credit") and not line.monthly}
        | _prices(line)
    )


def _prices(line: Line) -> dict[str, float | None]:
    """Return the prices, and the ratio of each cost and quantity to quantity times price or to quantity."""
    priced = line.category in ("Usage", "Purchase")
    unlisted = line.meter.marketplace  # Marketplace rows have no list price
    return {
        "list_price": line.list_price,
        "contracted_price": line.contracted_price,
        "discount": line.list_price - line.contracted_price,
        "shown_list_price": line.list_price if priced and not unlisted else None,
        "shown_contracted_price": line.contracted_price if priced else None,
        "billed_share": line.billed_share,
        "effective_share": line.effective_share,
        "contracted_share": 0.0 if line.unused else 1.0,
        "list_share": 0.0 if line.unused or unlisted or line.category == "Credit" else 1.0,
        "commitment_factor": _commitment_factor(line),
        "consumed_factor": 1.0 if line.category == "Usage" and not line.unused else None,
        "pricing_factor": 1.0 if priced else None,
    }


def _commitment_factor(line: Line) -> float | None:
    """Return CommitmentDiscountQuantity / quantity: hours of a reservation, USD of a Savings Plan."""
    if line.commitment is None:
        return None
    return 1.0 if line.commitment.kind == "Reserved" else line.contracted_price * line.commitment.rate


def _constants(line: Line, *, payer: SimulatedAccount) -> dict[str, Any]:
    account, meter, region = line.account, line.meter, line.region
    usage, sku = line.category == "Usage", meter.sku_id(region)
    return _commitment_columns(line) | {
        "AvailabilityZone": _zone(line),
        "BillingAccountId": payer.id,
        "BillingAccountName": COMPANY,
        "BillingAccountType": "Payer",
        "BillingCurrency": "USD",
        "CapacityReservationId": line.reservation,
        "CapacityReservationStatus": "Used" if line.reservation else None,
        "ChargeCategory": line.category,
        "ChargeClass": "Correction" if line.correction else None,
        "ChargeDescription": _description(line),
        "ChargeFrequency": line.frequency,
        "ConsumedUnit": meter.unit if usage else None,
        "InvoiceIssuerName": AWS,
        "PricingCategory": _pricing_category(line),
        "PricingCurrency": "USD",
        "PricingUnit": meter.unit,
        "ProviderName": "AWS",
        "PublisherName": meter.publisher,
        "RegionId": region,
        "RegionName": REGIONS[region].name if region in REGIONS and not meter.marketplace else None,
        "ResourceType": _resource_type(line.resource),
        "ServiceCategory": meter.category,
        "ServiceName": meter.service,
        "ServiceSubcategory": meter.subcategory,
        "SkuId": sku if usage else None,
        "SkuMeter": meter.sku_meter(region) if line.category != "Tax" else None,
        "SkuPriceDetails": meter.details or None,
        "SkuPriceId": f"{sku}.JRTCKXETXF.6YS6EN2CT7" if usage else None,
        "SubAccountId": account.id if account else None,
        "SubAccountName": account.name if account else None,
        "SubAccountType": "Linked" if account else None,
        "Tags": dict(line.tags),
        "x_Operation": meter.operation if line.category != "Tax" else None,
        "x_ServiceCode": meter.code,
    }


def _commitment_columns(line: Line) -> dict[str, str | None]:
    commitment = line.commitment
    names = ("Category", "Id", "Name", "Type", "Unit", "Status")
    values: tuple[str | None, ...] = (None,) * len(names)
    if commitment:
        reserved = commitment.kind == "Reserved"
        category, unit = ("Usage", "Hours") if reserved else ("Spend", "USD")
        values = (category, commitment.id, commitment.name, commitment.kind, unit, commitment.status)
    return {f"CommitmentDiscount{name}": value for name, value in zip(names, values, strict=True)}


def _zone(line: Line) -> str | None:
    if not line.resource or ":instance/i-" not in line.resource:
        return None
    return f"{line.region}{'abc'[sum(map(ord, line.resource)) % 3]}"


def _pricing_category(line: Line) -> str:
    if line.category in ("Tax", "Credit", "Adjustment"):
        return "Other"
    if line.commitment:
        return "Committed"
    return "Dynamic" if "SpotUsage" in line.meter.meter else "Standard"


def _description(line: Line) -> str:
    words = {
        "Tax": f"Tax for product {line.meter.service}",
        "Credit": "AWS Promotional Credits",
        "Adjustment": f"Refund for {line.meter.service}",
    }
    return words.get(line.category, line.meter.description)


def _resource_type(resource: str | None) -> str | None:
    for word in ("volume", "instance"):
        if resource and f":{word}/" in resource:
            return word
    return "bucket" if resource and resource.startswith("arn:aws:s3:::") else None
