"""Budgets of Bedrock callers in owners.toml: rows for the detection, and mistakes in them."""

from pathlib import Path

import pytest

from focuswatch.errors import ConfigError
from focuswatch.owners.assign_owner_and_use_case import assigned_owner
from focuswatch.owners.owners_file import Owners

TEAMS = '[teams.search]\nchannel = "#search"\n'


def load(tmp_path, text):
    path = tmp_path / "owners.toml"
    path.write_text(TEAMS + text)
    return Owners.load(path)


def test_budget_has_a_row_for_each_rule_and_limit(tmp_path):
    """Tag keys and values are normalized. If the budget names only one team, that team owns its findings."""
    text = """
    [principal_budgets.assistant]
    roles = ["AppRole"]
    teams = ["search"]
    tags = { "iamPrincipal/Product" = [" Assistant "] }
    monthly_budget = 300
    daily_million_tokens = 2.5
    """
    rows = load(tmp_path, text).tables["principal_budgets"]
    assert sorted(rows, key=str) == [
        ("assistant", "role", None, "AppRole", "search", "cost", "month", 300.0),
        ("assistant", "role", None, "AppRole", "search", "million tokens", "day", 2.5),
        ("assistant", "tag", "product", "assistant", "search", "cost", "month", 300.0),
        ("assistant", "tag", "product", "assistant", "search", "million tokens", "day", 2.5),
        ("assistant", "team", None, "search", "search", "cost", "month", 300.0),
        ("assistant", "team", None, "search", "search", "million tokens", "day", 2.5),
    ]


@pytest.mark.parametrize(
    ("text", "expected_message"),
    [
        ("roles = ['R']", "principal_budgets.b: found no limit. Add `daily_budget`"),
        ("monthly_budget = 3", "principal_budgets.b: found no callers. Add `principals`"),
        (
            "teams = ['sales']\nmonthly_budget = 3",
            "found the team 'sales', expected one of the teams: search",
        ),
        (
            "roles = ['R']\ndaily_budget = 0",
            "principal_budgets.b.daily_budget: Input should be greater than 0",
        ),
        ("role = 'R'\ndaily_budget = 1", "principal_budgets.b.role: Extra inputs are not permitted"),
    ],
)
def test_mistakes_name_their_key(tmp_path, text, expected_message):
    """Each mistake in the section is reported with its key."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[principal_budgets.b]\n{text}\n")
    assert expected_message in str(caught.value)


def test_caller_s_tag_assigns_a_finding_about_the_caller(tmp_path):
    """It has priority over the tag of the inference profile, which applies only without a caller's tag."""
    owners = load(tmp_path, '[teams.ml]\nchannel = "#ml"\n')
    where = {"account_id": None, "account_tags": None, "ou_path": None}
    for tags in (
        {"iamPrincipal/team": "search", "team": "ml"},
        {"team": "ml", "iamPrincipal/team": "search"},
    ):
        assert assigned_owner(owners, tags=tags, **where) == ("search", "resource tag")
    assert assigned_owner(owners, tags={"team": "ml"}, **where) == ("ml", "resource tag")


def test_example_of_a_caller_budget_is_valid(tmp_path):
    """The commented section in config/owners.toml is valid without its comment signs."""
    text = (Path(__file__).parents[2] / "config" / "owners.toml").read_text()
    start = text.index("# [principal_budgets")
    example = text[start : text.index("\n\n", start)]
    budget = load(tmp_path, example.replace("# ", "", 1).replace("\n# ", "\n")).principal_budgets[
        "ticket-agent"
    ]
    assert budget.owner == "search"
    assert len(budget.limits) == 2
