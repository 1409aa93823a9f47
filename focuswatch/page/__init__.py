"""The page: what a team, FinOps and a CTO look at, as one HTML file that needs no network.

`gather` asks the tables and the ledger, `document` makes plain JSON of it, `html` puts that into the file.
"""

from focuswatch.page.document import document
from focuswatch.page.gather import Gathered, gather
from focuswatch.page.html import html

__all__ = ["Gathered", "document", "gather", "html"]
