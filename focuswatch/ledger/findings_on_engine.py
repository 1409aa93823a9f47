"""What the ledger knows, brought to where this machine's statements run; a deployment keeps it beside its tables."""

from datetime import date

from focuswatch.bill.local_tables import create_of
from focuswatch.bill.table_columns import KNOWN_FINDINGS
from focuswatch.engines import Engine
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.engines.inline_rows import selected
from focuswatch.engines.trino_engine import TrinoEngine
from focuswatch.ledger import Ledger
from focuswatch.ledger.findings_table import TABLE, findings_table_rows
from focuswatch.owners.owners_file import Owners


def load_findings_table(engine: Engine, *, ledger: Ledger, owners: Owners, as_of: date) -> None:
    """Let statements of `engine` read what `ledger` knows now. Raises QueryError."""
    rows = findings_table_rows(ledger, engine=engine, owners=owners, as_of=as_of)
    if isinstance(engine, DuckDbEngine):
        create_of(engine.connection, TABLE, KNOWN_FINDINGS, rows)
    elif isinstance(engine, TrinoEngine) and rows:
        # It cannot read this machine: they travel in the statement.
        engine.tables = {**engine.tables, TABLE: selected(KNOWN_FINDINGS, rows)}
