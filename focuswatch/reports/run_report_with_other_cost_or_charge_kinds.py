"""Run a report on another basis: with a different cost column, or with different kinds of charges.

The report's SQL stays the same. It runs on replaced tables in which BilledCost takes the place of EffectiveCost, or in
which fees, credits or tax count as usage or are left out. The rows and rules of a report are therefore the same on
every basis that it offers.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import tables_as_of
from focuswatch.bill.schema.columns_of_all_tables import FOLDED_CHARGES, STORED_TABLES
from focuswatch.catalog.sql_catalog import Catalog, Report
from focuswatch.catalog.sql_header_models import (
    CHARGES,
    COST_COLUMNS,
    CostColumn,
    CountedCharges,
    charges_text,
)
from focuswatch.engines import Engine, Row
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.quote_sql_identifier import quoted
from focuswatch.engines.values_as_sql_literals import literals
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file import Owners

# Kinds of charges, classified as in athena_sql/tables/owned_days.sql.
KIND = """CASE
        WHEN ChargeCategory = 'Tax' THEN 'tax'
        WHEN ChargeCategory = 'Credit' THEN 'credits'
        WHEN ChargeCategory = 'Purchase' OR ChargeFrequency IN ('Recurring', 'One-Time') THEN 'fees'
        ELSE 'usage'
    END"""
OPTION = "--"  # prefix of option names


@dataclass(frozen=True)
class Basis:
    """A cost column and kinds of charges that replace those of a report; None keeps those of the report."""

    cost: CostColumn | None = None
    charges: tuple[CountedCharges, ...] | None = None

    @property
    def is_default(self) -> bool:
        """Return whether this is the report's own basis."""
        return self == Basis()


def basis_of(
    report: Report,
    *,
    cost: CostColumn | None,
    charges: Collection[CountedCharges] | None,
    prefix: str = OPTION,
) -> Basis:
    """Return the requested basis of a report. Raises ConfigError if the report does not offer it.

    Error messages put `prefix` before the names `cost` and `charges`: `--` for options, nothing for arguments.
    """
    offers, others = report.header.offers, offered_bases(report, prefix=prefix)
    if cost and cost not in offers.cost:
        raise ConfigError(f"{prefix}cost {cost} is not available for {report.id}. {others}")
    offered = {*offers.charges, *offers.more}
    if charges and (missing := [kind for kind in charges if kind not in offered]):
        raise ConfigError(f"{prefix}charges {','.join(missing)} is not available for {report.id}. {others}")
    counted = tuple(kind for kind in CHARGES if charges and kind in charges)
    return Basis(
        None if offers.cost[:1] == [cost] else cost,
        None if not counted or set(counted) == set(offers.charges) else counted,
    )


def basis_text(report: Report, basis: Basis) -> str:
    """Return the description of a report's basis, adapted to `basis`."""
    header, text = report.header, report.header.basis
    if basis.cost:
        text = text.replace(COST_COLUMNS[header.offers.cost[0]], COST_COLUMNS[basis.cost])
    if basis.charges:
        text = text.replace(charges_text(header.offers.charges), charges_text(basis.charges))
    return text


def offered_bases(report: Report, *, prefix: str = OPTION) -> str:
    """Return in one line which other bases a report offers, and why it offers no more.

    `prefix` is that of basis_of.
    """
    offers = report.header.offers
    options = []
    if len(offers.cost) > 1:
        options.append(f"{prefix}cost {' or '.join(offers.cost)}")
    if offers.charges:
        options.append(
            f"{prefix}charges {','.join(kind for kind in CHARGES if kind in {*offers.charges, *offers.more})}"
        )
    none = "For this report, you cannot choose the cost column or the kinds of charges."
    offered = f"Available options: {'; '.join(options)}." if options else none
    return f"{offered} {offers.limits}" if offers.limits else offered


def engine_with_basis(
    engine: Engine, basis: Basis, *, report: Report, catalog: Catalog, owners: Owners, as_of: date
) -> Engine:
    """Return an engine whose tables count charges on `basis`.

    The table `completeness` is not replaced: which days are complete does not depend on the basis.
    """
    if basis.is_default:
        return engine
    derived = tables_as_of(catalog, as_of=as_of, names_resources=owners.names_resources)
    del derived["completeness"]
    counted = {
        name: select_on_basis(f"{_schema_prefix(engine)}{name}", shape, basis, report=report)
        for name, shape in STORED_TABLES.items()
    }
    return engine.over({**counted, **engine.tables, **derived})


def select_on_basis(table: str, shape: Mapping[str, str], basis: Basis, *, report: Report) -> str:
    """Return a SELECT of a table of charges that counts charges on `basis`."""
    offers = report.header.offers
    defaults = set(offers.charges)
    counted = set(basis.charges or defaults)
    as_usage = [kind for kind in CHARGES if kind in counted - defaults]
    left_out = [kind for kind in CHARGES if kind in defaults - counted]
    values: dict[str, str] = {}
    if basis.cost:
        values[COST_COLUMNS[offers.cost[0]]] = COST_COLUMNS[basis.cost]
    if as_usage:
        is_counted = f"{KIND} IN ({literals(as_usage)})"
        values["ChargeCategory"] = f"CASE WHEN {is_counted} THEN 'Usage' ELSE ChargeCategory END"
        values["ChargeFrequency"] = f"CASE WHEN {is_counted} THEN 'Usage-Based' ELSE ChargeFrequency END"
    columns = ",\n    ".join(f"{values[name]} AS {name}" if name in values else name for name in shape)
    where = f"\nWHERE {KIND} NOT IN ({literals(left_out)})" if left_out else ""
    return f"SELECT\n    {columns}\nFROM {table}{where}"


def wrap_on_basis(select: str, basis: Basis, *, report: Report) -> str:
    """Wrap a SELECT of `folded_charges` so that it counts charges on `basis`."""
    return (
        select
        if basis.is_default
        else select_on_basis(f"({select}) AS part", FOLDED_CHARGES, basis, report=report)
    )


def rows_with_basis(rows: list[Row], basis: Basis, *, report: Report) -> list[Row]:
    """Return the rows with the cost column in their column names replaced by that of `basis`."""
    if not basis.cost:
        return rows
    before = f"{report.header.offers.cost[0]}_cost"
    return [
        {name.replace(before, f"{basis.cost}_cost"): value for name, value in row.items()} for row in rows
    ]


def _schema_prefix(engine: Engine) -> str:
    """Return the schema prefix of stored tables, so that a name means the table and not the SELECT of that name."""
    if isinstance(engine, DuckDbEngine):
        return "main."
    return f"{quoted(engine.database)}." if isinstance(engine, AthenaEngine) else ""
