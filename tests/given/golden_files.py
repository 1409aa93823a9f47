"""Golden files: texts in tests/golden that people read in review.

To rewrite those of a test: FOCUSWATCH_WRITE_GOLDEN=1 .venv/bin/python -m pytest -n 1 TEST. Then read each changed file
as its recipient would.
"""

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"
WRITE_GOLDEN = bool(os.environ.get("FOCUSWATCH_WRITE_GOLDEN"))


def assert_golden(name: str, text: str) -> None:
    """Compare a text with the golden file `name`, a path below tests/golden; rewrite the file first if requested."""
    path = GOLDEN / name
    if WRITE_GOLDEN:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    remedy = f"tests/golden/{name}: run the test with FOCUSWATCH_WRITE_GOLDEN=1 to rewrite it, then read it"
    assert path.exists(), f"missing {remedy}"
    assert text == path.read_text(encoding="utf-8"), f"the text differs from {remedy}"
