"""Handle charges of providers other than AWS, which detections of AWS resources do not evaluate."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb  # functions on AWS import this module, and have no DuckDB

# A row without a provider is taken for AWS's. The same on DuckDB and on Trino; focus_columns.IS_AWS is DuckDB's alone.
IS_AWS = (
    "(lower(trim(ProviderName)) LIKE 'aws%' OR lower(trim(ProviderName)) LIKE 'amazon%' "
    "OR coalesce(trim(ProviderName), '') = '')"
)
# Each account with its main provider.
PROVIDER_OF_ACCOUNT = """
SELECT SubAccountId AS account, max_by(coalesce(ProviderName, 'AWS'), charges) AS provider
FROM {table}
GROUP BY 1
"""


def probe_providers(connection: "duckdb.DuckDBPyConnection", *, table: str) -> dict[str, int]:
    """Return the charges of every provider other than AWS in `table`, by name."""
    rows = connection.execute(
        f"SELECT ProviderName, CAST(sum(charges) AS bigint) FROM {table} WHERE NOT {IS_AWS} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return dict(rows)


def sentence(providers: Iterable[Mapping[str, int]], *, charges: int) -> str | None:
    """Return what to know of an export with these charges of other providers; None where all are AWS's."""
    counts = counts_of(providers)
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


def counts_of(providers: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the charges of every provider other than AWS in all units together."""
    counts: dict[str, int] = {}
    for unit in providers:
        for name, count in unit.items():
            counts[name] = counts.get(name, 0) + count
    return counts


def aws_only(connection: "duckdb.DuckDBPyConnection", *, of: "duckdb.DuckDBPyConnection") -> None:
    """Make `folded_charges` and `kept_*` on `connection` of the AWS charges in those of another connection.

    The provider is part of the key of each kept table, so that its rows can be filtered like charges.
    """
    views = of.execute(
        "SELECT view_name, sql FROM duckdb_views() WHERE NOT temporary "
        "AND (view_name = 'folded_charges' OR starts_with(view_name, 'kept_'))"
    ).fetchall()
    for name, sql in views:
        connection.execute(str(sql))
        connection.execute(f"ALTER VIEW {name} RENAME TO all_{name}")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM all_{name} WHERE {IS_AWS}")
