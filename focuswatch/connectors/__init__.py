"""Fetch charges from the billing and usage APIs of AI vendors, and write the charges as FOCUS 1.2 files."""
