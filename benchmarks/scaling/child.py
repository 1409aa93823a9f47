"""Programs of this folder as processes of their own, and what they tell."""

import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measure import Measured, measure

HERE = Path(__file__).resolve().parent


def program(name: str, *words: object) -> list[str]:
    """The command that runs one of them."""
    return [sys.executable, str(HERE / f"{name}.py"), *map(str, words)]


def told(command: Sequence[str]) -> tuple[dict[str, Any], Measured]:
    """What a program wrote into its `--told`, and how it ran."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "told.json"
        run = measure([*command, "--told", str(path)])
        return json.loads(path.read_text()), run


def findings_known(state: Path, *, state_of: str = "%") -> int:
    """How many findings the one ledger below `state` holds, or holds in a state."""
    ledger = sqlite3.connect(next(state.glob("*/ledger.db")))
    try:
        counted = "SELECT count(*) FROM entries WHERE json_extract(entry, '$.state') LIKE ?"
        return int(ledger.execute(counted, [state_of]).fetchone()[0])
    finally:
        ledger.close()
