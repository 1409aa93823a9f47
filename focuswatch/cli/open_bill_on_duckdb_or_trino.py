"""Open a bill on the engine that --engine selects: DuckDB for local and S3 files, or Trino for a table."""

import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.cli.shared_option_types import EngineName
from focuswatch.engines.parse_trino_address_and_connect import Server, SignIn
from focuswatch.errors import ConfigError

if TYPE_CHECKING:
    from focuswatch.bill.bill_inputs_and_digest import BillInputs
    from focuswatch.bill.bill_protocol import Bill, Progress
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class TrinoLocation:
    """A Trino server and the sign-in method."""

    server: Server
    sign_in: SignIn


def trino_location(engine: EngineName, address: str | None, sign_in: SignIn) -> TrinoLocation | None:
    """Return the Trino server from the options; None with DuckDB. Raises ConfigError if the address is missing."""
    if engine is EngineName.DUCKDB:
        return None
    if address is None:
        raise ConfigError("--engine trino requires --trino https://USER@HOST:PORT/CATALOG/SCHEMA.")
    return TrinoLocation(Server.at(address), sign_in)


def export_name(export: str, trino: TrinoLocation | None) -> str:
    """Return the name that identifies an export; the name of a Trino table includes its server."""
    return export if trino is None else f"trino://{trino.server.host}:{trino.server.port}/{export}"


def open_on_engine(
    inputs: "BillInputs",
    *,
    trino: TrinoLocation | None,
    catalog: "Catalog",
    owners: "Owners",
    progress: "Progress",
) -> "AbstractContextManager[Bill]":
    """Open and refresh a bill in files or on Trino; see focuswatch.bill.bill_protocol.Bill."""
    if trino is None and inputs.others:
        from focuswatch.bill.joint_bill import open_joint_bill

        return open_joint_bill(inputs, catalog=catalog, owners=owners, progress=progress)
    if trino is None:
        from focuswatch.bill.local_bill import open_local_bill

        return open_local_bill(inputs, catalog=catalog, owners=owners, progress=progress)
    if inputs.others:
        raise ConfigError("--engine trino can read only one table. Specify one export.")
    from focuswatch.bill.trino_bill import open_trino_bill
    from focuswatch.engines.trino_engine import TrinoEngine

    run_id = uuid.uuid4().hex[:12]
    engine = TrinoEngine(trino.server.connection(trino.sign_in, run_id=run_id), run_id=run_id)
    return open_trino_bill(inputs, engine=engine, catalog=catalog, owners=owners, progress=progress)
