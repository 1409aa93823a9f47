"""The AWS room: constructs and stacks. It reads the catalog and the config that the product reads."""
