"""A bill on the engine that was asked for: in files of this machine or on S3, or as a table of a Trino."""

import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.cli.options import EngineName
from focuswatch.engines.trino_server import Server, SignIn
from focuswatch.errors import ConfigError

if TYPE_CHECKING:
    from focuswatch.bill.bill import Bill, BillInputs, Progress
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class OnTrino:
    """A Trino, and how to sign in there."""

    server: Server
    sign_in: SignIn


def on_trino(engine: EngineName, address: str | None, sign_in: SignIn) -> OnTrino | None:
    """The Trino of the options; None with the embedded engine. Raises ConfigError."""
    if engine is EngineName.DUCKDB:
        return None
    if address is None:
        raise ConfigError("--engine trino needs --trino https://USER@HOST:PORT/CATALOG/SCHEMA.")
    return OnTrino(Server.at(address), sign_in)


def place_of(export: str, trino: OnTrino | None) -> str:
    """What tells this export from others: a table of the same name is another one on another Trino."""
    return export if trino is None else f"trino://{trino.server.host}:{trino.server.port}/{export}"


def opened(
    inputs: "BillInputs", *, trino: OnTrino | None, catalog: "Catalog", owners: "Owners", progress: "Progress"
) -> "AbstractContextManager[Bill]":
    """The refreshed bill; see focuswatch.bill.bill.Bill."""
    if trino is None:
        from focuswatch.bill.local_bill import open_local_bill

        return open_local_bill(inputs, catalog=catalog, owners=owners, progress=progress)
    from focuswatch.bill.trino_bill import open_trino_bill
    from focuswatch.engines.trino_engine import TrinoEngine

    run_id = uuid.uuid4().hex[:12]
    engine = TrinoEngine(trino.server.connection(trino.sign_in, run_id=run_id), run_id=run_id)
    return open_trino_bill(inputs, engine=engine, catalog=catalog, owners=owners, progress=progress)
