"""Who owns a finding: the chain from a resource's tag to the fallback, and the mistakes owners.toml can hold."""

from datetime import date
from pathlib import Path

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.tag_key_prefixes import TAG_PREFIX
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file_and_assignment import Owners

OWNERS = """
[routing]
owner_tags = ["team", "owner"]
[teams.search]
channel = "#team-search"
owns = { accounts = ["111122223333"], ous = ["/prod/search"], tags = { team = ["srch"], application = ["finder"] } }
[teams.ads]
channel = "#team-ads"
owns = { accounts = ["444455556666"], ous = ["/prod", "/prod/search/ads/"] }
"""


@pytest.fixture
def owners(tmp_path: Path) -> Owners:
    path = tmp_path / "owners.toml"
    path.write_text(OWNERS)
    return Owners.load(path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tags": {"team": "ads"}, "account_id": "111122223333"}, ("ads", "resource tag")),
        ({"tags": {"team": "SRCH "}}, ("search", "resource tag")),
        ({"tags": {"resourceTags/user:Team": "ads"}}, ("ads", "resource tag")),
        ({"tags": {"user:owner": "ads"}}, ("ads", "resource tag")),
        ({"tags": {"owner": "ads", "team": "search"}}, ("search", "resource tag")),
        ({"tags": {"application": "finder"}}, ("search", "resource tag")),
        ({"tags": {"team": "", "owner": "ads"}}, ("ads", "resource tag")),
        ({"tags": {"team": "nobody-knows"}, "account_id": "444455556666"}, ("ads", "account")),
        ({"account_tags": {"team": "ads"}, "account_id": "111122223333"}, ("ads", "account tag")),
        ({"account_id": "111122223333", "ou_path": "/prod/search/ads"}, ("search", "account")),
        ({"ou_path": "/prod/search/ads"}, ("ads", "ou")),
        ({"ou_path": "/prod/search/x"}, ("search", "ou")),
        ({"ou_path": "prod/other/"}, ("ads", "ou")),
        ({"ou_path": "/production"}, (None, "fallback")),
        ({}, (None, "fallback")),
    ],
)
def test_the_first_rule_that_names_a_team_decides(owners, given, expected):
    """Resource tag, account tag, account, OU, fallback; in an OU the longest path wins."""
    nothing = {"tags": None, "account_id": None, "account_tags": None, "ou_path": None}
    assert owners.owner(**(nothing | given)) == expected


def test_without_a_file_a_tag_names_the_team_itself():
    """A first scan has no owners.toml."""
    owner = Owners().owner(tags={"team": "Search"}, account_id=None, account_tags=None, ou_path=None)
    assert owner == ("Search", "resource tag")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[teams.a]\nchanel = '#a'", ["teams.a.channel", "teams.a.chanel"]),
        ("[teams.a]\nchannel = '#a'\nowns = { accounts = ['12'] }", ["expected a 12-digit account ID"]),
        (
            "[teams.a]\nchannel = '#a'\nowns = { accounts = ['111122223333'] }\n"
            "[teams.b]\nchannel = '#b'\nowns = { accounts = ['111122223333'] }",
            ["teams.b and teams.a both own the account 111122223333"],
        ),
        ("[teams", ["is not TOML"]),
    ],
)
def test_every_mistake_is_named_with_its_key(tmp_path, text, told):
    """All errors are reported at once."""
    path = tmp_path / "owners.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        Owners.load(path)
    assert all(words in str(error.value) for words in [*told, "owners.toml"])


def test_a_missing_file_is_named(tmp_path):
    """Not a traceback."""
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere.toml: No such file"):
        Owners.load(tmp_path / "nowhere.toml")


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    """Editors on Windows write one."""
    path = tmp_path / "owners.toml"
    path.write_text(OWNERS, encoding="utf-8-sig")
    assert "search" in Owners.load(path).teams


def test_sql_and_owners_remove_the_same_tag_prefixes():
    """A tag names the same team in a finding, in a report and in what counts as untagged."""
    catalog = Catalog.load()
    for entry in (
        catalog.detection("untagged_ai_spend"),
        catalog.tables["tag_values"],
        catalog.tables["launch_rules"],
    ):
        values = {"as_of": date(2026, 3, 31), "required_tags": ["team"]}
        assert TAG_PREFIX.pattern in entry.render(values)


USE_CASES = """
[teams.help]
channel = "#help"
[use_cases.tickets]
intent = "experiment"
team = "help"
cap = 900
rows = { tags = { "user:Use_Case" = ["Tickets "] }, resources = ["arn:aws:sagemaker:*"] }
launches = [{ first_day = 2026-03-01, last_day = 2026-03-14, factor = 4 }]
"""


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ('intent = "bet"\nteam = "help"', "use_cases.lab.intent: Input should be 'experiment'"),
        (
            'intent = "shared"\nteam = "hlep"',
            "use_cases.lab.team: found 'hlep', expected one of the teams: help.",
        ),
        ('intent = "shared"', "use_cases.lab: found neither `team` nor `rows`"),
        (
            'intent = "experiment"\nteam = "help"',
            "use_cases.lab: found an experiment with neither `review_on` nor `cap`",
        ),
        ('intent = "shared"\nteam = "help"\ncap = 0', "use_cases.lab.cap: Input should be greater than 0"),
        (
            'intent = "shared"\nteam = "help"\nunit = "ticket"',
            "found only one of the keys `unit` and `accepted_unit_cost`",
        ),
        ('intent = "shared"\nrows = { accounts = ["12"] }', "use_cases.lab.rows.accounts: found '12'"),
        ('intent = "shared"\nrows = { resources = ["a*b"] }', "use_cases.lab.rows.resources: found 'a*b'"),
        ('intent = "shared"\nrows = { resources = ["*"] }', "use_cases.lab.rows.resources: found '*'"),
        (
            'intent = "shared"\nrows = { tags = { use_case = ["tickets"] } }',
            "use_cases.lab and use_cases.tickets both match the tag use_case=tickets. Assign this tag to one use case.",
        ),
        (
            'intent = "shared"\nrows = { accounts = ["111122223333"] }\n'
            "launches = [{ first_day = 2026-03-14, last_day = 2026-03-01, factor = 4 }]",
            "use_cases.lab.launches.0: `last_day` (2026-03-01) is before `first_day` (2026-03-14).",
        ),
        (
            'intent = "shared"\nteam = "help"\n'
            "launches = [{ first_day = 2026-03-01, last_day = 2026-03-01, "
            "factor = 1 }]",
            "use_cases.lab.launches.0.factor: Input should be greater than 1",
        ),
        (
            'intent = "shared"\nteam = "help"\n'
            "launches = [{ first_day = 2026-03-01, last_day = 2026-03-01, "
            "factor = 2 }]",
            "use_cases.lab.launches: found no `rows`; expected `rows`",
        ),
    ],
)
def test_a_wrong_word_about_a_use_case_is_named(tmp_path, section, named):
    """Where it stands, what was found, what was expected."""
    path = tmp_path / "owners.toml"
    path.write_text(f"{USE_CASES}\n[use_cases.lab]\n{section}\n")
    with pytest.raises(ConfigError) as refused:
        Owners.load(path)
    assert named in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_all_mistakes_of_all_use_cases_are_named_at_once(tmp_path):
    """Whoever writes the file corrects it once."""
    path = tmp_path / "owners.toml"
    path.write_text('[use_cases.a]\nintent = "experiment"\n[use_cases.b]\nintent = "shared"\nteam = "x"\n')
    with pytest.raises(ConfigError) as refused:
        Owners.load(path)
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        "use_cases.a",
        "use_cases.a",
        "use_cases.b.team",
    ]


def test_use_cases_become_rows_that_sql_reads(tmp_path):
    """Keys are bare, values as they are compared; a star is a beginning; a team has a plan, too."""
    path = tmp_path / "owners.toml"
    path.write_text(USE_CASES)
    tables = Owners.load(path).tables
    assert tables["plan_rules"] == [
        ("intent_key", "intent", None, None, 0),
        ("resource", "prefix", "arn:aws:sagemaker:", "tickets", 0),
        ("tag", "use_case", "tickets", "tickets", 0),
    ]
    assert [plan[:3] for plan in tables["plans"]] == [
        ("help", "team", "help"),
        ("tickets", "use case", "help"),
    ]
    assert tables["launches"] == [("tickets", date(2026, 3, 1), date(2026, 3, 14), 4.0)]


def test_example_of_a_use_case_is_valid(tmp_path):
    """Whoever takes the comment signs away has a valid file."""
    text = (Path(__file__).parents[2] / "config" / "owners.toml").read_text()
    head, _, rest = text.partition("# [use_cases.")
    example, _, _ = rest.partition("\n\n")
    path = tmp_path / "owners.toml"
    path.write_text(
        head + "\n".join(line.removeprefix("# ") for line in f"# [use_cases.{example}".splitlines())
    )
    assert Owners.load(path).use_cases.keys() == {"ticket-answers"}


def test_use_case_with_resources_is_recognized():
    """If no use case lists resources, the bill is not read for them: athena_sql/tables/owner_key_days.sql."""
    by_tag = {"intent": "production", "rows": {"tags": {"app": ["a"]}}}
    by_resource = {"intent": "production", "rows": {"resources": ["arn:aws:s3:::b*"]}}
    named = [
        Owners.model_validate({"use_cases": use_cases}).names_resources
        for use_cases in ({}, {"a": by_tag}, {"a": by_tag, "b": by_resource})
    ]
    assert named == [False, False, True]


@pytest.mark.parametrize("budget", ["-5", "0", "inf", "nan", f"1{'0' * 400}", "1e-400", "1e300"])
@pytest.mark.parametrize(
    "section", ["[teams.prod]\nchannel = '#prod'", "[use_cases.prod]\nintent = 'shared'"]
)
def test_a_budget_is_a_sum_that_can_be_spent(tmp_path, section, budget):
    """Reports divide by it: neither nothing nor more than a double holds."""
    path = tmp_path / "owners.toml"
    path.write_text(f"{section}\nmonthly_budget = {budget}\n")
    with pytest.raises(ConfigError, match=r"prod\.monthly_budget: "):
        Owners.load(path)
