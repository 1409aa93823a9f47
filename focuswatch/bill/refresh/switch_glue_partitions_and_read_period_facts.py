"""Switch the Glue partitions of a billing period from its old files to its new ones.

One call changes the location of a partition, so a statement reads all files of the old folder or all of the new one.
The parameters of the partition hold facts about the charges and change with it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


@dataclass(frozen=True)
class GluePeriod:
    """A billing period as a table's partition holds it."""

    period: str  # 2026-05, or 2026-05.NAME of another bill
    location: str
    digest: str  # of its delivery, and of how it was folded
    delivered_at: datetime
    charges: int
    billed_cost: float
    currency: str
    first_charge_date: date
    last_charge_date: date
    per_usd: float | None = None  # units of its currency for one US dollar, if the export states it
    providers: Mapping[str, int] = field(default_factory=dict)  # charges of providers other than AWS
    charges_before: int | None = None  # of another bill: charges before the period was replaced
    note: str = ""  # of another bill: the rate at which its amounts are converted

    @property
    def bill(self) -> str:
        """Return the name of the other bill that the period belongs to; empty for the export."""
        return bill_of(self.period)

    def parameters(self) -> dict[str, str]:
        """Return the facts as parameters of the Glue partition."""
        return {
            "digest": self.digest,
            "delivered_at": self.delivered_at.isoformat(),
            "charges": str(self.charges),
            "billed_cost": repr(self.billed_cost),
            "currency": self.currency,
            "first_charge_date": self.first_charge_date.isoformat(),
            "last_charge_date": self.last_charge_date.isoformat(),
            **({} if self.per_usd is None else {"per_usd": repr(self.per_usd)}),
            **({"providers": json.dumps(self.providers)} if self.providers else {}),
            **({} if self.charges_before is None else {"charges_before": str(self.charges_before)}),
            **({"note": self.note} if self.note else {}),
        }


def period_of_bill(billing_period: date, bill: str) -> str:
    """Return the partition of another bill's billing period: `2026-05.azure`, beside the export's `2026-05`."""
    return f"{billing_period:%Y-%m}.{bill}"


def bill_of(period: str) -> str:
    """Return the name of the other bill that a partition belongs to; empty for the export."""
    return period.partition(".")[2]


def day_after(periods: Iterable[GluePeriod]) -> date:
    """Return the first day that is not analyzed: the day after the last charge of all periods."""
    return max(period.last_charge_date for period in periods) + timedelta(days=1)


@dataclass(frozen=True)
class Partitions:
    """The partitions of one table, whose key is the billing period."""

    glue: "GlueClient"
    database: str
    table: str

    def all(self) -> dict[str, GluePeriod]:
        """Return every period by name, without partitions with invalid parameters, which are then refreshed again."""
        return {period.period: period for item in self._partitions() if (period := _period(item)) is not None}

    def locations(self) -> dict[str, str]:
        """Return the location of each period's files."""
        return {period: location for period, (location, _) in self.locations_with("").items()}

    def locations_with(self, parameter: str) -> dict[str, tuple[str, str]]:
        """Return the location of each period's files and the value of a parameter, which is empty if it is not set."""
        return {
            item["Values"][0]: (
                item["StorageDescriptor"]["Location"],
                item.get("Parameters", {}).get(parameter, ""),
            )
            for item in self._partitions()
        }

    def _partitions(self) -> Iterator[Any]:
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=self.database, TableName=self.table
        )
        yield from (partition for page in pages for partition in page["Partitions"])

    def point(self, period: str, *, location: str, parameters: dict[str, str]) -> None:
        """Switch the period to the files in `location`, in one step."""
        storage = self.glue.get_table(DatabaseName=self.database, Name=self.table)["Table"][
            "StorageDescriptor"
        ]
        partition: Any = {
            "Values": [period],
            "StorageDescriptor": {**storage, "Location": location},
            "Parameters": parameters,
        }
        where = {"DatabaseName": self.database, "TableName": self.table}
        try:
            self.glue.update_partition(**where, PartitionValueList=[period], PartitionInput=partition)
        except self.glue.exceptions.EntityNotFoundException:
            self.glue.create_partition(**where, PartitionInput=partition)

    def remove(self, period: str) -> None:
        """Remove the period from the table; its files stay."""
        try:
            self.glue.delete_partition(
                DatabaseName=self.database, TableName=self.table, PartitionValues=[period]
            )
        except self.glue.exceptions.EntityNotFoundException:
            return


def _period(partition: Any) -> GluePeriod | None:
    parameters = partition.get("Parameters", {})
    try:
        return GluePeriod(
            period=partition["Values"][0],
            location=partition["StorageDescriptor"]["Location"],
            digest=parameters["digest"],
            delivered_at=datetime.fromisoformat(parameters["delivered_at"]),
            charges=int(parameters["charges"]),
            billed_cost=float(parameters["billed_cost"]),
            currency=parameters["currency"],
            first_charge_date=date.fromisoformat(parameters["first_charge_date"]),
            last_charge_date=date.fromisoformat(parameters["last_charge_date"]),
            per_usd=float(parameters["per_usd"]) if "per_usd" in parameters else None,
            providers={
                name: int(charges) for name, charges in json.loads(parameters.get("providers", "{}")).items()
            },
            charges_before=int(parameters["charges_before"]) if "charges_before" in parameters else None,
            note=parameters.get("note", ""),
        )
    except (KeyError, ValueError):
        return None
