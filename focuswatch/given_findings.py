"""What the ledger knows, brought to where this machine's statements run; a deployment keeps it beside its tables."""

from datetime import date

from focuswatch.columns import KNOWN_FINDINGS
from focuswatch.engine import Engine
from focuswatch.engine.duckdb import DuckDbEngine
from focuswatch.engine.given_rows import selected
from focuswatch.engine.trino import TrinoEngine
from focuswatch.known_findings import TABLE, rows_of_ledger
from focuswatch.ledger import Ledger
from focuswatch.owners import Owners
from focuswatch.tables import create_of


def give_known_findings(engine: Engine, *, ledger: Ledger, owners: Owners, as_of: date) -> None:
    """Let statements of `engine` read what `ledger` knows now. Raises QueryError."""
    rows = rows_of_ledger(ledger, engine=engine, owners=owners, as_of=as_of)
    if isinstance(engine, DuckDbEngine):
        create_of(engine.connection, TABLE, KNOWN_FINDINGS, rows)
    elif isinstance(engine, TrinoEngine) and rows:
        # It cannot read this machine: they travel in the statement.
        engine.tables = {**engine.tables, TABLE: selected(KNOWN_FINDINGS, rows)}
