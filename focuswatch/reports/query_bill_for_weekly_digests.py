"""Query the week's spend, launches and operational events of a bill, and build the weekly digests from them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from focuswatch.bill.bill_protocol import Bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.add_operational_events import events_of_accounts
from focuswatch.engines import Row
from focuswatch.findings.cost_increase_explanation_models import OperationalEvent
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.query_and_describe_costs_muted_by_launches import costs_muted_by_launches
from focuswatch.reports.ended_launch_reviews import launches_ended_this_week
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.weekly_digest import Week, least_listed, weeks


def weeks_of_bill(
    bill: Bill, *, entries: Iterable[LedgerEntry], catalog: Catalog, owners: Owners
) -> list[Week]:
    """Return the digest of the organization, then of each team with spend or an open finding. Raises QueryError."""
    rows = report_rows(catalog.report("team_weeks"), engine=bill.engine, as_of=bill.as_of, owners=owners)
    rate = bill.summary.rate(owners)
    return weeks(
        rows,
        entries,
        owners=owners,
        as_of=bill.as_of,
        currency=bill.summary.currency,
        launches=costs_muted_by_launches(
            bill.engine,
            catalog=catalog,
            owners=owners,
            as_of=bill.as_of,
            per_usd=float(rate.per_usd),
        ),
        reviews=launches_ended_this_week(bill.engine, catalog=catalog, owners=owners, as_of=bill.as_of),
        events=_events_of_week(rows, least=least_listed(rate), bill=bill, catalog=catalog),
        rate=rate,
    )


def _events_of_week(
    rows: Sequence[Row], *, least: float, bill: Bill, catalog: Catalog
) -> Mapping[str, Sequence[OperationalEvent]]:
    """Return the operational events on the week's complete days, for accounts with an increase of at least `least`."""
    settled_until = next((row["settled_until"] for row in rows), None)
    if settled_until is None:
        return {}
    return events_of_accounts(
        (row["sub_account_id"] for row in rows if row["movement"] >= least),
        first_day=settled_until - timedelta(days=6),
        end_day=settled_until + timedelta(days=1),
        engine=bill.engine,
        catalog=catalog,
    )
