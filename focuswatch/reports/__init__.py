"""Reports over the tables: tabular reports, the weekly summary and the HTML page."""
