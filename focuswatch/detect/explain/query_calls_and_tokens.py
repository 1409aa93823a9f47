"""Query the calls and tokens of cost increases of Bedrock tokens, and split the increases into token drivers."""

from collections.abc import Sequence

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Scalar, Value
from focuswatch.findings.split_token_cost_increase import TokenDrivers, TokenUse, split_token_cost

KINDS = {"input": "input", "output": "output", "cache read": "read", "cache write": "write"}
# Maximum difference relative to the tokens on the bill; above it, CloudWatch counted other calls than the bill charges.
MOST_DIFFERENCE = 0.1


def query_token_drivers(
    increases: Sequence[CostIncrease], *, engine: Engine, catalog: Catalog
) -> dict[str, TokenDrivers]:
    """Return token drivers by fingerprint, if CloudWatch and the bill agree on the tokens before and during it.

    They disagree if activity was not collected, or if calls use the bedrock-mantle endpoint. Raises QueryError.
    """
    if not increases:
        return {}
    values: dict[str, Value] = {
        "rises": [_row(increase) for increase in increases],
        "first_day": min(increase.before_from for increase in increases),
        "end_day": max(increase.end_day for increase in increases),
    }
    uses: dict[str, dict[bool, TokenUse]] = {}
    for row in engine.query(
        catalog.lookups["token_calls_of_increase"].render(values), label="explanations, calls and tokens"
    ):
        if _agree(use := _use(row), row["counted_tokens"]):
            uses.setdefault(row["fingerprint"], {})[bool(row["is_during"])] = use
    return {
        fingerprint: drivers
        for fingerprint, use_of in uses.items()
        if use_of.keys() == {False, True} and (drivers := split_token_cost(use_of[False], use_of[True]))
    }


def is_token_meter(driver: Row) -> bool:
    """Return whether a cost driver is a meter of Bedrock tokens."""
    return "Bedrock" in (driver["service_name"] or "") and "token" in (driver["meter"] or "").lower()


def _row(increase: CostIncrease) -> tuple[Scalar, ...]:
    return (
        *increase.identity,
        increase.before_from,
        increase.first_day,
        increase.end_day,
    )


def _use(row: Row) -> TokenUse:
    return TokenUse(
        calls=float(row["calls"]),
        refused_calls=float(row["refused_calls"]),
        million_tokens={kind: float(row[f"{name}_tokens"]) for kind, name in KINDS.items()},
        costs={kind: float(row[f"{name}_cost"]) for kind, name in KINDS.items()},
    )


def _agree(use: TokenUse, counted_tokens: float) -> bool:
    return abs(counted_tokens - use.tokens) <= MOST_DIFFERENCE * use.tokens
