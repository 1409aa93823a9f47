"""Reading a FOCUS export: which files count, one vocabulary for all of them, and what is kept of them."""

from focuswatch.export.refresh import Refresh, refresh
from focuswatch.export.views import KEPT_TABLES

__all__ = ["KEPT_TABLES", "Refresh", "refresh"]
