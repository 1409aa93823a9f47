"""The tables on an organisation's own Trino, over the FOCUS export that it already holds as a table."""
