"""An organisation's bill, opened on this machine: the export refreshed, and the tables that detections read."""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import platformdirs
from filelock import FileLock, Timeout

from focuswatch.bill import local_tables
from focuswatch.bill.ingest.other_providers import aws_only
from focuswatch.bill.refresh.local_refresh import Refresh, refresh, unreadable
from focuswatch.bill.schema import table_columns
from focuswatch.bill.schema.table_columns import KEPT_TABLES
from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.result_cache import ResultCache, digest_of, file_mark
from focuswatch.engines import Engine
from focuswatch.engines.duckdb_engine import DuckDbEngine, connect, create_empty_table, create_table
from focuswatch.engines.sql_literals import Value
from focuswatch.errors import ConfigError
from focuswatch.findings.exchange_rates import Rate, rate_of
from focuswatch.owners.owners_file import Owners

Progress = Callable[[str], None]
BESIDE = ("activity", "accounts", "owners")  # the files of Latest
GIVEN_FILES = "given_files.json"  # in an export's state
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
    answers: ResultCache
    judged: Engine | None = None  # where detections ask, if not of all charges

    @property
    def detected_on(self) -> Engine:
        """The engine whose tables detections judge: those of AWS's charges alone."""
        return self.judged or self.engine

    def rate(self, owners: Owners) -> Rate:
        """How thresholds in USD are converted to this bill's currency."""
        return rate_of(self.refresh.currency, rates=owners.exchange_rates, of_bill=self.refresh.per_usd)


def _load(
    connection: duckdb.DuckDBPyConnection,
    inputs: Inputs,
    *,
    as_of: date,
    catalog: Catalog,
    owners: Owners,
    kept: Mapping[str, str],
) -> None:
    """All tables over `folded_charges` and `deliveries`; `kept` as create_views takes it."""
    local_tables.load_file(connection, "activity", table_columns.ACTIVITY, inputs.activity)
    local_tables.load_accounts(connection, inputs.accounts)
    local_tables.load_owners(connection, owners.tables)
    create_empty_table(
        connection, "known_findings", table_columns.KNOWN_FINDINGS
    )  # filled of a ledger, by who has one
    values: dict[str, Value] = {"as_of": as_of, "names_resources": owners.names_resources}
    try:
        local_tables.create_views(connection, catalog, values=values, kept=kept)
    except duckdb.Error as error:
        raise unreadable(error, state=inputs.state) from error


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
    """An export, and the files that were given with it; every path absolute once it is remembered."""

    export: str
    activity: Path | None = None
    accounts: Path | None = None
    owners: Path | None = None


@dataclass(frozen=True)
class Recalled:
    """What to scan with, what to remember, and which files were remembered or are gone."""

    latest: Latest
    kept: Latest  # with those that are gone, which may come back
    again: tuple[str, ...] = ()  # options as a person would type them
    gone: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it."""
        taken = [f"As in the last scan of this export: {' '.join(self.again)}"] if self.again else []
        lost = [
            f"Note: {one} was given with this export before and is gone; name it again, or scan with --forget-files"
            for one in self.gone
        ]
        return (*taken, *lost)


def remember(scanned: Latest, *, root: Path | None = None) -> None:
    """Make an export the one that commands mean when they are given none, and keep the files given with it.

    The files are kept for each export; both are replaced in one step.
    """
    root = root or platformdirs.user_data_path("focuswatch")
    given = {name: getattr(scanned, name) for name in BESIDE}
    named = {name: str(file.resolve()) for name, file in given.items() if file is not None}
    _replace(state_of(scanned.export, root=root) / GIVEN_FILES, json.dumps(named))
    _replace(root / "latest.json", json.dumps({"export": _named(scanned.export)}))


def _replace(path: Path, text: str) -> None:
    """Write a file in one step: a command that reads it meanwhile finds the old or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as made:
        try:
            made.write(text)
            made.flush()
            os.fsync(made.fileno())
            Path(made.name).replace(path)
        except BaseException:
            Path(made.name).unlink(missing_ok=True)
            raise


def latest(*, root: Path | None = None) -> Latest:
    """The export scanned last. Raises ConfigError where there was none."""
    path = (root or platformdirs.user_data_path("focuswatch")) / "latest.json"
    if not path.exists():
        raise ConfigError("No export was scanned yet; name one, or run `focuswatch scan EXPORT` first.")
    try:
        return Latest(str(json.loads(path.read_bytes())["export"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError(
            f"{path} does not say which export was scanned last; name one, or remove that file and scan again."
        ) from error


def recalled(given: Latest, *, root: Path | None = None) -> Recalled:
    """`given`, with the files that were given with the same export before where none is named and they are there.

    Without them other things are found, and what was found with them would be notified as resolved. Raises ConfigError
    where what was kept is damaged.
    """
    known = _given_files(state_of(given.export, root=root) / GIVEN_FILES)
    missing = {name: path for name, path in known.items() if getattr(given, name) is None}
    there = {name: path for name, path in missing.items() if path.exists()}
    return Recalled(
        latest=Latest(given.export, **{name: getattr(given, name) or there.get(name) for name in BESIDE}),
        kept=Latest(given.export, **{name: getattr(given, name) or known.get(name) for name in BESIDE}),
        again=tuple(f"--{name} {path}" for name, path in there.items()),
        gone=tuple(f"--{name} {path}" for name, path in missing.items() if name not in there),
    )


def _given_files(path: Path) -> dict[str, Path]:
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_bytes())
        return {name: Path(kept[name]) for name in BESIDE if name in kept}
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{path} does not say which files were given with this export; name them and scan with --forget-files."
        ) from error


def _named(export: str) -> str:
    return export if "://" in export else str(Path(export).resolve())


@contextmanager
def open_bill(inputs: Inputs, *, catalog: Catalog, owners: Owners, progress: Progress) -> Iterator[Bill]:
    """The refreshed bill, held alone until the block ends.

    Raises ExportError for the export's files, ConfigError for the others and where another scan holds the state.
    """
    inputs.state.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(inputs.state / "lock", timeout=0):
            connection = connect(scratch=inputs.state / "scratch")
            judged = connection
            try:
                refreshed = refresh(
                    inputs.export,
                    connection=connection,
                    catalog=catalog,
                    state=inputs.state,
                    progress=progress,
                )
                as_of = as_of_day(inputs, refreshed)
                progress("Reading activity, accounts and owners")
                kept = {name: f"kept_{name}" for name in KEPT_TABLES}
                _load(connection, inputs, as_of=as_of, catalog=catalog, owners=owners, kept=kept)
                if refreshed.other_providers:  # a connection of their own spares all others a filter
                    judged = connect(scratch=inputs.state / "scratch-aws")
                    aws_only(judged, of=connection)
                    deliveries = connection.execute("SELECT * FROM deliveries").fetchall()
                    create_table(judged, "deliveries", table_columns.DELIVERIES, deliveries)
                    _load(judged, inputs, as_of=as_of, catalog=catalog, owners=owners, kept={})
                parts = (
                    refreshed.digest,
                    as_of,
                    owners.tables,
                    *map(file_mark, (inputs.activity, inputs.accounts)),
                )
                answers = ResultCache(inputs.state / "answers.json", digest=digest_of(catalog, parts=parts))
                yield Bill(DuckDbEngine(connection), refreshed, as_of, answers, judged=DuckDbEngine(judged))
            finally:
                judged.close()
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
