"""The tables on AWS: their columns in Glue's words, the statements Athena runs, and the refresh that keeps them."""
