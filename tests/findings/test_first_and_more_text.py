"""Sentences list the first names and count the others."""

import pytest

from focuswatch.findings.first_and_more_text import first_and_more


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b and 1 more")],
)
def test_others_are_counted_only_if_there_are_any(texts, expected):
    assert first_and_more(texts, most=2) == expected
