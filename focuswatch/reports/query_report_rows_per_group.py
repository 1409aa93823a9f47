"""Run a report once for each team, use case, intent or provider, on the charges of that group only.

The report's SQL runs unchanged on tables that contain one group's charges, so percentages are shares of the group. Only
DuckDB is supported: on other engines, each group would read the whole bill.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Literal

from focuswatch.bill.schema.columns_of_all_tables import COMPUTED_TABLES
from focuswatch.catalog.sql_catalog import Catalog, Report
from focuswatch.engines import Row
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.known_findings_rows_from_ledger import TABLE, reads_ledger
from focuswatch.reports.month_close_model_with_report_rows_and_notes import UNALLOCATED
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import Basis, wrap_on_basis
from focuswatch.reports.team_and_use_case_of_charge import AccountPeriod, account_periods, assigned

By = Literal["team", "use_case", "intent", "provider"]
OWN_BASIS = Basis()
UNNAMED = {"team": UNALLOCATED, "use_case": "(no use case)", "intent": "(no intent)"}
# Completeness is determined per account, regardless of who owns its charges.
NOT_SPLIT = ("completeness",)
# A charge belongs to the owner that its account had on the day of the charge. An account that is not in the table
# account_periods has one period.
KEYS = """
CREATE OR REPLACE TABLE charge_keys AS
SELECT row_number() OVER () AS key_id, *
FROM (
    SELECT
        charges.SubAccountId,
        charges.ResourceId,
        charges.Tags,
        periods.valid_from,
        coalesce(periods.valid_from, DATE '1900-01-01') AS first_day,
        coalesce(periods.valid_to, DATE '9999-12-31') AS end_day,
        sum(charges.EffectiveCost) AS effective_cost
    FROM folded_charges AS charges
    LEFT JOIN account_periods AS periods
        ON charges.SubAccountId = periods.sub_account_id
        AND charges.charge_date >= periods.valid_from
        AND charges.charge_date < periods.valid_to
    GROUP BY ALL
)
"""
# Groups are ordered by waste, because amounts of other categories cannot be added up.
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
    AND folded_charges.charge_date >= charge_keys.first_day
    AND folded_charges.charge_date < charge_keys.end_day
INNER JOIN charge_parts ON charge_keys.key_id = charge_parts.key_id
WHERE charge_parts.part = {part}
"""
PROVIDER = "coalesce(trim(ProviderName), 'AWS')"
PROVIDERS = f"""
SELECT {PROVIDER} AS provider, sum(EffectiveCost) AS cost
FROM folded_charges
GROUP BY 1
ORDER BY cost DESC, provider
"""
FINDINGS_OF_PART = """
SELECT * FROM main.known_findings WHERE {by} IS NOT DISTINCT FROM {value} {and_team}
"""


def unsplittable(report: Report, catalog: Catalog) -> str | None:
    """Return why a report cannot be split; None if it can."""
    tables = {name: table.sql for name, table in catalog.tables.items()}
    read = tables_read_by(report.sql, tables)
    if not read.isdisjoint(("principal_charges", "request_metadata_days")):
        return "--by can split only charges, but this report reads callers."
    if "token_hours" in tables_read_by(report.sql, {"token_hours": "", **tables}):
        return "--by can split only charges, but this report reads hourly token counts."
    if reads_ledger(report) and "folded_charges" in read:
        return "this report combines charges with findings, and already shows the team of each row."
    return None


def split_rows(
    report: Report,
    *,
    by: By,
    engine: DuckDbEngine,
    catalog: Catalog,
    owners: Owners,
    as_of: date,
    basis: Basis = OWN_BASIS,
) -> list[Row]:
    """Return the report's rows for each group, highest cost first, with `by` as their first column."""
    rows = []
    parts = _parts(report, by=by, engine=engine, catalog=catalog, owners=owners, as_of=as_of, basis=basis)
    for part, tables in parts:
        part_rows = report_rows(report, engine=engine, as_of=as_of, owners=owners, tables=tables)
        rows += [
            {by: part, **{name: value for name, value in row.items() if name != by}} for row in part_rows
        ]
    return rows


def _parts(
    report: Report,
    *,
    by: By,
    engine: DuckDbEngine,
    catalog: Catalog,
    owners: Owners,
    as_of: date,
    basis: Basis,
) -> list[tuple[str, Mapping[str, str]]]:
    """Return every group with the SELECTs that limit the tables to its charges or findings."""
    if by == "provider":
        derived = _derived(catalog, as_of=as_of)
        providers = [row["provider"] for row in engine.query(PROVIDERS, label="providers")]
        return [
            (name, {"folded_charges": wrap_on_basis(_of_provider(name), basis, report=report), **derived})
            for name in providers
        ]
    if reads_ledger(report):
        return [(part, {TABLE: select}) for part, select in _parts_of_findings(engine, by=by)]
    derived = _derived(catalog, as_of=as_of)
    parts = _parts_of_charges(engine, by=by, owners=owners)
    return [(part, {"folded_charges": _folded(part, basis, report=report), **derived}) for part in parts]


def _folded(part: str, basis: Basis, *, report: Report) -> str:
    return wrap_on_basis(OF_PART.format(part=literal(part)), basis, report=report)


def _derived(catalog: Catalog, *, as_of: date) -> dict[str, str]:
    """Return the SELECTs of the tables that are derived from a group's charges."""
    return {
        name: catalog.tables[name].render({"as_of": as_of})
        for name in COMPUTED_TABLES
        if name not in NOT_SPLIT
    }


def _of_provider(name: str) -> str:
    return f"SELECT * FROM main.folded_charges WHERE {PROVIDER} = {literal(name)}"


def _parts_of_charges(engine: DuckDbEngine, *, by: By, owners: Owners) -> list[str]:
    """Assign each combination of account period, resource and tags to a group, and return the groups by cost."""
    import numpy as np

    connection, periods = engine.connection, account_periods(engine)  # also creates the view that KEYS reads
    connection.execute(KEYS)
    keys = connection.execute(
        "SELECT key_id, SubAccountId, valid_from, ResourceId, Tags, effective_cost FROM charge_keys"
    ).fetchall()
    ids, parts, costs = [], [], defaultdict[str, float](float)
    for key_id, account_id, valid_from, resource_id, tags, cost in keys:
        period = AccountPeriod(account_id, valid_from)
        assignment = assigned(owners, periods=periods, period=period, tags=tags, resource_id=resource_id)
        part = _name(by, **assignment._asdict())
        ids.append(key_id)
        parts.append(part)
        costs[part] += cost or 0.0
    columns = {"key_id": np.array(ids, dtype=np.int64), "part": np.array(parts, dtype=object)}
    connection.register("assigned_parts", columns)
    connection.execute("CREATE OR REPLACE TABLE charge_parts AS SELECT * FROM assigned_parts")
    connection.unregister("assigned_parts")
    return sorted(costs, key=lambda part: (-costs[part], part))


def _parts_of_findings(engine: DuckDbEngine, *, by: By) -> list[tuple[str, str]]:
    """Return the groups of findings with a SELECT for each, highest waste first."""
    costs: dict[str, float] = defaultdict(float)
    selects = {}
    for row in engine.query(FINDING_PARTS, label="parts of the findings"):
        part = _name(by, **{name: row[name] for name in UNNAMED})
        costs[part] += row["cost"]
        and_team = ""
        if by == "intent" and row["intent"] is None:
            and_team = f"AND team IS {'' if row['team'] is None else 'NOT '}NULL"
        selects[part] = FINDINGS_OF_PART.format(by=by, value=literal(row[by]), and_team=and_team)
    return sorted(selects.items(), key=lambda item: (-costs[item[0]], item[0]))


def _name(by: By, *, team: str | None, use_case: str | None, intent: str | None) -> str:
    """Return the name of a group, as in the report `portfolio`."""
    value = {"team": team, "use_case": use_case, "intent": intent}[by]
    if value is None and by == "intent" and team is None:
        return UNALLOCATED
    return UNNAMED[by] if value is None else value
