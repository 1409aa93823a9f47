"""Rules of the catalog: an invalid file is refused with its name, what was found and what was expected."""

import re
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from focuswatch.authoring.check_catalog_sql_and_cases import problems, sql_and_column_problems
from focuswatch.authoring.detection_cases import Case
from focuswatch.authoring.write_new_detection_from_template import write_new_detection
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.read_cost_increase_from_finding import cost_increase_of
from focuswatch.errors import CatalogError, ConfigError
from focuswatch.findings.finding_from_row import to_finding

HEADER = {
    "title": '"Idle resource"',
    "category": '"waste"',
    "schedule": '"daily"',
    "why": '"It costs money and is not used."',
    "reason": '"It cost {monthly_cost} a month."',
    "action": '"1. Identify the owner. 2. Delete it."',
    "blind_spots": '["It may be a standby."]',
    "sources": '["https://aws.amazon.com/pricing/"]',
}
SQL = (
    "SELECT SubAccountId AS sub_account_id, RegionId AS region_id, ResourceId AS resource_id, "
    "sum(EffectiveCost) AS monthly_cost FROM daily_charges WHERE charge_date < $as_of GROUP BY 1, 2, 3"
)


def write(root: Path, *, id: str = "a_thing", sql: str = SQL, more: str = "", **header: str | None) -> None:
    """Write a detection's file under `root`; a header field that is None is left out."""
    folder = root / "detections"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {value}" for key, value in (HEADER | header).items() if value is not None]
    (folder / f"{id}.sql").write_text("/*\n" + "\n".join(lines) + f"\n{more}\n*/\n{sql}\n")


def test_valid_file_is_loaded(tmp_path):
    """The file stem is the id, and parameters are rendered as typed literals."""
    write(tmp_path, sql=SQL.replace("$as_of", "$as_of AND $least > 0"), more="[parameters]\nleast = 0.1")
    detection = Catalog.load(tmp_path).detection("a_thing")
    assert "charge_date < DATE '2026-01-31' AND 0.1E0 > 0" in detection.render({"as_of": date(2026, 1, 31)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": None}, "title: Field required"),
        (
            {"category": '"wasted"'},
            "category: Input should be 'waste', 'security', 'anomaly' or 'governance'",
        ),
        ({"blind_spot": '["x"]'}, "blind_spot: Extra inputs are not permitted"),
        ({"blind_spots": "[]"}, "blind_spots: List should have at least 1 item"),
        ({"title": "no quotes"}, "the header is not valid TOML"),
        ({"id": "A-Thing"}, "expected 3 to 60 lowercase letters"),
        ({"sql": SQL.replace("$as_of", "$as_off")}, "no value for $as_off"),
        ({"more": "[parameters]\nleast = 1"}, "the SQL does not use least"),
        ({"sql": SQL.replace("$as_of", "$as_of") + ";"}, "found ';'"),
        ({"sql": "DELETE FROM daily_charges WHERE charge_date < $as_of"}, "no query found"),
        ({"more": "[parameters]\nas_of = 1"}, "[parameters] must not contain as_of"),
        ({"kind": '"series"'}, "[scoring] is required with"),
        (
            {"providers": '"all"', "action": '"1. Stop it: aws ec2 stop-instances --instance-ids i-1"'},
            'action_of_others is required with providers = "all"',
        ),
        ({"action_of_others": '"1. Ask the owner to delete it."'}, 'is not allowed with providers = "AWS"'),
        (
            {"providers": '"all"', "action_of_others": '"1. Stop it: aws ec2 stop-instances"'},
            "action_of_others must not contain an AWS command",
        ),
        ({"topic": '"findings"'}, "the topic 'findings' is reserved for focuswatch"),
        ({"topic": '"New Region"'}, "topic: String should match pattern"),
        ({"notify": '"never"'}, "notify: Input should be 'on_change', 'every_run' or 'once'"),
        ({"more": '[explain]\ncharges = "all of them"'}, "explain.charges: Input should be"),
    ],
)
def test_invalid_file_is_refused_with_its_name(tmp_path, change, message):
    """The message states what was found and what was expected."""
    write(tmp_path, **change)
    with pytest.raises(CatalogError) as error:
        Catalog.load(tmp_path)
    assert message in str(error.value)
    assert re.match(r"detections/.+\.sql: ", str(error.value))


def test_all_invalid_files_are_named_at_once(tmp_path):
    """An author fixes all problems in one pass."""
    write(tmp_path, id="first_thing", title=None)
    write(tmp_path, id="second_thing", sql="nothing")
    (tmp_path / "detections" / "third_thing.sql").write_text(SQL)
    with pytest.raises(CatalogError) as error:
        Catalog.load(tmp_path)
    assert all(
        f"detections/{id}.sql" in str(error.value) for id in ("first_thing", "second_thing", "third_thing")
    )


def test_unknown_detection_lists_the_valid_ids(tmp_path):
    """A typo is corrected from the message alone."""
    write(tmp_path)
    with pytest.raises(ConfigError, match="No detection is named 'b_thing'. Specify one of: a_thing"):
        Catalog.load(tmp_path).detection("b_thing")


def test_shipped_catalog_has_no_problems():
    """Headers, portable SQL, columns; its cases run in test_every_detection_case.py."""
    assert sql_and_column_problems(Catalog.load(), Catalog.load().detections.values()) == []


def with_tables(tmp_path: Path) -> Catalog:
    """Return the detections under `tmp_path` with the tables of the real catalog."""
    real = Catalog.load()
    return Catalog(Catalog.load(tmp_path).detections, {}, real.tables, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sql": SQL.replace("monthly_cost", "cost")}, "the query does not return monthly_cost"),
        ({"sql": SQL.replace("EffectiveCost", "effective")}, "DuckDB cannot run the query"),
        (
            {"reason": '"It holds {ocu_hours} hours of nothing."'},
            "reason refers to ocu_hours, which the query does not return",
        ),
        (
            {"sql": SQL.replace("sum(EffectiveCost)", "sum(EffectiveCost)::double")},
            "'::' is not portable between",
        ),
        (
            {"sql": SQL.replace("sum(EffectiveCost)", "max_by(EffectiveCost, lower(ServiceName))")},
            "'max_by(' is not portable between",
        ),
        ({"sql": SQL.replace("sum(EffectiveCost)", "bit_or(1)")}, "use bitwise_or_agg(x)"),
        (
            {"sql": SQL.replace("sum(EffectiveCost)", "bit_count(bitwise_or_agg(1))")},
            "use bit_count(x, 64)",
        ),
        ({"sql": SQL.replace("RegionId AS", "concat(RegionId, '') AS")}, "use ||"),
        ({"sql": SQL.replace("RegionId AS", "'--' || concat(RegionId, '') AS")}, "use ||"),
        (
            {"sql": "WITH first_region AS (SELECT 1), tag_values AS (SELECT 1)\n" + SQL},
            "line 1 of the query: the WITH query tag_values has the same name as a table in athena_sql/tables",
        ),
        ({}, "no test cases found"),
    ],
)
def test_check_reports_errors_that_only_an_engine_detects(tmp_path, change, message):
    """A file that loads can still be invalid."""
    write(tmp_path, **change)
    assert any(message in problem for problem in problems(with_tables(tmp_path)))


def test_unfinished_detection_is_skipped_and_reported_by_check(tmp_path):
    """It does not stop any other command, and check says what is missing."""
    (tmp_path / "athena_sql" / "detections").mkdir(parents=True)
    (tmp_path / "tests" / "detections").mkdir(parents=True)
    written = write_new_detection("forgotten_gateway", into=tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "athena_sql/detections/forgotten_gateway.sql",
        "tests/detections/forgotten_gateway.toml",
    ]
    write(tmp_path / "athena_sql", id="finished_thing")
    catalog = Catalog.load(tmp_path / "athena_sql")
    assert list(catalog.detections) == ["finished_thing"]
    assert problems(catalog, only="forgotten_gateway") == [
        "detections/forgotten_gateway.sql: found the placeholder 'FILL IN'; replace it with your own text."
    ]
    with pytest.raises(ConfigError, match="already exists"):
        write_new_detection("forgotten_gateway", into=tmp_path)


def test_completed_template_keeps_every_rule(tmp_path):
    """The template passes check once its placeholders are replaced."""
    (tmp_path / "athena_sql" / "detections").mkdir(parents=True)
    (tmp_path / "tests" / "detections").mkdir(parents=True)
    sql, _ = write_new_detection("forgotten_gateway", into=tmp_path)
    sql.write_text(sql.read_text().replace("FILL IN", "NatGateway-Hours").replace("{column}", "{region_id}"))
    errors = problems(with_tables(tmp_path / "athena_sql"))
    assert [problem for problem in errors if "cases" not in problem] == []


@pytest.mark.parametrize("name", ["Forgotten", "a", "drop table"])
def test_invalid_id_is_refused(tmp_path, name):
    """It would be invalid as the name of a saved query, a metric or a file."""
    with pytest.raises(ConfigError, match="expected 3 to 60 lowercase letters"):
        write_new_detection(name, into=tmp_path)


@pytest.mark.parametrize(
    "id", [id for id, detection in Catalog.load().detections.items() if "FROM activity" in detection.sql]
)
def test_activity_is_read_from_a_first_day(id):
    """Without a first day, Athena lists the folders of all days."""
    sql = Catalog.load().detection(id).sql
    assert sql.count("activity.activity_date >= CAST($as_of") == sql.count("FROM activity\n")


EXPLAIN_SECTION = """[explain]
charges = "gpu"
days = ["started_day", "ended_day"]
excess = "above_previous_weeks"
weeks = 2
"""


def test_a_detection_is_exactly_its_two_files(tmp_path):
    """Its cost increase and its topic follow from its header; no Python names a detection."""
    sql = SQL.replace(
        " FROM", ", min(charge_date) AS started_day, max(charge_date) AS ended_day, true AS is_gpu_job FROM"
    )
    write(tmp_path, sql=sql, category='"security"', notify='"once"', topic='"gpu-jobs"', more=EXPLAIN_SECTION)
    catalog = with_tables(tmp_path)
    assert [problem for problem in problems(catalog) if "no test cases" not in problem] == []
    assert catalog.topics == {"a_thing": "gpu-jobs"}
    row = {
        "sub_account_id": "111122223333",
        "region_id": "us-east-1",
        "resource_id": None,
        "monthly_cost": 30.0,
        "started_day": "2026-01-27",
        "ended_day": "2026-01-28",
    }
    finding = to_finding(
        row, detection=catalog.detection("a_thing"), as_of=date(2026, 1, 31), currency="USD", account_names={}
    )
    increase = cost_increase_of(finding, catalog=catalog)
    assert increase is not None
    assert (increase.first_day, increase.end_day) == (date(2026, 1, 27), date(2026, 1, 29))
    assert (increase.charges, increase.excess, increase.weeks) == ("gpu", None, 2)


def test_explained_days_must_be_columns(tmp_path):
    """Otherwise a renamed column would silently remove the root cause of a detection."""
    write(tmp_path, more=EXPLAIN_SECTION)
    assert any(
        "`days` under [explain] refers to ended_day, started_day" in one
        for one in problems(with_tables(tmp_path))
    )


@pytest.mark.parametrize(("old", "new"), [("each_time", "every_run"), ("once", "once")])
def test_old_key_told_is_accepted_for_notify(tmp_path, old, new):
    """Detections that users wrote keep working for one version."""
    write(tmp_path, told=f'"{old}"')
    assert Catalog.load(tmp_path).detection("a_thing").header.notify == new


def test_former_name_of_a_placeholder_is_accepted(tmp_path):
    """Detections and test cases that users wrote keep working for one version."""
    write(tmp_path, sql=SQL.replace("$as_of", "$as_of AND charge_date >= $news_since"))
    values = {"as_of": date(2026, 1, 31), "first_new_day": date(2026, 1, 24)}
    assert "charge_date >= DATE '2026-01-24'" in Catalog.load(tmp_path).detection("a_thing").render(values)
    case = Case.model_validate({"name": "an old key", "kind": "quiet", "news_since": date(2026, 1, 24)})
    assert case.first_new_day == date(2026, 1, 24)


def test_check_of_one_detection_reports_only_its_problems(tmp_path):
    """An unknown id is refused."""
    write(tmp_path, id="first_thing", reason='"It has no {such_column} in its rows."')
    write(tmp_path, id="second_thing")
    errors = problems(with_tables(tmp_path), only="second_thing")
    assert errors == [problem for problem in errors if "second_thing" in problem] != []
    with pytest.raises(ConfigError, match="No detection is named 'third_thing'"):
        problems(with_tables(tmp_path), only="third_thing")


def test_check_reports_its_progress():
    """The whole catalog takes minutes."""
    lines: list[str] = []
    assert problems(only="budget_pace", progress=lines.append) == []
    assert lines[-1].endswith("of budget_pace (1 of 1)")


def test_check_of_one_detection_says_that_another_broken_file_prevents_it(monkeypatch, tmp_path):
    """Without this problem, it would report success, even for an unknown id."""
    write(tmp_path, id="first_thing", category='"wasted"')
    write(tmp_path, id="second_thing")
    monkeypatch.setattr(Catalog, "load", partial(Catalog.load, tmp_path))
    assert (
        problems(only="first_thing")
        == [problem for problem in problems() if problem.startswith("detections/first_thing.sql: category: ")]
        != []
    )
    for id in ("second_thing", "unknown_thing"):
        assert problems(only=id) == [
            f"{id}: not checked, because the catalog has errors in detections/first_thing.sql. Fix these errors "
            "first; `focuswatch check` lists them."
        ]
