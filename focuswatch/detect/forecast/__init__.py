"""Forecast the cost of a month at its end from daily costs and monthly fees, and compare it with budgets."""
