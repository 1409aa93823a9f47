"""The weekly digests of an open bill: query the week's spend and the launches, and build the summaries."""

from collections.abc import Iterable

from focuswatch.bill.bill import Bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.muted_launch_costs import costs_muted_by_launches
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.launch_review import launches_ended_this_week
from focuswatch.reports.run_report import report_rows
from focuswatch.reports.weekly_summary import Week, weeks


def weeks_of_bill(
    bill: Bill, *, entries: Iterable[LedgerEntry], catalog: Catalog, owners: Owners
) -> list[Week]:
    """Return the organization's week, then that of each team with spend or an open finding. Raises QueryError."""
    return weeks(
        report_rows(catalog.report("team_weeks"), engine=bill.engine, as_of=bill.as_of, owners=owners),
        entries,
        owners=owners,
        as_of=bill.as_of,
        currency=bill.summary.currency,
        launches=costs_muted_by_launches(
            bill.engine,
            catalog=catalog,
            owners=owners,
            as_of=bill.as_of,
            per_usd=float(bill.summary.rate(owners).per_usd),
        ),
        reviews=launches_ended_this_week(bill.engine, catalog=catalog, owners=owners, as_of=bill.as_of),
    )
