"""Build the SQL that turns lines into charges: days, hours, noise, incomplete newest days and costs.

Random numbers are DuckDB's `hash` of the line, the day and the seed, so the rows are the same with any number of
threads.
"""

from focuswatch.simulate.planned_charge_line import HOUR_WEIGHTS
from focuswatch.simulate.writing.focus_1_2_columns import COLUMNS, MAPS, TIMESTAMPS

COMPUTED = {
    "BilledCost": "quantity * contracted_price * billed_share",
    "BillingPeriodEnd": "CAST($period_end AS TIMESTAMP_MS)",
    "BillingPeriodStart": "CAST($period_start AS TIMESTAMP_MS)",
    "ChargePeriodEnd": "charge_end",
    "ChargePeriodStart": "charge_start",
    "CommitmentDiscountQuantity": "quantity * commitment_factor",
    "ConsumedQuantity": "quantity * consumed_factor",
    "ContractedCost": "quantity * contracted_price * contracted_share",
    "ContractedUnitPrice": "shown_contracted_price",
    "EffectiveCost": "quantity * contracted_price * effective_share",
    "InvoiceId": "$invoice_id",
    "ListCost": "quantity * list_price * list_share",
    "ListUnitPrice": "shown_list_price",
    "PricingCurrencyContractedUnitPrice": "shown_contracted_price",
    "PricingCurrencyEffectiveCost": "quantity * contracted_price * effective_share",
    "PricingCurrencyListUnitPrice": "shown_list_price",
    "PricingQuantity": "quantity * pricing_factor",
    "ResourceId": """CASE
        WHEN copies > 1 THEN replace(ResourceId, '{}', format('{:08x}', hash(line, $seed) >> 32))
        ELSE ResourceId
    END""",
    "x_Discounts": """CASE
        WHEN discount > 0 THEN MAP {'PrivateRateDiscount': quantity * discount}
        ELSE CAST(MAP {} AS MAP(VARCHAR, DOUBLE))
    END""",
}
CONSTANT = tuple(column for column in COLUMNS if column not in COMPUTED)


def charges(*, hourly: bool) -> str:
    """Return the SELECT of one slice of lines in one billing period, with all 60 columns in export order.

    The placeholders are the keys of `export_files._values`, `$from_line` and `$to_line`. Days are numbered from
    1970-01-01.
    """
    sql = SKELETON.replace("{columns}", ",\n    ".join(_column(column) for column in COLUMNS))
    for place, text in {
        "{hours}": "unnest(range(24))" if hourly else "0",
        "{hour_weight}": _hour_weight() if hourly else "1.0",
        "{period}": "INTERVAL 1 HOUR" if hourly else "INTERVAL 1 DAY",
        "{line_bell}": _bell("line", "day_number"),
        "{service_bell}": _bell("sway_key", "day_number"),
        "{size}": _unit("line"),
        "{lateness}": _unit("sway_key", "day_number + 1"),
    }.items():
        sql = sql.replace(place, text)
    return sql


def _column(column: str) -> str:
    return f"{COMPUTED[column]} AS {column}" if column in COMPUTED else column


def _hour_weight() -> str:
    """Return SQL for an hour's share of its day; noise moves quantity between the two hours of a pair."""
    cases = " ".join(
        f"WHEN '{name}' THEN {list(weights)}[hour + 1]" for name, weights in HOUR_WEIGHTS.items()
    )
    lean = f"IF(noise > 0, 1 + (0.8 * {_unit('line', 'day_number', 'hour // 2')} - 0.4) * (1 - 2 * (hour % 2)), 1.0)"
    return f"CASE WHEN monthly THEN 1.0 ELSE CASE hours {cases} END / 24.0 * {lean} END"


def _bell(*keys: str) -> str:
    """Return SQL for noise of standard deviation 1 within +-3.46: the sum of four 16-bit parts of a hash."""
    dice = f"hash({', '.join(keys)}, $seed)"
    parts = " + ".join(f"(({dice} >> {shift}) & 65535)" for shift in (0, 16, 32, 48))
    return f"(({parts}) / 37837.0 - 3.4641)"


def _unit(*keys: str) -> str:
    """Return SQL for a pseudo-random number in [0, 1)."""
    return f"((hash({', '.join(keys)}, $seed) >> 32) / 4294967296.0)"


SKELETON = """
WITH resources AS (
    SELECT
        template,
        unnest(range(greatest($from_line, first_line), least($to_line, first_line + copies))) AS line,
        greatest(IF(billed_a_month_later, $before_from_day, $from_day), first_day) AS from_day,
        least(IF(billed_a_month_later, $before_to_day, $to_day), last_day) AS to_day
    FROM lines
    WHERE first_line < $to_line AND first_line + copies > $from_line
),
resource_days AS (
    SELECT template, line, unnest(range(from_day, to_day)) AS day_number
    FROM resources
    WHERE from_day < to_day
),
resource_hours AS (
    SELECT *, {hours} AS hour, DATE '1970-01-01' + CAST(day_number AS INTEGER) AS charge_date
    FROM resource_days
),
weighted AS (
    SELECT
        lines.* EXCLUDE (first_day),
        line,
        day_number,
        charge_date + to_hours(CAST(hour AS BIGINT)) AS charge_from,
        week[1 + (day_number + 3) % 7] * {hour_weight} AS weight
    FROM resource_hours
    INNER JOIN lines USING (template)
    WHERE (every = 1 OR (day_number - first_day) % every = 0)
        AND (NOT monthly OR (day(charge_date) = 1 AND hour = 0))
        -- the newest day of one small resource in eight has not been delivered at all
        AND NOT (copies > 1 AND day_number = $as_of_day - 1 AND hash(line, $seed) % 8 = 0)
),
quantities AS (
    SELECT
        *,
        CAST(charge_from AS TIMESTAMP_MS) AS charge_start,
        CAST(charge_from + IF(monthly, INTERVAL 1 MONTH, {period}) AS TIMESTAMP_MS) AS charge_end,
        daily * weight * power(1 + growth, day_number - $middle_day)
        * (1 + noise * {line_bell})
        * (1 + sway * {service_bell})
        * IF(copies > 1, 0.4 + 1.2 * {size}, 1.0)
        * CASE
            WHEN NOT comes_late THEN 1.0
            WHEN day_number = $as_of_day - 1 THEN 0.35 + 0.25 * {lateness}
            WHEN day_number = $as_of_day - 2 THEN 0.85 + 0.12 * {lateness}
            ELSE 1.0
        END AS quantity
    FROM weighted
    WHERE weight > 0
)
SELECT
    {columns}
FROM quantities
"""


def as_csv(select: str) -> str:
    """Return SQL for the rows as AWS writes them to CSV: maps as JSON, timestamps in UTC with a Z."""
    shown = {column: f"CAST(to_json({column}) AS VARCHAR) AS {column}" for column in MAPS}
    shown |= {column: f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ') AS {column}" for column in TIMESTAMPS}
    return f"SELECT {', '.join(shown.get(column, column) for column in COLUMNS)} FROM ({select})"
