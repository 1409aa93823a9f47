"""A statement reads selected rows in place of a whole table."""

from focuswatch.engines.prepend_tables_as_ctes import replace_table


def test_rows_are_replaced_but_not_the_table_name_in_a_string_or_comment():
    """A resource on the bill can be named like a table."""
    statement = "SELECT * FROM charges -- charges\nWHERE id = 'table/charges' OR id = 'it''s charges'"
    assert replace_table(statement, "charges", select="SELECT * FROM charges WHERE day > 3") == (
        "WITH selected_charges AS (\nSELECT * FROM charges WHERE day > 3\n)\n"
        "SELECT * FROM selected_charges -- charges\nWHERE id = 'table/charges' OR id = 'it''s charges'"
    )
