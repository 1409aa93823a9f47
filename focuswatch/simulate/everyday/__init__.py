"""The organization's everyday charges, which no detection may report."""
