"""Compare the same SQL over the same bills on DuckDB and on a real Trino: `python -m tests.conformance --help`."""
