"""An open bill: its refreshed tables on DuckDB, Trino or Athena, and the schemas of those tables."""
