"""Compute a bill's own exchange rates: its costs in a billing currency divided by the same costs in US dollars.

FOCUS 1.2 has a column for each: https://focus.finops.org/focus-specification/v1-2/#pricingcurrencyeffectivecost
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from focuswatch.bill.ingest.detect_focus_columns_or_reject_file import Shape
from focuswatch.bill.ingest.select_from_files import table_function
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import PRICING_COST, PRICING_CURRENCY
from focuswatch.engines.quote_sql_identifier import quoted
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD

if TYPE_CHECKING:
    import duckdb


def own_rates(
    files: Mapping[Shape, Iterable[str]], *, connection: "duckdb.DuckDBPyConnection"
) -> dict[str, float]:
    """Return units of each billing currency for one US dollar; empty if the files have no costs in US dollars."""
    billed: dict[str, float] = {}
    priced: dict[str, float] = {}
    for shape, paths in files.items():
        own = {name.lower(): quoted(name) for name, _ in shape.columns}
        if not own.keys() >= {PRICING_CURRENCY, PRICING_COST}:
            continue
        effective, dollars = (f"TRY_CAST({own[name]} AS DOUBLE)" for name in ("effectivecost", PRICING_COST))
        currency = f"CAST({own['billingcurrency']} AS VARCHAR)"
        for code, cost, cost_in_dollars in connection.execute(
            f"""
            SELECT {currency}, sum({effective}), sum({dollars})
            FROM {table_function(shape, paths)}
            WHERE CAST({own[PRICING_CURRENCY]} AS VARCHAR) = {literal(USD)}
                AND {currency} NOT IN ('', 'NULL', {literal(USD)})
                AND {effective} > 0 AND {dollars} > 0
                AND isfinite({effective}) AND isfinite({dollars})
            GROUP BY 1
            """
        ).fetchall():
            billed[code] = billed.get(code, 0.0) + cost
            priced[code] = priced.get(code, 0.0) + cost_in_dollars
    return {code: cost / priced[code] for code, cost in sorted(billed.items())}
