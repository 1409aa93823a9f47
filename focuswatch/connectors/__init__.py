"""Fetch charges from the usage APIs of AI vendors, and write them as FOCUS 1.2 files."""
