"""Rules of use cases for models, batch inference and Regions: their rows for SQL, and mistakes in them."""

import pytest

from focuswatch.owners.ai_usage_policy_rules import words_of
from focuswatch.owners.owners_file import Owners


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
def test_model_pattern_is_compared_by_its_words_and_numbers(pattern, words):
    """The scope of a profile, the provider, the date and the version are ignored."""
    assert words_of(pattern) == words


def test_rules_are_rows_of_a_table():
    """There is one row for each word, for each Region, and for batch."""
    policy_owners = owners(models=["amazon.nova*"], batch="required", regions=["us-east-1"])
    assert list(policy_owners.mistakes()) == []
    assert policy_owners.tables["policy_rules"] == [
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
def test_each_mistake_is_one_sentence_with_its_key(rules, expected):
    """The sentence begins with the key in the file."""
    (mistake,) = owners(**rules).mistakes()
    assert mistake.startswith("use_cases.tickets.")
    assert expected in mistake


def test_rules_require_rows():
    """Without `rows`, the rules would apply to the whole spend of the team."""
    policy_owners = Owners.model_validate(
        {"teams": {"a": {"channel": "#a"}},
         "use_cases": {"tickets": {"intent": "production", "team": "a", "batch": "required"}}}
    )  # fmt: skip
    assert list(policy_owners.mistakes()) == [
        "use_cases.tickets.batch: found no `rows`; expected `rows` that select the charges of the use case."
    ]
