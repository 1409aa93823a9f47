"""A bill's own exchange rate: its costs in the billing currency divided by its costs in US dollars.

FOCUS 1.2 has both: https://focus.finops.org/focus-specification/v1-2/#pricingcurrencyeffectivecost
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from focuswatch.bill.ingest.file_shapes import Shape, scan_of
from focuswatch.bill.schema.focus_columns import PRICING_COST, PRICING_CURRENCY
from focuswatch.engines.sql_identifiers import quoted
from focuswatch.engines.sql_literals import literal
from focuswatch.findings.exchange_rates import USD

if TYPE_CHECKING:
    import duckdb


def own_rate(
    files: Mapping[Shape, Iterable[str]], *, connection: "duckdb.DuckDBPyConnection"
) -> float | None:
    """Return units of the billing currency for one US dollar; None where the files do not price in dollars."""
    billed = priced = 0.0
    for shape, paths in files.items():
        own = {name.lower(): quoted(name) for name, _ in shape.columns}
        if not own.keys() >= {PRICING_CURRENCY, PRICING_COST}:
            continue
        effective, dollars = (f"TRY_CAST({own[name]} AS DOUBLE)" for name in ("effectivecost", PRICING_COST))
        sums = connection.execute(
            f"""
            SELECT coalesce(sum({effective}), 0), coalesce(sum({dollars}), 0)
            FROM {scan_of(shape, paths)}
            WHERE CAST({own[PRICING_CURRENCY]} AS VARCHAR) = {literal(USD)}
                AND {effective} > 0 AND {dollars} > 0
                AND isfinite({effective}) AND isfinite({dollars})
            """
        ).fetchall()[0]
        billed, priced = billed + sums[0], priced + sums[1]
    return billed / priced if priced else None
