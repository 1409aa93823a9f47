"""Read a FOCUS export: list its files, select the newest deliveries, and map their columns to FOCUS 1.2."""
