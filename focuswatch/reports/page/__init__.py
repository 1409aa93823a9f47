"""The page: what a team, FinOps and a CTO look at, as one HTML file that needs no network.

`gather` asks the tables and the ledger, `document` makes plain JSON of it, `html` puts that into the file.
"""

from focuswatch.reports.page.page_data import Gathered, gather
from focuswatch.reports.page.page_document import document
from focuswatch.reports.page.page_html import html

__all__ = ["Gathered", "document", "gather", "html"]
