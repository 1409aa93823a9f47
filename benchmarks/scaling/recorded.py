"""What a ledger's findings take on DynamoDB and to SNS: recorded, found again, published. The table is in memory.

    python -m benchmarks.scaling.recorded LEDGER --told FILE

CPU seconds of this code alone: what AWS takes for each call comes on top, eight calls at once when recording.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from focuswatch.ledger import DetectionRun, SqliteLedger, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.publish import Topics, publish
from tests.fakes.memory_table import MemoryTable


class _Nobody:
    """An SNS that takes everything."""

    def publish(self, **_message: Any) -> None: ...


def recorded(findings: dict[str, Any]) -> dict[str, float]:
    """CPU seconds by step."""
    table: Any = MemoryTable()
    sns: Any = _Nobody()
    ledger, seconds = DynamoLedger(table), dict[str, float]()
    run = DetectionRun(
        as_of=next(iter(findings.values())).as_of,
        findings=findings,
        ran={one.detection for one in findings.values()},
    )
    for name in ("recorded", "found again"):
        started = time.process_time()
        ledger.update(lambda known, silences: decide(known, silences, run), evaluated=())
        seconds[name] = time.process_time() - started
        if name == "recorded":
            started = time.process_time()
            sent = publish(
                ledger, sns=sns, topics=Topics("findings", "new-region"), progress=lambda _text: None
            )
            seconds["published"] = time.process_time() - started
            assert sent.sent == len(findings), sent
    return seconds


def main() -> None:
    """Write the seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--told", type=Path, required=True)
    given = parser.parse_args()
    known = SqliteLedger(given.ledger).entries()
    given.told.write_text(json.dumps(recorded({name: one.finding for name, one in known.items()})))


if __name__ == "__main__":
    main()
