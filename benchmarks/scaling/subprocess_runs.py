"""Run the programs of this folder as separate processes and read their results."""

import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from process_usage import Measured, measure

HERE = Path(__file__).resolve().parent


def program(name: str, *words: object) -> list[str]:
    """Return the command that runs a program of this folder."""
    return [sys.executable, str(HERE / f"{name}.py"), *map(str, words)]


def run_program(command: Sequence[str]) -> tuple[dict[str, Any], Measured]:
    """Return the JSON that a program wrote to `--out`, and its measurement."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        run = measure([*command, "--out", str(path)])
        return json.loads(path.read_text()), run


def count_findings(state: Path, *, state_of: str = "%") -> int:
    """Return the number of findings in the ledger below `state`, or of those in one state."""
    ledger = sqlite3.connect(next(state.glob("*/ledger.db")))
    try:
        query = "SELECT count(*) FROM entries WHERE state LIKE ?"
        return int(ledger.execute(query, [state_of]).fetchone()[0])
    finally:
        ledger.close()
