"""Read a FOCUS export: select the files, map their columns to FOCUS 1.2, and store daily charges."""
