"""Fetch charges from a local vendor server, and read the files that the fetch wrote."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.connectors.fetch_and_replace_vendor_charges import FetchSummary, fetch_vendor
from focuswatch.connectors.store_focus_files_in_folder import FocusFolder
from focuswatch.connectors.supported_vendor_connectors import CONNECTORS
from tests.fakes.vendor_server import VendorServer


@dataclass(frozen=True)
class Vendor:
    """A vendor with its API key and account."""

    name: str
    key: str
    account: str = "org-example"

    def fetch(
        self,
        server: VendorServer,
        folder: Path,
        *,
        since: str | None = "2026-11-01",
        until: str = "2026-11-20",
        restated_days: int = 7,
    ) -> FetchSummary:
        connector = CONNECTORS[self.name]
        return fetch_vendor(
            connector,
            api=connector.api(self.key, account=self.account, url=server.address),
            files=FocusFolder(folder),
            account_id=self.account,
            since=date.fromisoformat(since) if since else None,
            until=date.fromisoformat(until),
            restated_days=restated_days,
        )

    @staticmethod
    def rows(folder: Path, columns: str) -> list[tuple[Any, ...]]:
        files = f"read_parquet('{folder}/data/*/focus.parquet', hive_partitioning = false)"
        return duckdb.sql(f"SELECT {columns} FROM {files} ORDER BY ALL").fetchall()
