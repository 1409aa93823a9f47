"""Budgets of callers in owners.toml: rows for the detection, and the mistakes that are named."""

from pathlib import Path

import pytest

from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file_and_assignment import Owners

TEAMS = '[teams.search]\nchannel = "#search"\n'


def load(tmp_path, text):
    path = tmp_path / "owners.toml"
    path.write_text(TEAMS + text)
    return Owners.load(path)


def test_a_budget_has_a_row_for_each_rule_and_limit(tmp_path):
    """A tag's key and value are as rules compare them; the only team owns the findings."""
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
    ("text", "said"),
    [
        ("roles = ['R']", "principal_budgets.b: the budget has no limit. Add `daily_budget`"),
        ("monthly_budget = 3", "principal_budgets.b: the budget has no callers. Add `principals`"),
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
def test_mistakes_are_named_with_their_place(tmp_path, text, said):
    """All of a file at once, as for other sections."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[principal_budgets.b]\n{text}\n")
    assert said in str(caught.value)


def test_a_finding_about_a_caller_is_owned_by_the_callers_tag(tmp_path):
    """It wins over the tag of the inference profile that was called; a resource's tag alone counts as before."""
    owners = load(tmp_path, '[teams.ml]\nchannel = "#ml"\n')
    where = {"account_id": None, "account_tags": None, "ou_path": None}
    for tags in (
        {"iamPrincipal/team": "search", "team": "ml"},
        {"team": "ml", "iamPrincipal/team": "search"},
    ):
        assert owners.owner(tags=tags, **where) == ("search", "resource tag")
    assert owners.owner(tags={"team": "ml"}, **where) == ("ml", "resource tag")


def test_the_example_of_a_budget_is_accepted_as_it_stands(tmp_path):
    """The section that config/owners.toml shows, without its comment signs."""
    text = (Path(__file__).parents[2] / "config" / "owners.toml").read_text()
    start = text.index("# [principal_budgets")
    example = text[start : text.index("\n\n", start)]
    budget = load(tmp_path, example.replace("# ", "", 1).replace("\n# ", "\n")).principal_budgets[
        "ticket-agent"
    ]
    assert budget.owner == "search"
    assert len(budget.limits) == 2
