"""Simulate an organization's AWS bill as Data Exports delivers it, with planted incidents and their truth.

No wall clock, no network: the same arguments and the same DuckDB give the same rows.
"""

from focuswatch.simulate.organization import MIN_ACCOUNTS
from focuswatch.simulate.simulate_and_write_bill import DEFAULT_END, Simulated, simulate

__all__ = ["DEFAULT_END", "MIN_ACCOUNTS", "Simulated", "simulate"]
