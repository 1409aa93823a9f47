"""Separate AWS charges from charges of other providers, and describe the other charges in a warning.

Detections of AWS resources evaluate AWS charges only.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb  # Lambda functions import this module without DuckDB

# A charge without a provider counts as an AWS charge. This condition runs on DuckDB and on Trino;
# focus_column_expressions.IS_NAME_OF_AWS runs on DuckDB only.
IS_AWS = (
    "(lower(trim(ProviderName)) LIKE 'aws%' OR lower(trim(ProviderName)) LIKE 'amazon%' "
    "OR coalesce(trim(ProviderName), '') = '')"
)
# Each account with its main provider, the one with the most charges.
PROVIDER_OF_ACCOUNT = """
SELECT account, provider
FROM (
    SELECT
        SubAccountId AS account,
        coalesce(ProviderName, 'AWS') AS provider,
        row_number() OVER (
            PARTITION BY SubAccountId ORDER BY sum(charges) DESC, coalesce(ProviderName, 'AWS')
        ) AS place
    FROM {table}
    GROUP BY SubAccountId, coalesce(ProviderName, 'AWS')
) AS providers
WHERE place = 1
"""


def probe_providers(connection: "duckdb.DuckDBPyConnection", *, table: str) -> dict[str, int]:
    """Return the number of charges of each provider other than AWS in `table`."""
    rows = connection.execute(
        f"SELECT ProviderName, CAST(sum(charges) AS bigint) FROM {table} WHERE NOT {IS_AWS} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return dict(rows)


def other_providers_warning(providers: Iterable[Mapping[str, int]], *, charges: int) -> str | None:
    """Return a warning about charges of providers other than AWS; None if all charges are AWS charges."""
    counts = total_charges_by_provider(providers)
    if not counts:
        return None
    others = sum(counts.values())
    names = [f"{name}'s" for name in sorted(counts, key=lambda name: (-counts[name], name))]
    named = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return (
        f"{others:,} of {charges:,} charges {'is' if others == 1 else 'are'} {named}. Anomaly detection, "
        "budgets, new-service detection, AI spend and reports include these charges. Detections for AWS "
        "resources ignore these charges"
    )


def total_charges_by_provider(providers: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the number of charges of each provider other than AWS, added up over all units."""
    counts: dict[str, int] = {}
    for unit in providers:
        for name, count in unit.items():
            counts[name] = counts.get(name, 0) + count
    return counts


def create_aws_only_views(
    connection: "duckdb.DuckDBPyConnection", *, of: "duckdb.DuckDBPyConnection"
) -> None:
    """Create the views `folded_charges` and `kept_*` of the connection `of` on `connection`, with AWS charges only.

    The rows of a kept table can be filtered like charges, because the provider is part of their key.
    """
    views = of.execute(
        "SELECT view_name, sql FROM duckdb_views() WHERE NOT temporary "
        "AND (view_name = 'folded_charges' OR starts_with(view_name, 'kept_'))"
    ).fetchall()
    for name, sql in views:
        connection.execute(str(sql))
        connection.execute(f"ALTER VIEW {name} RENAME TO all_{name}")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM all_{name} WHERE {IS_AWS}")
