"""Files that an operator writes or passes with an export: any name is read, and an error names the file."""

import duckdb
import pytest

from focuswatch.authoring.detection_cases import read_cases
from focuswatch.bill import load_activity_accounts_and_other_files
from focuswatch.bill.schema import columns_of_all_tables
from focuswatch.catalog.parse_toml_text_with_clear_syntax_errors import parse_toml
from focuswatch.catalog.sql_catalog import read_entry
from focuswatch.catalog.sql_header_models import DetectionHeader
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.errors import CatalogError, ConfigError
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners

ACTIVITY_ROW = "2026-05-01,111122223333,us-east-1,AWS/SageMaker,arn:{name},Invocations,1\n"
HOSTILE_TOML = {
    "deep arrays": "a = " + "[" * 5000 + "]" * 5000,
    "deep tables": "a = " + "{b = " * 3000 + "1" + "}" * 3000,
    "5,000 digits": "a = " + "9" * 5000,
    "no TOML": "a = = 1",
}


@pytest.mark.parametrize("text", HOSTILE_TOML.values(), ids=HOSTILE_TOML)
def test_invalid_toml_is_one_error(tmp_path, text):
    """This holds for owners.toml, deployment.toml, headers and cases of detections. The error names the file."""
    with pytest.raises(ValueError):  # noqa: PT011  the message is tomllib's or focuswatch's
        parse_toml(text)
    path = tmp_path / "owners.toml"
    path.write_text(text)
    for load in (Owners.load, Deployment.load):
        with pytest.raises(ConfigError, match=r"owners\.toml is not TOML: ") as caught:
            load(path)
        assert "\n" not in str(caught.value)
    detection = tmp_path / "deep.sql"
    detection.write_text(f"/*\n{text}\n*/\nSELECT 1")
    with pytest.raises(CatalogError, match=r"deep\.sql: the header is not valid TOML"):
        read_entry(detection, DetectionHeader)
    with pytest.raises(CatalogError, match=r"owners\.toml: "):
        read_cases(path)


def test_text_that_is_not_utf_8_is_one_error(tmp_path):
    """An editor may have saved the file in another encoding."""
    path = tmp_path / "a.sql"
    path.write_bytes(b'/* title = "caf\xe9" */ SELECT 1')
    with pytest.raises(CatalogError, match=r"a\.sql: not UTF-8 text"):
        read_entry(path, DetectionHeader)
    with pytest.raises(CatalogError, match=r"a\.sql: not UTF-8 text"):
        read_cases(path)
    with pytest.raises(ConfigError, match=r"a\.sql is not TOML"):
        Owners.load(path)


@pytest.mark.parametrize(
    "name", ["act[1]", "*", "?", "act[!1]", "{a,b}", "it's", "a;b", "**", "🙂", "a b", "[[", "a\\b"]
)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_input_file_is_read_whatever_its_name(tmp_path, name, ending):
    """A name is not a pattern: `act[1].parquet` must not match `act1.parquet`."""
    header = ",".join(columns_of_all_tables.ACTIVITY) + "\n"
    for one in ("act1", "a", "b", name):
        path = tmp_path / f"{one}{ending}"
        text = tmp_path / "given.txt"
        text.write_text(header + ACTIVITY_ROW.format(name="named" if one == name else "other"))
        if ending == ".csv":
            path.write_bytes(text.read_bytes())
        else:
            target = str(path).replace("'", "''")
            duckdb.sql(f"COPY (FROM read_csv('{text}', all_varchar = true)) TO '{target}' (FORMAT parquet)")
    connection = connect()
    load_activity_accounts_and_other_files.load_file(
        connection, "activity", columns_of_all_tables.ACTIVITY, tmp_path / f"{name}{ending}"
    )
    assert connection.execute("SELECT resource_id FROM activity").fetchall() == [("arn:named",)]
    connection.close()
