"""The SQL statements of a scan, so that a test creates only the tables that they read: creating all takes longer."""

from focuswatch.catalog.sql_catalog import Catalog

EXPLAINED = ("cost_drivers", "finding_charge_categories", "started_and_stopped", "token_calls_of_increase")
COVERED = "SELECT * FROM completeness"


def statements_of_explanations(catalog: Catalog) -> list[str]:
    """Return the statements that determine root causes."""
    return [catalog.lookups[name].sql for name in EXPLAINED]


def statements_of_scan(catalog: Catalog, *detections: str) -> list[str]:
    """Return the statements of a scan with these detections, for owners who announce no launches."""
    own = [catalog.detection(id).sql for id in detections]
    return [*own, *statements_of_explanations(catalog), catalog.lookups["resolved_costs"].sql, COVERED]
