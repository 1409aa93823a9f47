"""Simulate an organization's AWS bill as Data Exports delivers it, with planted incidents and the expected findings.

The simulator uses no wall clock and no network: the same arguments and the same DuckDB version give the same rows.
"""

from focuswatch.simulate.organization import MIN_ACCOUNTS
from focuswatch.simulate.simulate_and_write_bill import DEFAULT_END, Simulated, simulate

__all__ = ["DEFAULT_END", "MIN_ACCOUNTS", "Simulated", "simulate"]
