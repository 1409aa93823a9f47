"""An organisation's bill, opened on this machine: the export refreshed, and the tables that detections read."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from focuswatch import columns, tables
from focuswatch.answers import Answers, digest_of, file_mark
from focuswatch.catalog import Catalog
from focuswatch.columns import KEPT_TABLES
from focuswatch.engine import Engine
from focuswatch.engine.duckdb import DuckDbEngine, connect
from focuswatch.errors import ConfigError
from focuswatch.exchange_rates import Rate, rate_of
from focuswatch.export.refresh import Refresh, refresh
from focuswatch.literals import Value
from focuswatch.owners import Owners

Say = Callable[[str], None]
BESIDE = ("activity", "accounts", "owners")  # the files of Latest
MOST_DAYS_LATE = 366  # a bill that ended longer ago is history, and is scanned as of its end


@dataclass(frozen=True)
class Inputs:
    """Where everything is; `as_of` None is the day after the last charge."""

    export: str
    state: Path
    activity: Path | None = None
    accounts: Path | None = None
    as_of: date | None = None


@dataclass(frozen=True)
class Bill:
    """The tables of one export as of a day."""

    engine: Engine
    refresh: Refresh
    as_of: date
    answers: Answers

    def rate(self, owners: Owners) -> Rate:
        """How thresholds in USD are converted to this bill's currency."""
        return rate_of(self.refresh.currency, rates=owners.exchange_rates, of_bill=self.refresh.per_usd)


def state_of(export: str, *, root: Path | None = None) -> Path:
    """The folder in which an export's state is kept: one for each export, under `root` or the user's data folder."""
    root = root or platformdirs.user_data_path("focuswatch")
    if not export.strip():
        raise ConfigError("EXPORT is empty; name a folder, a file or an s3:// address.")
    name = _named(export)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{name}: its name is not UTF-8; rename it, or give a link of another name."
        ) from error
    slug = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).name).strip("-").lower()[:40] or "export"
    return root / f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Latest:
    """The export scanned last, and the files that were beside it; every path absolute."""

    export: str
    activity: Path | None = None
    accounts: Path | None = None
    owners: Path | None = None


def remember(scanned: Latest, *, root: Path | None = None) -> None:
    """Make an export the one that commands mean when they are given none, with the files beside it."""
    path = (root or platformdirs.user_data_path("focuswatch")) / "latest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = {name: getattr(scanned, name) for name in BESIDE}
    named = {name: str(file.resolve()) for name, file in beside.items() if file is not None}
    path.write_text(json.dumps({"export": _named(scanned.export), **named}), encoding="utf-8")


def latest(*, root: Path | None = None) -> Latest:
    """The export scanned last. Raises ConfigError where there was none."""
    path = (root or platformdirs.user_data_path("focuswatch")) / "latest.json"
    if not path.exists():
        raise ConfigError("No export was scanned yet; name one, or run `focuswatch scan EXPORT` first.")
    try:
        kept = json.loads(path.read_bytes())
        beside = {name: Path(kept[name]) for name in BESIDE if name in kept}
        return Latest(str(kept["export"]), **beside)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError(
            f"{path} does not say which export was scanned last; name one, or remove that file and scan again."
        ) from error


def as_last_time(scanned: Latest, *, root: Path | None = None) -> Latest:
    """`scanned`, with the files that were beside the same export last time where none is named and they are there.

    Without them other things are found, and what was found with them would be told as over.
    """
    try:
        known = latest(root=root)
    except ConfigError:
        return scanned
    if known.export != _named(scanned.export):
        return scanned
    there = {name: path for name in BESIDE if (path := getattr(known, name)) and path.exists()}
    return Latest(scanned.export, **{name: getattr(scanned, name) or there.get(name) for name in BESIDE})


def _named(export: str) -> str:
    return export if "://" in export else str(Path(export).resolve())


@contextmanager
def open_bill(inputs: Inputs, *, catalog: Catalog, owners: Owners, say: Say) -> Iterator[Bill]:
    """The refreshed bill, held alone until the block ends.

    Raises ExportError for the export's files, ConfigError for the others and where another scan holds the state.
    """
    inputs.state.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(inputs.state / "lock", timeout=0):
            connection = connect(scratch=inputs.state / "scratch")
            try:
                refreshed = refresh(
                    inputs.export, connection=connection, catalog=catalog, state=inputs.state, say=say
                )
                as_of = as_of_day(inputs, refreshed)
                say("Reading activity, accounts and owners")
                tables.load_file(connection, "activity", columns.ACTIVITY, inputs.activity)
                tables.load_accounts(connection, inputs.accounts)
                tables.load_owners(connection, owners.tables)
                # filled of a ledger, by who has one
                tables.create_empty(connection, "known_findings", columns.KNOWN_FINDINGS)
                values: dict[str, Value] = {"as_of": as_of, "names_resources": owners.names_resources}
                tables.create_views(
                    connection, catalog, values=values, kept={name: f"kept_{name}" for name in KEPT_TABLES}
                )
                parts = (
                    refreshed.digest,
                    as_of,
                    owners.tables,
                    *map(file_mark, (inputs.activity, inputs.accounts)),
                )
                answers = Answers(inputs.state / "answers.json", digest=digest_of(catalog, parts=parts))
                yield Bill(DuckDbEngine(connection), refreshed, as_of, answers)
            finally:
                connection.close()
    except Timeout as error:
        raise ConfigError(
            f"Another scan of this export is running (it holds {inputs.state}); wait for it, or use another --state."
        ) from error


def as_of_day(inputs: Inputs, refreshed: Refresh) -> date:
    """The first day not looked at. Raises ConfigError where the one that is wished for is out of reach."""
    after_last = refreshed.last_charge_date + timedelta(days=1)
    if inputs.as_of is None:
        return after_last
    if inputs.as_of <= refreshed.first_charge_date:
        raise ConfigError(
            f"--as-of {inputs.as_of} is before the bill begins; its charges are of "
            f"{refreshed.first_charge_date} to {refreshed.last_charge_date}."
        )
    if inputs.as_of > after_last + timedelta(
        days=MOST_DAYS_LATE
    ):  # the ledger would take it for the newest day
        raise ConfigError(
            f"--as-of {inputs.as_of} is more than {MOST_DAYS_LATE} days after the bill's last charge, of "
            f"{refreshed.last_charge_date}; leave it out, or name an earlier day."
        )
    return inputs.as_of
