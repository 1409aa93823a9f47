"""The catalog of detections, reports, tables and lookups, which are SQL files with a TOML header."""
