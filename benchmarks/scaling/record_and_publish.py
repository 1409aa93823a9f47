"""Measure recording and publishing a ledger's findings with DynamoDB and SNS; the table is in memory.

    python -m benchmarks.scaling.record_and_publish LEDGER --out FILE

It measures CPU seconds of this code only; the calls to AWS add to it, eight at once when recording.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from focuswatch.ledger import DetectionRun, SqliteLedger, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from tests.fakes.dynamodb_in_memory import MemoryTable


class _DiscardingSns:
    """An SNS that accepts and discards every message."""

    def publish(self, **_message: Any) -> None: ...


def recorded(findings: dict[str, Any]) -> dict[str, float]:
    """Return CPU seconds by step."""
    table: Any = MemoryTable()
    sns: Any = _DiscardingSns()
    ledger, seconds = DynamoLedger(table), dict[str, float]()
    run = DetectionRun(
        as_of=next(iter(findings.values())).as_of,
        findings=findings,
        ran={one.detection for one in findings.values()},
    )
    for name in ("recorded", "recorded again"):
        started = time.process_time()
        ledger.update(lambda entries, silences: decide(entries, silences, run), evaluated=())
        seconds[name] = time.process_time() - started
        if name == "recorded":
            started = time.process_time()
            sent = publish(ledger, sns=sns, topics=Topics("findings", {}), progress=lambda _text: None)
            seconds["published"] = time.process_time() - started
            assert sent.sent == len(findings), sent
    return seconds


def main() -> None:
    """Write the seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    entries = SqliteLedger(arguments.ledger).entries()
    arguments.out.write_text(json.dumps(recorded({name: one.finding for name, one in entries.items()})))


if __name__ == "__main__":
    main()
