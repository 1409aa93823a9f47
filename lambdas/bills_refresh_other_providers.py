"""Before the daily refresh: add the bills of other providers and the fetched charges of AI vendors to the tables."""

import tempfile
from pathlib import Path
from typing import Any

from focuswatch.bill.refresh.other_bills import OtherBills
from lambdas.function_decorator import Invocation, lambda_function, logger

MEMORY = "1500MB"  # DuckDB's memory limit, half of the function's memory


@lambda_function("bills", one_at_a_time=True)
def handler(invocation: Invocation) -> dict[str, Any]:
    """Write the changed billing periods. If a bill cannot be read, its tables stay, and the heartbeat reports it."""
    run = invocation.run
    with tempfile.TemporaryDirectory() as scratch:
        bills = OtherBills(
            run.tables,
            run.other_bills_state,
            owners=run.owners,
            scratch=Path(scratch),
            memory_limit=MEMORY,
            progress=logger.info,
        )
        refreshed = bills.refresh(run.other_bills)
    for note in refreshed.notes:
        logger.info(note)
    return run.beat(
        ran=refreshed.changed,
        failed=dict(refreshed.failed),
        warnings=(*refreshed.warnings, *run.tables.files.warnings()),
    )
