"""The ledger's findings as a table of the local engine; a deployment stores that table next to its other tables."""

from datetime import date

from focuswatch.bill.local_tables import create_of
from focuswatch.bill.table_columns import KNOWN_FINDINGS
from focuswatch.engines import Engine
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.inline_rows import selected
from focuswatch.engines.trino_engine import TrinoEngine
from focuswatch.ledger import Ledger
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.findings_table import TABLE, findings_table_rows


def load_findings_table(engine: Engine, *, ledger: Ledger, owners: Owners, as_of: date) -> None:
    """Create the table of findings on `engine`, with the ledger's current state. Raises QueryError."""
    rows = findings_table_rows(ledger, engine=engine, owners=owners, as_of=as_of)
    if isinstance(engine, DuckDbEngine):
        create_of(engine.connection, TABLE, KNOWN_FINDINGS, rows)
    elif isinstance(engine, TrinoEngine) and rows:
        # Trino cannot read this machine's files: the rows are part of the statement.
        engine.tables = {**engine.tables, TABLE: selected(KNOWN_FINDINGS, rows)}
