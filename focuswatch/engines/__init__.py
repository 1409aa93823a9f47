"""The engines that run the SQL of the catalog: DuckDB on the local machine, Athena, and Trino."""

from focuswatch.engines.engine_protocol import Engine, Row

__all__ = ["Engine", "Row"]
