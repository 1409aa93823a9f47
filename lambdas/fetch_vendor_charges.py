"""Once a day: fetch the charges of AI vendors, and write them as FOCUS files, as `focuswatch fetch` does."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from focuswatch.connectors.fetch_and_replace_vendor_charges import FetchSummary, fetch_vendor
from focuswatch.connectors.parse_vendor_api_key import key_in_secret
from focuswatch.connectors.store_focus_files_in_s3 import FocusBucket
from focuswatch.connectors.supported_vendor_connectors import CONNECTORS
from focuswatch.errors import FocuswatchError
from lambdas.clients_and_resources_from_environment import PATIENT
from lambdas.function_decorator import Invocation, lambda_function, logger
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun


@dataclass(frozen=True)
class ConfiguredVendor:
    """One vendor of `[[connectors.vendors]]`; `path` is the prefix of its files in the bucket."""

    vendor: str
    secret: str
    path: str
    account: str | None
    since: str
    api: str | None = None


@lambda_function("fetch")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Replace the last days of each vendor. If a vendor fails, its files stay, and the next run fetches these days."""
    run = invocation.run
    fetched: list[str] = []
    failed: dict[str, str] = {}
    for values in json.loads(os.environ["FOCUSWATCH_VENDORS"]):
        configured = ConfiguredVendor(**values)
        try:
            summary = _fetch(run, configured, until=datetime.now(UTC).date())
        except FocuswatchError as error:
            failed[configured.path] = str(error)
            continue
        fetched.append(configured.path)
        _log(configured, summary)
    return run.beat(ran=fetched, failed=failed)


def _fetch(run: LambdaRun, configured: ConfiguredVendor, *, until: date) -> FetchSummary:
    connector = CONNECTORS[configured.vendor]
    secret = run.named_secret(configured.secret)
    key = key_in_secret(secret, variable=connector.key_variable, name=configured.secret)
    files = FocusBucket(run.session.client("s3", config=PATIENT), run.bucket, configured.path)
    is_first_run = files.newest_day() is None  # later runs continue from the newest stored day
    return fetch_vendor(
        connector,
        api=connector.api(key, account=configured.account, url=configured.api),
        files=files,
        account_id=configured.account or connector.vendor,
        since=date.fromisoformat(configured.since) if is_first_run else None,
        until=until,
    )


def _log(configured: ConfiguredVendor, summary: FetchSummary) -> None:
    logger.info(
        "fetched",
        extra={
            "vendor": configured.vendor,
            "files": configured.path,
            "first_day": str(summary.first),
            "until": str(summary.until),
            "charges": summary.rows,
            "totals": {currency: str(amount) for currency, amount in summary.totals.items()},
        },
    )
    for note in summary.notes:
        logger.warning(note, extra={"vendor": configured.vendor})
