"""Query the names, OU paths and tags of accounts that have charges in the bill."""

from collections.abc import Iterable, Iterator

from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import literals, portions

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
    """Yield the columns `sub_account_id`, `name`, `ou_path` and `tags` of the accounts that have charges.

    Long lists of IDs are split over several statements, because Athena limits the length of a statement.
    """
    for portion in portions((id,) for id in sorted(ids)):
        listed = literals([id for (id,) in portion])
        yield from engine.query(ACCOUNTS.format(account_ids=listed), label=label)


def account_names(engine: Engine, ids: Iterable[str | None]) -> dict[str, str]:
    """Return account names by ID. Raises QueryError.

    The name in the table `accounts` takes precedence over the latest name in the bill.
    """
    rows = rows_of_accounts(engine, {id for id in ids if id}, label="names of accounts")
    return {row["sub_account_id"]: row["name"] for row in rows if row["name"]}
