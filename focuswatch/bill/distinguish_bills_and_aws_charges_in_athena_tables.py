"""Build SQL that distinguishes the bills of a deployment: the AWS export, and bills of other providers.

All bills are in the same tables, each in its own partitions. Properties of one bill, such as its last day, are computed
from its partitions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from focuswatch.bill.aws_only_views_and_other_provider_warning import (
    IS_AWS,
    PROVIDER_OF_ACCOUNT,
    total_charges_by_provider,
)
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import GluePeriod
from focuswatch.bill.schema.columns_of_all_tables import STORED_TABLES
from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_KEY
from focuswatch.bill.settling_days import AWS_DAYS, end_of_bill, settle_days
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.quote_sql_identifier import quoted
from focuswatch.engines.values_as_sql_literals import Expression, Scalar, literal, literals

AWS_EXPORT = "the AWS export"  # name in messages; the name of the export as a bill is empty
BILL = f"substr({PERIOD_KEY}, {len('2026-05.') + 1})"  # name of another bill; '' for the export


@dataclass(frozen=True)
class DeployedPart:
    """One bill of a deployment, by its billing periods; the name of the export is empty."""

    name: str
    periods: Mapping[str, GluePeriod]

    @property
    def charges(self) -> int:
        """The number of charges."""
        return sum(period.charges for period in self.periods.values())

    @property
    def others(self) -> dict[str, int]:
        """The number of charges of each provider other than AWS."""
        return total_charges_by_provider(period.providers for period in self.periods.values())

    @property
    def has_aws(self) -> bool:
        """Whether the bill has AWS charges."""
        return sum(self.others.values()) < self.charges

    @property
    def settle_days(self) -> int:
        """The number of days after which charges no longer change."""
        return settle_days(charges=self.charges, of_others=sum(self.others.values()))

    def end(self, as_of: date) -> date:
        """Return the first day of this bill that is not analyzed; the bill may end before the other bills."""
        last = max(period.last_charge_date for period in self.periods.values())
        return end_of_bill(last, as_of=as_of)

    @property
    def of_aws(self) -> str:
        """The SQL condition that selects the bill's AWS charges."""
        of_bill = _of_periods(self.periods)
        return f"({of_bill} AND {IS_AWS})" if self.others else of_bill


def completeness(
    parts: Sequence[DeployedPart], *, catalog: Catalog, as_of: date, aws_only: bool = False
) -> str:
    """Return the SELECT of the table `completeness`: each bill as of its own end, with its own settling time.

    With `aws_only`, the charges of every bill settle after AWS_DAYS, as in a local bill.
    """
    table = catalog.tables["completeness"]
    days = {part.name: AWS_DAYS if aws_only else part.settle_days for part in parts}
    if len(parts) == 1:
        return table.render({"as_of": as_of, "settle_days": days[parts[0].name]})
    ends = {part.name: part.end(as_of) for part in parts}
    return table.render({"bill": Expression(BILL), "as_of": _by_bill(ends), "settle_days": _by_bill(days)})


def _by_bill(values: Mapping[str, Scalar]) -> Expression:
    """Return a CASE with the value of each bill; null for a bill that was added since, which omits the bill."""
    cases = " ".join(f"WHEN {literal(name)} THEN {literal(value)}" for name, value in values.items())
    return Expression(f"CASE bill {cases} END")


def aws_tables(parts: Sequence[DeployedPart], *, database: str) -> dict[str, str]:
    """Return SELECTs of the stored tables with AWS charges only, by name."""
    read = [part for part in parts if part.has_aws] or parts[:1]
    where = " OR ".join(part.of_aws for part in read)
    return {
        name: f"SELECT {', '.join(shape)}, {PERIOD_KEY}\nFROM {quoted(database)}.{name}\nWHERE {where}"
        for name, shape in STORED_TABLES.items()
    }


def accounts_of_export(periods: Collection[str]) -> str:
    """Return a SELECT of the accounts of the export, each with its main provider."""
    return PROVIDER_OF_ACCOUNT.format(table=f"daily_services\nWHERE {_of_periods(periods)}")


def accounts_of_bills() -> str:
    """Return a SELECT of the accounts of each bill, with their IDs in the tables."""
    return f"SELECT {BILL} AS bill, SubAccountId AS account\nFROM daily_services\nGROUP BY 1, 2"


def days_of_bills() -> str:
    """Return a SELECT of the days on which each bill has charges."""
    return f"SELECT {BILL} AS bill, charge_date\nFROM daily_services\nGROUP BY 1, 2"


def _of_periods(periods: Collection[str]) -> str:
    names: Sequence[Scalar] = sorted(periods)
    return f"{PERIOD_KEY} IN ({literals(names)})"
