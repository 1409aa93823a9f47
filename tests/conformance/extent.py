"""Decide how much runs on a real Trino: a sample of everything in `make test`, all of it in `make conformance`.

Trino takes seconds to plan a detection, and plans it again for each case.
"""

import os

import pytest

IN_FULL = os.environ.get("FOCUSWATCH_CONFORMANCE") == "all"
only_in_full = pytest.mark.skipif(not IN_FULL, reason="takes minutes on a Trino: make conformance")
