"""Rules for models, batch and Regions: their rows for SQL, and mistakes."""

import pytest

from focuswatch.owners.ai_usage_policy_rules import words_of
from focuswatch.owners.owners_file_and_assignment import Owners


def owners(*, rows=True, **rules):
    use_case = (
        {"intent": "production", "rows": {"accounts": ["111122223333"]}} if rows else {"intent": "shared"}
    )
    return Owners.model_validate({"use_cases": {"tickets": use_case | rules}})


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("anthropic.claude-haiku*", ["claude", "haiku"]),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", ["claude", "sonnet", " 4 "]),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", ["claude", "haiku", " 4 ", " 5 "]),
        ("amazon.nova-lite-v1:0", ["nova", "lite"]),
        ("openai.gpt-oss-120b*", ["gpt", "oss", " 120 ", "b"]),
        ("NovaLite", ["novalite"]),
    ],
)
def test_a_pattern_is_compared_by_its_words_and_numbers(pattern, words):
    """Without the scope of a profile, the provider, the date and the version."""
    assert words_of(pattern) == words


def test_rules_are_rows_of_a_table():
    """One for each word, Region, and for batch."""
    found = owners(models=["amazon.nova*"], batch="required", regions=["us-east-1"])
    assert list(found.mistakes()) == []
    assert found.tables["policy_rules"] == [
        ("tickets", "model", "amazon.nova*", "nova"),
        ("tickets", "region", "us-east-1", "us-east-1"),
        ("tickets", "batch", None, None),
    ]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"models": ["*"]}, "models: found '*', expected a Bedrock model ID"),
        ({"models": ["anthropic.*.haiku"]}, "expected a Bedrock model ID"),
        ({"models": ["claude haiku"]}, "expected a Bedrock model ID"),
        ({"regions": ["Ireland"]}, "regions: found 'Ireland', expected a Region"),
    ],
)
def test_each_mistake_is_one_sentence(rules, expected):
    """With its place in the file."""
    (mistake,) = owners(**rules).mistakes()
    assert mistake.startswith("use_cases.tickets.")
    assert expected in mistake


def test_rules_need_rows():
    """A team's whole spend is not the use case's."""
    found = Owners.model_validate(
        {"teams": {"a": {"channel": "#a"}},
         "use_cases": {"tickets": {"intent": "production", "team": "a", "batch": "required"}}}
    )  # fmt: skip
    assert list(found.mistakes()) == [
        "use_cases.tickets.batch: found no `rows`; expected `rows` that select the charges of the use case."
    ]
