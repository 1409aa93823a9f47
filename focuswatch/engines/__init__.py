"""The engines that run the SQL of the catalog: DuckDB on this machine, Athena, and Trino."""

from focuswatch.engines.engine_protocol import Engine, Row

__all__ = ["Engine", "Row"]
