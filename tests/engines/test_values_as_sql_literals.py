"""Values become SQL literals of the right type and are never read as SQL."""

import math
from datetime import date
from decimal import Decimal

import pytest

from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.fill_placeholders_with_literals import placeholders, render
from focuswatch.engines.values_as_sql_literals import MOST_GIVEN_BYTES, comment_text, literals, portions


@pytest.mark.parametrize(
    "value",
    [
        7,
        -1,
        0.1,
        1e-9,
        2.5e20,
        math.inf,
        -math.inf,
        True,
        False,
        "it's",
        "'; DROP TABLE x --",
        "🙂 \\ \n $as_of",
        "",
        date(2024, 2, 29),
    ],
)
def test_literal_keeps_value_and_type(value):
    """This includes quotes, emoji, and very small and large numbers."""
    (result,) = connect().execute(f"SELECT {literals(value)}").fetchone()
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("value", [math.nan, Decimal("NaN")])
def test_nan_stays_nan(value):
    (result,) = connect().execute(f"SELECT {literals(value)}").fetchone()
    assert math.isnan(result)


def test_number_that_is_not_finite_is_a_double_on_trino(local_trino):
    """Trino and DuckDB read the same literal."""
    values = [math.inf, -math.inf, Decimal("Infinity")]
    (row,) = local_trino.engine().query(
        f"SELECT {literals(values[0])} AS a, {literals(values[1])} AS b, {literals(values[2])} AS c, "
        f"is_nan({literals(math.nan)}) AS d",
        label="literals",
    )
    assert list(row.values()) == [*values, True]


def test_text_cannot_end_its_comment():
    """The text also loses the characters that Athena rejects in a comment."""
    assert comment_text("team */ DROP TABLE x; it's \n--") == "team   DROP TABLE x  it s  --"


def test_float_is_a_double_on_each_engine():
    """Trino reads 0.1 as a decimal, which divides differently."""
    assert [literals(value) for value in (0.1, 20.0, 1e-9)] == ["0.1E0", "20.0E0", "1E-09"]


def test_lists_and_rows_are_comma_separated():
    """They can be used in IN (…), ARRAY[…] and VALUES."""
    assert literals(["a", "b"]) == "'a', 'b'"
    assert literals([("a", 1), (None, 2)]) == "('a', 1), (CAST(NULL AS varchar), 2)"
    assert literals([]) == "CAST(NULL AS varchar)"


def test_rows_are_split_at_the_statement_limit():
    """Each row occurs once, in order and within Athena's limit; a row that is too long has its own statement."""
    rows = [(f"ü{number}" + "x" * 990, number) for number in range(1000)] + [
        ("y" * MOST_GIVEN_BYTES, 0),
        ("z", 1),
    ]
    parts = list(portions(rows))
    assert [row for portion in parts for row in portion] == rows
    assert [len(literals(portion).encode()) <= MOST_GIVEN_BYTES for portion in parts] == [True] * 7 + [
        False,
        True,
    ]
    assert len(parts) == 9 and list(portions([])) == []


def test_placeholders_in_comments_are_ignored():
    sql = "SELECT $as_of -- not $this\n, $least /* nor\n$that */, 'text -- ' || $text"
    assert placeholders(sql) == {"as_of", "least", "text"}
    filled = render(sql, {"as_of": 1, "least": 2, "text": "$least"})
    assert filled == "SELECT 1 -- not $this\n, 2 /* nor\n$that */, 'text -- ' || '$least'"


def test_rendered_value_is_not_rendered_again():
    """A tag that looks like a placeholder is not replaced."""
    assert render("$a $b", {"a": "$b", "b": 1}) == "'$b' 1"
