"""A bill on the engine that was asked for: in files of this machine or on S3, or as a table of a Trino."""

import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.command.options import EngineName
from focuswatch.errors import ConfigError
from focuswatch.lake.server import Server, SignIn

if TYPE_CHECKING:
    from focuswatch.bill import Bill, Inputs, Say
    from focuswatch.catalog import Catalog
    from focuswatch.owners import Owners


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
    inputs: "Inputs", *, trino: OnTrino | None, catalog: "Catalog", owners: "Owners", say: "Say"
) -> "AbstractContextManager[Bill]":
    """The refreshed bill; see focuswatch.bill.open_bill and focuswatch.lake.bill.open_lake."""
    if trino is None:
        from focuswatch.bill import open_bill

        return open_bill(inputs, catalog=catalog, owners=owners, say=say)
    from focuswatch.engine.trino import TrinoEngine
    from focuswatch.lake.bill import open_lake

    run_id = uuid.uuid4().hex[:12]
    engine = TrinoEngine(trino.server.connection(trino.sign_in, run_id=run_id), run_id=run_id)
    return open_lake(inputs, engine=engine, catalog=catalog, owners=owners, say=say)
