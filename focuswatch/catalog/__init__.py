"""The catalog of detections, reports, tables and lookups: SQL files with a TOML header."""
