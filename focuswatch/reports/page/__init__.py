"""The report page for teams, FinOps and managers: one HTML file that needs no network.

`gather` queries the tables and the ledger, `build_document` converts the result to plain JSON values, and `render_page`
renders the HTML file.
"""

from focuswatch.reports.page.page_html import render_page
from focuswatch.reports.page.page_json_document import build_document
from focuswatch.reports.page.query_page_data import PageData, gather

__all__ = ["PageData", "build_document", "gather", "render_page"]
