"""Values that a case file may contain, beyond those that the cases of the catalog use."""

from datetime import date

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables, differences
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.engines.duckdb_connection_macros_and_tables import connect

DETECTION = Catalog.load().detections["new_region"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2026-03-30", date(2026, 3, 30)), (["2026-03-30"], [date(2026, 3, 30)]), ({"a": 1}, {"a": 1})],
)
def test_expected_dates_may_be_toml_dates(value, expected):
    """A query returns dates as ISO text."""
    case = Case(name="a day is a day", kind="fires", findings=[{"day": expected}])
    assert differences(case, Outcome(DETECTION, rows=({"day": value},))) == []
    assert differences(case, Outcome(DETECTION, rows=({"day": "2026-03-31"},))) != []


def test_growth_keeps_null_values():
    """A quantity that is null does not grow."""
    charge = {"EffectiveCost": 10.0, "ConsumedQuantity": "null", "growth": 1.0}
    case = Case(
        name="costs double", kind="fires", charges=[charge | {"days": [date(2026, 3, 1), date(2026, 3, 3)]}]
    )
    connection = connect()
    create_input_tables(
        connection, case, file=CaseFile.model_construct(as_of=date(2026, 3, 3), charge={}, activity_row={})
    )
    rows = connection.execute(
        "SELECT EffectiveCost, ConsumedQuantity FROM folded_charges ORDER BY 1"
    ).fetchall()
    assert rows == [(10.0, None), (20.0, None)]
