"""Reading a FOCUS export: which files count, one vocabulary for all of them, and what is kept of them."""
