"""What runs the catalog's SQL: a protocol of two verbs, DuckDB embedded, Athena where one machine ends."""

from focuswatch.engines.engine import Engine, Row

__all__ = ["Engine", "Row"]
