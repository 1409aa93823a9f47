"""A statement reads selected rows in place of a whole table."""

from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.engines.prepend_tables_as_ctes import replace_table


def test_rows_are_replaced_but_not_the_table_name_in_a_string_or_comment():
    """A resource on the bill can be named like a table."""
    statement = "SELECT * FROM charges -- charges\nWHERE id = 'table/charges' OR id = 'it''s charges'"
    assert replace_table(statement, "charges", select="SELECT * FROM charges WHERE day > 3") == (
        "WITH selected_charges AS (\nSELECT * FROM charges WHERE day > 3\n)\n"
        "SELECT * FROM selected_charges -- charges\nWHERE id = 'table/charges' OR id = 'it''s charges'"
    )


def test_quoted_table_is_read_and_replaced_but_not_an_apostrophe_in_a_quoted_name():
    statement = """SELECT "it's" FROM "charges" WHERE id = 'charges'"""
    assert tables_read_by(statement, {"charges": "", "it": ""}) == {"charges", "it"}
    assert tables_read_by("SELECT 'charges' /* charges */ -- charges", {"charges": ""}) == set()
    assert replace_table(statement, "charges", select="SELECT 1").endswith(
        """SELECT "it's" FROM selected_charges WHERE id = 'charges'"""
    )


def test_table_is_read_whatever_the_case_of_its_name_in_the_statement():
    tables = {"charges": "SELECT * FROM Folded", "folded": "", "other": ""}
    assert tables_read_by("SELECT * FROM Charges", tables) == {"charges", "folded"}
