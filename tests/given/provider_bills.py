"""Write FOCUS files of four providers in three currencies, each in its own format, with planted cost incidents.

AWS: USD, FOCUS 1.2. Azure: EUR, FOCUS 1.0. Google: JPY, exported from BigQuery. LiteLLM: USD, as its callback writes.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

END = date(2026, 6, 1)  # the day after the last charge of AWS's bill
SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
MACHINE = f"{SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/web-1"
TIMES = "TIMESTAMP"
COMMON = {
    "BilledCost": "DECIMAL(18, 6)",
    "BillingCurrency": "VARCHAR",
    "BillingPeriodStart": TIMES,
    "ChargeCategory": "VARCHAR",
    "ChargeDescription": "VARCHAR",
    "ChargePeriodEnd": TIMES,
    "ChargePeriodStart": TIMES,
    "ConsumedQuantity": "DECIMAL(18, 6)",
    "ConsumedUnit": "VARCHAR",
    "EffectiveCost": "DECIMAL(18, 6)",
    "InvoiceIssuerName": "VARCHAR",
    "ProviderName": "VARCHAR",
    "PublisherName": "VARCHAR",
    "RegionId": "VARCHAR",
    "ResourceId": "VARCHAR",
    "ServiceCategory": "VARCHAR",
    "ServiceName": "VARCHAR",
    "SubAccountId": "VARCHAR",
    "SubAccountName": "VARCHAR",
    "Tags": "VARCHAR",
}


@dataclass(frozen=True)
class Usage:
    """A daily charge of about `cost` from `first` to the end of the bill, times `spike` in the last SPIKE_DAYS."""

    cost: float
    columns: dict[str, Any] = field(default_factory=dict)
    first: date = END - timedelta(days=75)
    spike: float = 1.0


def write_bills(root: Path) -> dict[str, Path]:
    """Write the four bills, and return their folders by name."""
    return {
        "aws": _write(root / "aws", AWS, currency="USD", end=END, extra={"SkuMeter": "VARCHAR"}),
        "azure": _write(
            root / "azure",
            AZURE,
            currency="EUR",
            end=END - timedelta(days=1),
            extra={"x_SkuMeterName": "VARCHAR"},
        ),
        "google": _write(root / "google", GOOGLE, currency="JPY", end=END),
        "litellm": _write(root / "litellm", LITELLM, currency="USD", end=END, times="VARCHAR"),
    }


def billed(bill: Path) -> dict[str, float]:
    """Return the billed cost of each provider in a bill's files, in the bill's currency; summed by plain SQL."""
    return dict(
        duckdb.execute(f"SELECT ProviderName, sum(BilledCost) FROM '{bill}/*.parquet' GROUP BY 1").fetchall()
    )


def _write(
    folder: Path,
    usages: list[Usage],
    *,
    currency: str,
    end: date,
    extra: dict[str, str] | None = None,
    times: str = TIMES,
) -> Path:
    folder.mkdir(parents=True)
    shape = {**COMMON, **(extra or {})}
    rows = [row for usage in usages for row in _rows(usage, currency=currency, end=end, shape=shape)]
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in shape.items())
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE bill ({columns})")
    connection.executemany(f"INSERT INTO bill VALUES ({', '.join('?' for _ in shape)})", rows)
    replaced = ", ".join(
        f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ') AS {name}"
        for name, type_ in shape.items()
        if type_ == TIMES and times == "VARCHAR"
    )
    select = f"SELECT * REPLACE ({replaced}) FROM bill" if replaced else "FROM bill"
    connection.execute(f"COPY ({select}) TO '{folder}/focus.parquet' (FORMAT parquet)")
    return folder


def _rows(usage: Usage, *, currency: str, end: date, shape: dict[str, str]) -> list[list[Any]]:
    rows = []
    for number in range((end - usage.first).days):
        day = usage.first + timedelta(days=number)
        spiked = usage.spike if (END - day).days <= SPIKE_DAYS else 1.0
        cost = usage.cost * spiked * (1 + 0.02 * ((day.toordinal() * 7) % 5 - 2))
        values = {
            "BilledCost": cost,
            "EffectiveCost": cost,
            "BillingCurrency": currency,
            "BillingPeriodStart": day.replace(day=1),
            "ChargeCategory": "Usage",
            "ChargePeriodStart": day,
            "ChargePeriodEnd": day + timedelta(days=1),
            "ConsumedQuantity": 24.0 * spiked,
            "ConsumedUnit": "Hours",
            "Tags": '{"team": "shop"}',
            **usage.columns,
        }
        rows.append([values.get(name) for name in shape])
    return rows


SPIKE_DAYS = 7
_AWS = {
    "ProviderName": "AWS",
    "InvoiceIssuerName": "AWS",
    "SubAccountId": "111122223333",
    "RegionId": "us-east-1",
}
AWS = [
    Usage(
        60.0,
        {
            **_AWS,
            "ServiceName": "Amazon Elastic Compute Cloud",
            "ServiceCategory": "Compute",
            "SkuMeter": "BoxUsage:m5.large",
            "ResourceId": "i-1",
        },
        spike=4.0,
    ),
    Usage(
        25.0,
        {
            **_AWS,
            "ServiceName": "Amazon Relational Database Service",
            "ServiceCategory": "Databases",
            "SkuMeter": "InstanceUsage:db.m5.large",
            "ResourceId": "arn:aws:rds:us-east-1:111122223333:db:shop",
        },
    ),
]
_AZURE = {
    "ProviderName": "Microsoft",
    "InvoiceIssuerName": "Microsoft",
    "SubAccountId": SUBSCRIPTION,
    "SubAccountName": "Web",
    "RegionId": "westeurope",
}
AZURE = [
    Usage(
        80.0,
        {
            **_AZURE,
            "ServiceName": "Virtual Machines",
            "ServiceCategory": "Compute",
            "x_SkuMeterName": "D4s v3",
            "ResourceId": MACHINE,
        },
        spike=3.0,
    ),
    Usage(
        30.0,
        {
            **_AZURE,
            "ServiceName": "Azure OpenAI",
            "ServiceCategory": "AI and Machine Learning",
            "x_SkuMeterName": "gpt 4o 0513 Input regional Tokens",
            "ConsumedQuantity": 12_000_000.0,
            "ConsumedUnit": "Units",
            "ResourceId": f"{SUBSCRIPTION}/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts/chat",
        },
    ),
]
_GOOGLE = {
    "ProviderName": "Google Cloud",
    "InvoiceIssuerName": "Google Cloud",
    "SubAccountId": "shop-prod",
    "SubAccountName": "shop-prod",
    "RegionId": "europe-west4",
}
GOOGLE = [
    Usage(
        9_000.0,
        {
            **_GOOGLE,
            "ServiceName": "Compute Engine",
            "ServiceCategory": "Compute",
            "ChargeDescription": "N2 Instance Core running in Netherlands",
            "ResourceId": "//compute.googleapis.com/projects/shop-prod/zones/europe-west4-a/instances/1",
        },
    ),
    Usage(
        4_000.0,
        {
            **_GOOGLE,
            "ServiceName": "Vertex AI",
            "ServiceCategory": "AI and Machine Learning",
            "ChargeDescription": "Gemini 2.5 Flash Text Output - Predictions",
            "ConsumedQuantity": 2_000_000.0,
            "ConsumedUnit": "count",
            "ResourceId": None,
            "Tags": "{}",
        },
        first=END - timedelta(days=6),
    ),
]
_LITELLM = {
    "ServiceCategory": "AI and Machine Learning",
    "ConsumedQuantity": 1.0,
    "ConsumedUnit": "Requests",
    "SubAccountId": "team-7",
    "SubAccountName": "Shop team",
}
LITELLM = [
    Usage(
        40.0,
        {
            **_LITELLM,
            "ProviderName": "openai",
            "InvoiceIssuerName": "openai",
            "ServiceName": "chat",
            "ResourceId": "gpt-4o",
            "ChargeDescription": "gpt-4o",
        },
        first=END - timedelta(days=40),
    ),
    Usage(
        5.0,
        {
            **_LITELLM,
            "ProviderName": "anthropic",
            "InvoiceIssuerName": "anthropic",
            "ServiceName": "agents",
            "ResourceId": "claude-sonnet-4",
            "ChargeDescription": "claude-sonnet-4",
            "SubAccountId": None,
            "SubAccountName": None,
        },
        first=END - timedelta(days=38),
    ),
]
