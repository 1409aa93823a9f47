"""Planted incidents, and hard negatives that look like them."""
