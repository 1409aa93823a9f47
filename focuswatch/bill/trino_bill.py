"""An organisation's bill, opened on its own Trino; what lies in files of this machine is brought there for a scan."""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date

from filelock import FileLock, Timeout

from focuswatch.bill import local_tables
from focuswatch.bill.local_bill import Bill, Inputs, Progress, as_of_day
from focuswatch.bill.refresh.athena_statements import tables_as_of
from focuswatch.bill.refresh.local_refresh import Refresh
from focuswatch.bill.refresh.trino_refresh import TrinoPeriod, TrinoTables
from focuswatch.bill.schema import table_columns
from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.result_cache import ResultCache, digest_of, file_mark
from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.inline_rows import create_empty, inserts, selected, trino_type
from focuswatch.engines.trino_engine import TrinoEngine, cancelled_with_the_command
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file import Owners

TABLE = re.compile(r"\w+(\.\w+){0,2}")


@dataclass(frozen=True)
class CompanionTables:
    """Tables of one scan: made under names of its own, and dropped when it ends."""

    lake: TrinoTables
    run: str
    made: list[str] = field(default_factory=list)

    def load(self, name: str, shape: Mapping[str, str], rows: list[tuple[object, ...]]) -> str:
        """A SELECT of these rows."""
        table = self._named(name)
        self.lake.engine.execute(create_empty(table, shape), label=name)
        for statement in inserts(table, shape, rows):
            self.lake.engine.execute(statement, label=name)
        return f"SELECT {', '.join(shape)} FROM {table}"

    def make(self, name: str, select: str) -> str:
        """A SELECT of what `select` brings now: Trino would evaluate a common table expression at every mention."""
        table = self._named(name)
        self.lake.engine.execute(f"CREATE TABLE {table} AS\n{select}", label=name)
        return f"SELECT * FROM {table}"

    def close(self) -> None:
        """Remove them all."""
        for table in self.made:
            self.lake.engine.execute(f"DROP TABLE IF EXISTS {table}", label=table)

    def _named(self, name: str) -> str:
        self.made.append(f"{name}__{self.run}")
        return self.made[-1]


@contextmanager
def open_lake(
    inputs: Inputs, *, engine: TrinoEngine, catalog: Catalog, owners: Owners, progress: Progress
) -> Iterator[Bill]:
    """The refreshed bill on a Trino; `inputs.export` names the table of the export there. Raises as open_bill does."""
    if not TABLE.fullmatch(inputs.export):
        raise ConfigError(f"{inputs.export}: expected the name of a table, CATALOG.SCHEMA.TABLE.")
    inputs.state.mkdir(parents=True, exist_ok=True)
    lake = TrinoTables(engine, inputs.export, catalog)
    beside = CompanionTables(lake, uuid.uuid4().hex[:12])
    try:
        with FileLock(inputs.state / "lock", timeout=0), closing(beside), cancelled_with_the_command(engine):
            periods = lake.refresh(progress=progress)
            refreshed = _told(periods)
            as_of = as_of_day(inputs, refreshed)
            progress("Bringing activity, accounts and owners to Trino")
            engine.tables = _tables(inputs, as_of=as_of, lake=lake, beside=beside, owners=owners)
            parts = (
                refreshed.digest,
                as_of,
                owners.tables,
                *map(file_mark, (inputs.activity, inputs.accounts)),
            )
            answers = ResultCache(inputs.state / "answers.json", digest=digest_of(catalog, parts=parts))
            yield Bill(engine, refreshed, as_of, answers)
    except Timeout as error:
        raise ConfigError(
            f"Another scan of this export is running (it holds {inputs.state}); wait for it, or use another --state."
        ) from error


def _tables(
    inputs: Inputs, *, as_of: date, lake: TrinoTables, beside: CompanionTables, owners: Owners
) -> dict[str, str]:
    """SELECTs of what is not a view of the schema, by name and each after what it reads."""
    there = lake.tables()
    connection = connect()
    try:
        local_tables.load_file(connection, "activity", table_columns.ACTIVITY, inputs.activity)
        local_tables.load_accounts(connection, inputs.accounts)
        given = {
            name: connection.execute(f"SELECT {', '.join(shape)} FROM {name}").fetchall()
            for name, shape in (("activity", table_columns.ACTIVITY), ("accounts", table_columns.ACCOUNTS))
        }
    finally:
        connection.close()
    found = {}
    for name, shape in (("activity", table_columns.ACTIVITY), ("accounts", table_columns.ACCOUNTS)):
        if given[name] or name not in there:  # else the schema's own is read
            found[name] = beside.load(name, shape, given[name]) if given[name] else _empty(shape)
    for name, shape in table_columns.OWNERS.items():
        found[name] = selected(shape, owners.tables[name]) if owners.tables[name] else _empty(shape)
    found["known_findings"] = _empty(table_columns.KNOWN_FINDINGS)
    found |= tables_as_of(lake.catalog, as_of=as_of, names_resources=owners.names_resources)
    found["completeness"] = beside.make("completeness", found["completeness"])
    return found


def _empty(shape: Mapping[str, str]) -> str:
    nulls = ", ".join(f"CAST(NULL AS {trino_type(type_)}) AS {name}" for name, type_ in shape.items())
    return f"SELECT {nulls} WHERE false"


def _told(periods: list[TrinoPeriod]) -> Refresh:
    newest = max(period.run for period in periods)
    return Refresh(
        changed=tuple(f"{one.period:%Y-%m}" for one in periods if one.run == newest),
        unchanged=tuple(f"{one.period:%Y-%m}" for one in periods if one.run != newest),
        digest=hashlib.sha256("\n".join(one.digest for one in periods).encode()).hexdigest(),
        currency=periods[0].currency,
        first_charge_date=min(one.first_charge_date for one in periods),
        last_charge_date=max(one.last_charge_date for one in periods),
        charges=sum(one.charges for one in periods),
        files=0,
        bytes=0,
        focus_version="1.2",
        grain="DAILY",
        warnings=(),
    )
