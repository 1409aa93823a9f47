"""A scan taken apart, in a process of its own: seconds of the refresh, and of each detection asked alone.

    python benchmarks/scaling/apart.py BILL --state FOLDER --told FILE [--refresh]

A scan asks two detections at once, so that none of its times is one detection's. `--refresh` asks none.
"""

import argparse
import json
import time
from pathlib import Path

from focuswatch.bill import Inputs, open_bill
from focuswatch.catalog import Catalog
from focuswatch.detect import Question, ask, news_since
from focuswatch.owners import Owners


def apart(bill: Path, *, state: Path, refresh_alone: bool) -> dict[str, float]:
    """Seconds by part."""
    catalog, owners = Catalog.load(), Owners.load(bill / "owners.toml")
    beside = {"activity": bill / "activity.parquet", "accounts": bill / "accounts.parquet"}
    started = time.monotonic()
    with open_bill(
        Inputs(str(bill / "focus"), state=state, **beside),
        catalog=catalog,
        owners=owners,
        say=lambda _text: None,
    ) as opened:
        seconds = {"refresh": time.monotonic() - started}
        since = news_since(opened.as_of, looked_until=None)
        question = Question(opened.as_of, since, tuple(owners.routing.required_tags))
        for detection in () if refresh_alone else catalog.live:
            outcome = ask(detection, engine=opened.engine, catalog=catalog, question=question)
            if outcome.error:
                raise RuntimeError(outcome.error)
            seconds[detection.id] = outcome.seconds
    return seconds


def main() -> None:
    """Write the seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bill", type=Path)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--told", type=Path, required=True)
    parser.add_argument("--refresh", action="store_true")
    given = parser.parse_args()
    given.told.write_text(json.dumps(apart(given.bill, state=given.state, refresh_alone=given.refresh)))


if __name__ == "__main__":
    main()
