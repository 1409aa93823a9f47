"""Which days are complete if the tables of a deployment contain several bills: each bill has its own end."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from focuswatch.bill.distinguish_bills_and_aws_charges_in_athena_tables import (
    DeployedPart,
    aws_tables,
    completeness,
)
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import GluePeriod
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect

CATALOG = Catalog.load()
AS_OF = date(2026, 6, 1)
EXPORT = GluePeriod(
    "2026-05",
    location="",
    digest="",
    delivered_at=datetime(2026, 6, 1, tzinfo=UTC),
    charges=31,
    billed_cost=0.0,
    currency="USD",
    first_charge_date=date(2026, 5, 1),
    last_charge_date=date(2026, 5, 31),
)
OTHER = replace(EXPORT, period="2026-05.azure", providers={"Microsoft": 31})
DAYS = "SELECT unnest(generate_series(DATE '2026-05-01', DATE '{}', INTERVAL 1 DAY))::date AS charge_date"


def last_settled(parts: list[DeployedPart], *, aws_only: bool = False) -> dict[str, date]:
    """Return the last complete day of each account: `1` in the export until May 31, `2` in azure until May 29."""
    connection = connect()
    rows = [
        f"SELECT *, '1' AS SubAccountId, '2026-05' AS period FROM ({DAYS.format('2026-05-31')})",
        f"SELECT *, '2' AS SubAccountId, '2026-05.azure' AS period FROM ({DAYS.format('2026-05-29')})",
    ]
    connection.execute(f"CREATE TABLE daily_services AS {' UNION ALL '.join(rows[: len(parts)])}")
    statement = completeness(parts, catalog=CATALOG, as_of=AS_OF, aws_only=aws_only)
    return dict(
        connection.execute(
            f"SELECT sub_account_id, max(last_settled_day) FROM ({statement}) GROUP BY 1"
        ).fetchall()
    )


def part(*periods: GluePeriod, name: str = "") -> DeployedPart:
    return DeployedPart(name, {period.period: period for period in periods})


def test_each_bill_settles_after_its_own_days_before_its_own_end():
    """AWS charges settle after 2 days, others after 3. A bill that ends earlier is analyzed as of its own end."""
    azure = part(replace(OTHER, last_charge_date=date(2026, 5, 29)), name="azure")
    assert last_settled([part(EXPORT), azure]) == {"1": date(2026, 5, 29), "2": date(2026, 5, 26)}


@pytest.mark.parametrize(("others", "aws_only", "day"), [(31, False, 28), (31, True, 29), (10, False, 29)])
def test_a_single_bill_settles_as_a_local_one_does(others: int, aws_only: bool, day: int):
    """It settles after 3 days if most charges are of other providers; its AWS charges settle after 2."""
    bill = part(replace(EXPORT, providers={"Microsoft": others}))
    assert last_settled([bill], aws_only=aws_only) == {"1": date(2026, 5, day)}


def test_aws_charges_of_a_mixed_bill_settle_as_in_the_export():
    """They settle after 2 days, although the whole bill settles after 3."""
    mixed = part(
        replace(OTHER, providers={"Microsoft": 30}, last_charge_date=date(2026, 5, 29)), name="azure"
    )
    assert last_settled([part(EXPORT), mixed])["2"] == date(2026, 5, 26)
    assert last_settled([part(EXPORT), mixed], aws_only=True) == {
        "1": date(2026, 5, 29),
        "2": date(2026, 5, 27),
    }


def test_charges_of_aws_are_those_of_bills_that_have_any():
    """A bill without AWS charges is not read; a bill of several providers is filtered."""
    mixed = replace(OTHER, period="2026-05.payer", providers={"Microsoft": 1})
    parts = [part(EXPORT), part(OTHER, name="azure"), part(mixed, name="payer")]
    where = aws_tables(parts, database="focuswatch")["daily_services"].partition("WHERE ")[2]
    export, _, of_payer = where.partition(" OR ")
    assert export == "period IN ('2026-05')"
    assert of_payer.startswith("(period IN ('2026-05.payer') AND (lower(trim(ProviderName))")
