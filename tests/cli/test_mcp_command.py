"""`focuswatch mcp` opens the ledger and the bill that its options name."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from focuswatch.bill.state_folder import state_of
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli import app
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.cli.mcp_scan_or_deployment_source import ScanSource
from focuswatch.cli.open_bill_on_duckdb_or_trino import export_name
from focuswatch.cli.shared_option_types import EngineName
from focuswatch.ledger import SqliteLedger

CONFIG = Path(__file__).parents[2] / "config" / "deployment.toml"


def test_server_on_trino_opens_the_ledger_of_the_scanned_table(tmp_path):
    """A scan on Trino stores its ledger under the name of the table and its server."""
    options = BillOptions(
        export="hive.billing.export",
        state=tmp_path,
        engine=EngineName.TRINO,
        trino="http://ana@trino.test:8080/hive/focuswatch",
    )
    path = state_of(export_name("hive.billing.export", options.trino_location), root=tmp_path) / "ledger.db"
    path.parent.mkdir(parents=True)
    SqliteLedger(path).close()
    with ScanSource(options, Catalog.load()).ledger() as ledger:
        assert ledger.entries() == {}


@pytest.mark.parametrize(
    "option",
    [
        ("--events", "events.json"),
        ("--token-hours", "hours.csv"),
        ("--engine", "trino"),
        ("--state", "state"),
    ],
)
def test_deployment_refuses_options_that_it_would_ignore(option):
    done = CliRunner().invoke(app, ["mcp", "--deployment", str(CONFIG), *option])
    assert "Omit all other input options." in str(done.exception)
