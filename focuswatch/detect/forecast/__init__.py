"""The forecast of a month's cost at its end: continuing daily costs, monthly fees, and budgets."""
