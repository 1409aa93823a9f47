"""What runs the catalog's SQL: a protocol of two verbs, and DuckDB as the embedded default."""

from focuswatch.engine.duckdb import DuckDbEngine
from focuswatch.engine.protocol import Engine, Row

__all__ = ["DuckDbEngine", "Engine", "Row"]
