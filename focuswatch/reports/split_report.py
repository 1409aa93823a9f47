"""A report once more for each team, use case or intent: over the charges that are its, and over no others.

The report's own statement is asked as it stands, with the tables made of a part of the bill; so every report can be
split, and its shares are shares of the part. On the embedded engine alone: elsewhere every part would read the bill.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from focuswatch.bill.schema.table_columns import MADE
from focuswatch.catalog.catalog import Catalog, Report
from focuswatch.engines import Row
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.sql_literals import literal
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.findings_table import TABLE, reads_ledger
from focuswatch.reports.run_report import rows_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

By = Literal["team", "use_case", "intent"]
NOBODYS = "(nobody's)"
NOT_SAID = {"team": NOBODYS, "use_case": "(no use case)", "intent": "(not said)"}
# Days settle by account, whoever's its charges are; launches and plans are whole use cases already.
WHOLE = ("completeness",)
KEYS = """
CREATE OR REPLACE TABLE charge_keys AS
SELECT row_number() OVER () AS key_id, *
FROM (
    SELECT SubAccountId, ResourceId, Tags, sum(EffectiveCost) AS effective_cost
    FROM folded_charges
    GROUP BY ALL
)
"""
# By the waste in each: amounts of other categories mean something else.
FINDING_PARTS = f"""
SELECT team, use_case, intent, sum(CASE WHEN category = 'waste' THEN monthly_cost ELSE 0 END) AS cost
FROM {TABLE}
GROUP BY ALL
"""
OF_PART = """
SELECT folded_charges.*
FROM main.folded_charges
INNER JOIN charge_keys
    ON folded_charges.SubAccountId IS NOT DISTINCT FROM charge_keys.SubAccountId
    AND folded_charges.ResourceId IS NOT DISTINCT FROM charge_keys.ResourceId
    AND folded_charges.Tags IS NOT DISTINCT FROM charge_keys.Tags
INNER JOIN charge_parts ON charge_keys.key_id = charge_parts.key_id
WHERE charge_parts.part = {part}
"""
FINDINGS_OF_PART = """
SELECT * FROM main.known_findings WHERE {by} IS NOT DISTINCT FROM {value} {and_team}
"""


def split_rows(
    report: Report, *, by: By, engine: DuckDbEngine, catalog: Catalog, owners: Owners, as_of: date
) -> list[Row]:
    """The report's rows for each part, the costliest part first, with `by` as their first column."""
    rows = []
    for part, tables in _parts(report, by=by, engine=engine, catalog=catalog, owners=owners, as_of=as_of):
        found = rows_of(report, engine=engine, as_of=as_of, owners=owners, tables=tables)
        rows += [{by: part, **{name: value for name, value in row.items() if name != by}} for row in found]
    return rows


def _parts(
    report: Report, *, by: By, engine: DuckDbEngine, catalog: Catalog, owners: Owners, as_of: date
) -> list[tuple[str, Mapping[str, str]]]:
    """Every part with the tables that hold it alone."""
    if reads_ledger(report):
        return [(part, {TABLE: select}) for part, select in _of_findings(engine, by=by)]
    made = {name: catalog.tables[name].render({"as_of": as_of}) for name in MADE if name not in WHOLE}
    parts = _of_charges(engine.connection, by=by, owners=owners)
    return [(part, {"folded_charges": OF_PART.format(part=literal(part)), **made}) for part in parts]


def _of_charges(connection: "DuckDBPyConnection", *, by: By, owners: Owners) -> list[str]:
    """Put each account, resource and map of tags into its part; the parts by cost."""
    import numpy as np

    known = connection.execute("SELECT sub_account_id, tags, ou_path FROM accounts").fetchall()
    accounts = {id: (tags or {}, ou_path) for id, tags, ou_path in known}
    connection.execute(KEYS)
    keys = connection.execute("SELECT * FROM charge_keys").fetchall()
    ids, parts, costs = [], [], defaultdict[str, float](float)
    for key_id, account_id, resource_id, tags, cost in keys:
        account_tags, ou_path = accounts.get(account_id, ({}, None))
        whose: dict[str, Any] = {"tags": tags, "account_id": account_id, "account_tags": account_tags}
        team, _ = owners.owner(**whose, ou_path=ou_path)
        use_case, intent = owners.purpose(**whose, resource_id=resource_id, team=team)
        part = _name(by, team=team, use_case=use_case, intent=intent)
        ids.append(key_id)
        parts.append(part)
        costs[part] += cost or 0.0
    made = {"key_id": np.array(ids, dtype=np.int64), "part": np.array(parts, dtype=object)}
    connection.register("made_parts", made)
    connection.execute("CREATE OR REPLACE TABLE charge_parts AS SELECT * FROM made_parts")
    connection.unregister("made_parts")
    return sorted(costs, key=lambda part: (-costs[part], part))


def _of_findings(engine: DuckDbEngine, *, by: By) -> list[tuple[str, str]]:
    """The parts that findings are in, and a SELECT of each."""
    costs: dict[str, float] = defaultdict(float)
    selects = {}
    for row in engine.query(FINDING_PARTS, label="parts of the findings"):
        part = _name(by, **{name: row[name] for name in NOT_SAID})
        costs[part] += row["cost"]
        and_team = ""
        if by == "intent" and row["intent"] is None:
            and_team = f"AND team IS {'' if row['team'] is None else 'NOT '}NULL"
        selects[part] = FINDINGS_OF_PART.format(by=by, value=literal(row[by]), and_team=and_team)
    return sorted(selects.items(), key=lambda one: (-costs[one[0]], one[0]))


def _name(by: By, *, team: str | None, use_case: str | None, intent: str | None) -> str:
    """What a part is called, as the report portfolio calls it."""
    said = {"team": team, "use_case": use_case, "intent": intent}[by]
    if said is None and by == "intent" and team is None:
        return NOBODYS
    return NOT_SAID[by] if said is None else said
