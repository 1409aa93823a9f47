"""Names, OU paths and tags of accounts, read from the tables for the accounts that findings or reports name."""

from collections.abc import Iterable, Iterator

from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_values import literals, portions

ACCOUNTS = """
SELECT billed.sub_account_id, coalesce(accounts.name, billed.name) AS name, accounts.ou_path, accounts.tags
FROM (
    SELECT
        SubAccountId AS sub_account_id,
        max_by(SubAccountName, charge_date) FILTER (WHERE SubAccountName IS NOT NULL) AS name
    FROM daily_services
    WHERE SubAccountId IN ({account_ids})
    GROUP BY 1
) AS billed
LEFT JOIN accounts ON billed.sub_account_id = accounts.sub_account_id
"""


def rows_of_accounts(engine: Engine, ids: Iterable[str], *, label: str) -> Iterator[Row]:
    """Yield `sub_account_id, name, ou_path, tags` of accounts, in statements short enough for Athena."""
    for portion in portions((id,) for id in sorted(ids)):
        listed = literals([id for (id,) in portion])
        yield from engine.query(ACCOUNTS.format(account_ids=listed), label=label)


def account_names(engine: Engine, ids: Iterable[str | None]) -> dict[str, str]:
    """Return the names of accounts by id, as the list of accounts or else the bill has them. Raises QueryError."""
    rows = rows_of_accounts(engine, {id for id in ids if id}, label="names of accounts")
    return {row["sub_account_id"]: row["name"] for row in rows if row["name"]}
