"""What runs the catalog's SQL: a protocol of two verbs, DuckDB embedded, Athena where one machine ends."""

from focuswatch.engine.protocol import Engine, Row

__all__ = ["Engine", "Row"]
