"""How much is asked of a real Trino: a little of everything in `make test`, all of it in `make conformance`.

Trino plans a detection for seconds, and each case anew.
"""

import os

import pytest

IN_FULL = os.environ.get("FOCUSWATCH_CONFORMANCE") == "all"
only_in_full = pytest.mark.skipif(not IN_FULL, reason="takes minutes on a Trino: make conformance")
