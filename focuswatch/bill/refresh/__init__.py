"""Refresh the tables from changed billing periods: on this machine, on Trino and on Athena."""
