"""The catalog's rules: a wrong file is refused at load with its name, what was found and what was expected."""

import re
from datetime import date
from pathlib import Path

import pytest

from focuswatch.authoring import scaffold
from focuswatch.authoring.catalog_checks import problems, statement_problems
from focuswatch.catalog.catalog import Catalog
from focuswatch.errors import CatalogError, ConfigError

HEADER = {
    "title": '"A thing that bills and does nothing"',
    "category": '"waste"',
    "schedule": '"daily"',
    "why": '"It costs money and nobody has asked for it."',
    "reason": '"It cost {monthly_cost} a month."',
    "action": '"1. Ask whose it is. 2. Delete it."',
    "blind_spots": '["It may be a standby."]',
    "sources": '["https://aws.amazon.com/pricing/"]',
}
SQL = (
    "SELECT SubAccountId AS sub_account_id, RegionId AS region_id, ResourceId AS resource_id, "
    "sum(EffectiveCost) AS monthly_cost FROM daily_charges WHERE charge_date < $as_of GROUP BY 1, 2, 3"
)


def write(root: Path, *, id: str = "a_thing", sql: str = SQL, more: str = "", **header: str | None) -> None:
    """A detection's file under `root`; a header field given as None is left out."""
    folder = root / "detections"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {value}" for key, value in (HEADER | header).items() if value is not None]
    (folder / f"{id}.sql").write_text("/*\n" + "\n".join(lines) + f"\n{more}\n*/\n{sql}\n")


def test_a_right_file_is_loaded(tmp_path):
    """The file stem is the id, and the statement renders with its parameters as typed literals."""
    write(tmp_path, sql=SQL.replace("$as_of", "$as_of AND $least > 0"), more="[parameters]\nleast = 0.1")
    detection = Catalog.load(tmp_path).detection("a_thing")
    assert "charge_date < DATE '2026-01-31' AND 0.1E0 > 0" in detection.render({"as_of": date(2026, 1, 31)})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"title": None}, "title: Field required"),
        (
            {"category": '"wasted"'},
            "category: Input should be 'waste', 'security', 'anomaly' or 'governance'",
        ),
        ({"blind_spot": '["x"]'}, "blind_spot: Extra inputs are not permitted"),
        ({"blind_spots": "[]"}, "blind_spots: List should have at least 1 item"),
        ({"title": "no quotes"}, "the header is not TOML"),
        ({"id": "A-Thing"}, "must be snake_case"),
        ({"sql": SQL.replace("$as_of", "$as_off")}, "$as_off has no value"),
        ({"more": "[parameters]\nleast = 1"}, "the SQL never uses least"),
        ({"sql": SQL.replace("$as_of", "$as_of") + ";"}, "found ';'"),
        ({"sql": "DELETE FROM daily_charges WHERE charge_date < $as_of"}, "found no query"),
        ({"more": "[parameters]\nas_of = 1"}, "as_of is set by focuswatch"),
        ({"kind": '"series"'}, "[scoring] belongs to"),
        ({"why": '"FILL IN: what happens and what it costs"'}, "'FILL IN' still stands in it"),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(tmp_path, wrong, told):
    """What was found and what was expected stand in the message."""
    write(tmp_path, **wrong)
    with pytest.raises(CatalogError) as error:
        Catalog.load(tmp_path)
    assert told in str(error.value)
    assert re.match(r"detections/.+\.sql: ", str(error.value))


def test_all_wrong_files_are_named_at_once(tmp_path):
    """Nobody mends a catalog one message at a time."""
    write(tmp_path, id="first_thing", title=None)
    write(tmp_path, id="second_thing", sql="nothing")
    (tmp_path / "detections" / "third_thing.sql").write_text(SQL)
    with pytest.raises(CatalogError) as error:
        Catalog.load(tmp_path)
    assert all(
        f"detections/{id}.sql" in str(error.value) for id in ("first_thing", "second_thing", "third_thing")
    )


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    """A slip of the finger costs one look."""
    write(tmp_path)
    with pytest.raises(ConfigError, match="no detection called 'b_thing'; there are: a_thing"):
        Catalog.load(tmp_path).detection("b_thing")


def test_our_own_catalog_keeps_every_rule():
    """Headers, common SQL, columns; that its cases hold is asked one by one in test_detections.py."""
    assert statement_problems(Catalog.load()) == []


def with_tables(tmp_path: Path) -> Catalog:
    real = Catalog.load()
    return Catalog(Catalog.load(tmp_path).detections, {}, real.tables, {})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sql": SQL.replace("monthly_cost", "cost")}, "its rows lack monthly_cost"),
        ({"sql": SQL.replace("EffectiveCost", "effective")}, "DuckDB refuses it"),
        (
            {"reason": '"It holds {ocu_hours} hours of nothing."'},
            "reason shows ocu_hours, which is no column",
        ),
        ({"sql": SQL.replace("sum(EffectiveCost)", "sum(EffectiveCost)::double")}, "'::' is not common"),
        (
            {"sql": SQL.replace("sum(EffectiveCost)", "max_by(EffectiveCost, lower(ServiceName))")},
            "'max_by(' is not common",
        ),
        ({"sql": SQL.replace("sum(EffectiveCost)", "bit_or(1)")}, "write bitwise_or_agg(x)"),
        (
            {"sql": SQL.replace("sum(EffectiveCost)", "bit_count(bitwise_or_agg(1))")},
            "write bit_count(x, 64)",
        ),
        ({"sql": SQL.replace("RegionId AS", "concat(RegionId, '') AS")}, "write ||"),
        ({}, "there are no cases"),
    ],
)
def test_check_tells_what_only_an_engine_can(tmp_path, wrong, told):
    """A file that loads can still be wrong."""
    write(tmp_path, **wrong)
    assert any(told in problem for problem in problems(with_tables(tmp_path)))


def test_a_new_detection_is_refused_until_it_is_filled_in(tmp_path):
    """Both files stand where they belong, and say what is still to be done."""
    (tmp_path / "athena_sql" / "detections").mkdir(parents=True)
    (tmp_path / "tests" / "detections").mkdir(parents=True)
    written = scaffold.begin("forgotten_gateway", into=tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "athena_sql/detections/forgotten_gateway.sql",
        "tests/detections/forgotten_gateway.toml",
    ]
    with pytest.raises(CatalogError, match="'FILL IN' still stands in it"):
        Catalog.load(tmp_path / "athena_sql")
    with pytest.raises(ConfigError, match="exists already"):
        scaffold.begin("forgotten_gateway", into=tmp_path)


def test_a_new_detection_that_is_filled_in_is_taken(tmp_path):
    """The template itself keeps every rule but the filling in."""
    (tmp_path / "athena_sql" / "detections").mkdir(parents=True)
    (tmp_path / "tests" / "detections").mkdir(parents=True)
    sql, _ = scaffold.begin("forgotten_gateway", into=tmp_path)
    sql.write_text(sql.read_text().replace("FILL IN", "NatGateway-Hours").replace("{columns}", "{region_id}"))
    found = problems(with_tables(tmp_path / "athena_sql"))
    assert [problem for problem in found if "cases" not in problem] == []


@pytest.mark.parametrize("name", ["Forgotten", "a", "drop table"])
def test_a_name_that_cannot_be_an_id_is_refused(tmp_path, name):
    """It would break the saved query, the metric and the file."""
    with pytest.raises(ConfigError, match="snake_case"):
        scaffold.begin(name, into=tmp_path)


@pytest.mark.parametrize(
    "id", [id for id, one in Catalog.load().detections.items() if "FROM activity" in one.sql]
)
def test_activity_is_read_from_a_day_on(id):
    """Athena lists every day's folder that a statement does not leave out: years of them, without a first day."""
    sql = Catalog.load().detection(id).sql
    assert sql.count("activity.activity_date >= CAST($as_of") == sql.count("FROM activity\n")
