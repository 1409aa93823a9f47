"""Write the sums that a collector computes from model invocation logs: tokens by model, caller, run and customer.

Only some accounts log their calls. The logs contain most of the account's tokens, under the model IDs that callers use.
Batch inference and the bedrock-mantle endpoint are not logged.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.simulate.bedrock_model_ids_by_bill_name import MODEL_IDS
from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.writing.read_bedrock_charges_from_export import export_source
from focuswatch.simulate.writing.write_companion_rows_to_parquet_file import write_rows

INVOCATIONS = {
    "usage_date": "DATE",
    "sub_account_id": "VARCHAR",
    "region_id": "VARCHAR",
    "model_id": "VARCHAR",
    "iam_principal": "VARCHAR",
    "metadata": "MAP(VARCHAR, VARCHAR)",
    "invocations": "BIGINT",
    "counted_invocations": "BIGINT",
    "input_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "cache_read_tokens": "BIGINT",
    "cache_write_tokens": "BIGINT",
}
LOGGED_ACCOUNTS = 3
LOGGED_DAYS = 35
# Share of an account's tokens in the log. The other calls were made before logging was enabled in a Region.
LOGGED_SHARE = 0.85
TOKENS_A_CALL = 4_000
KINDS = (
    (r"cache[-_]?read", "cache_read_tokens"),
    (r"cache[-_]?write", "cache_write_tokens"),
    (r"output", "output_tokens"),
    (r"input", "input_tokens"),
)
RUNS = ((0.4, "acme"), (0.3, "globex"), (0.2, "initech"), (0.1, None))  # share of the tokens, customer
CHARGES = """
SELECT
    CAST(ChargePeriodStart AS date) AS day, SubAccountId, RegionId, SkuMeter, ServiceName, ResourceId,
    sum(CAST(ConsumedQuantity AS double)) AS quantity
FROM {source}
WHERE CAST(ChargePeriodStart AS date) >= {first} AND regexp_matches(SkuMeter, '(?i)token')
    AND NOT regexp_matches(SkuMeter, '(?i)mantle|batch|provisioned|guardrail')
    AND ServiceName LIKE '%Bedrock%' AND ChargeCategory = 'Usage' AND ChargeClass IS DISTINCT FROM 'Correction'
GROUP BY ALL
HAVING quantity > 0
ORDER BY ALL
"""
Calls = tuple[date, str, str, str]  # day, account, region, model


def write_invocations(files: Iterable[Path], path: Path, *, calendar: Calendar) -> None:
    """Write the token sums of the first accounts with Bedrock charges, for the newest days."""
    first = literal(max(calendar.ago(LOGGED_DAYS), calendar.first))
    with duckdb.connect() as connection:
        charges = connection.execute(CHARGES.format(source=export_source(files), first=first)).fetchall()
    logged = sorted({account for _, account, *_ in charges})[:LOGGED_ACCOUNTS]
    write_rows(
        _rows(tokens_by_call(charge for charge in charges if charge[1] in logged)), path, columns=INVOCATIONS
    )


def tokens_by_call(charges: Iterable[tuple[Any, ...]]) -> dict[Calls, dict[str, float]]:
    """Return the tokens by kind for each day, account, Region and model. Charges of unknown models are left out."""
    tokens: dict[Calls, dict[str, float]] = {}
    for day, account, region, meter, service, resource, quantity in charges:
        model = _model_id(meter, service, resource)
        kind = next((name for pattern, name in KINDS if re.search(pattern, meter, re.IGNORECASE)), None)
        if model is None or kind is None:
            continue
        kinds = tokens.setdefault((day, account, region, model), {})
        per_unit = 1_000_000 if "MP:" in meter else 1_000
        kinds[kind] = kinds.get(kind, 0.0) + quantity * per_unit
    return tokens


def _model_id(meter: str, service: str, resource: str | None) -> str | None:
    if resource and ":application-inference-profile/" in resource:
        return resource
    return next((id_ for name, id_ in MODEL_IDS.items() if name in meter or name in service), None)


def _rows(tokens: dict[Calls, dict[str, float]]) -> Iterator[dict[str, Any]]:
    for (day, account, region, model), kinds in sorted(tokens.items()):
        for number, (share, customer) in enumerate(RUNS):
            logged = {name: round(count * LOGGED_SHARE * share) for name, count in kinds.items()}
            calls = max(1, sum(logged.values()) // TOKENS_A_CALL)
            metadata = {"customer": customer, "run_id": f"run-{day}-{number}"} if customer else {}
            yield {
                "usage_date": str(day),
                "sub_account_id": account,
                "region_id": region,
                "model_id": model,
                "iam_principal": f"arn:aws:sts::{account}:assumed-role/assistant-api/session",
                "metadata": metadata,
                "invocations": calls,
                "counted_invocations": calls,
            } | {name: logged.get(name, 0) for _, name in KINDS}
