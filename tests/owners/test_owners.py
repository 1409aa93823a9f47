"""Which team owns a finding, from the resource tag to the fallback, and mistakes in owners.toml."""

from datetime import date
from pathlib import Path

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.strip_tag_key_prefixes import TAG_PREFIX
from focuswatch.errors import ConfigError
from focuswatch.owners.assign_owner_and_use_case import assigned_owner
from focuswatch.owners.owners_file import Owners

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
    ("fields", "expected"),
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
def test_first_rule_that_names_a_team_determines_the_owner(owners, fields, expected):
    """The order is resource tag, account tag, account, OU, fallback. Of several OUs, the longest path wins."""
    nothing = {"tags": None, "account_id": None, "account_tags": None, "ou_path": None}
    assert assigned_owner(owners, **(nothing | fields)) == expected


def test_without_owners_toml_the_tag_value_is_the_team():
    """The first scan of a new user has no owners.toml."""
    owner = assigned_owner(
        Owners(), tags={"team": "Search"}, account_id=None, account_tags=None, ou_path=None
    )
    assert owner == ("Search", "resource tag")


@pytest.mark.parametrize(
    ("text", "expected_texts"),
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
def test_every_mistake_names_its_key(tmp_path, text, expected_texts):
    """All errors are reported at once."""
    path = tmp_path / "owners.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        Owners.load(path)
    assert all(words in str(error.value) for words in [*expected_texts, "owners.toml"])


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("[teams.a]\nchannel = '#a'\nowns = {{ accounts = ['{id}'] }}", "teams.a.owns.accounts"),
        (
            "[use_cases.a]\nintent = 'production'\nrows = {{ accounts = ['{id}'] }}",
            "use_cases.a.rows.accounts",
        ),
        (
            "[teams.a]\nchannel = '#a'\n[[chargeback.shared]]\nname = 'x'\naccounts = ['{id}']\nsplit = 'even'",
            "chargeback.shared.x.accounts",
        ),
    ],
)
def test_account_id_has_only_digits_that_aws_uses(tmp_path, section, key):
    """Digits of other scripts are not valid in account IDs."""
    path = tmp_path / "owners.toml"
    path.write_text(section.format(id="111122223333"))
    Owners.load(path)
    path.write_text(section.format(id="١١١١٢٢٢٢٣٣٣٣"), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{key}: found '١١١١٢٢٢٢٣٣٣٣', expected a 12-digit account ID"):
        Owners.load(path)


def test_error_names_a_missing_file(tmp_path):
    """There is no traceback."""
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere.toml: No such file"):
        Owners.load(tmp_path / "nowhere.toml")


def test_byte_order_mark_is_accepted(tmp_path):
    """Some editors on Windows write a byte order mark."""
    path = tmp_path / "owners.toml"
    path.write_text(OWNERS, encoding="utf-8-sig")
    assert "search" in Owners.load(path).teams


def test_sql_and_owners_remove_the_same_tag_prefixes():
    """A tag names the same team in findings, in reports and in the detection of untagged spend."""
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
    ("section", "expected_message"),
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
            "use_cases.lab and use_cases.tickets both match the tag use_case=tickets. Assign this tag to only one use "
            "case.",
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
def test_mistake_in_a_use_case_is_one_sentence(tmp_path, section, expected_message):
    """The sentence has the key, the value and the expected value."""
    path = tmp_path / "owners.toml"
    path.write_text(f"{USE_CASES}\n[use_cases.lab]\n{section}\n")
    with pytest.raises(ConfigError) as refused:
        Owners.load(path)
    assert expected_message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_mistakes_of_all_use_cases_are_reported_at_once(tmp_path):
    """Users can then correct the file in one step."""
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
    """Tag keys have no prefix, values are normalized, a star becomes a prefix rule, and each team has a plan too."""
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
    """Users who remove the comment signs get a valid file."""
    text = (Path(__file__).parents[2] / "config" / "owners.toml").read_text()
    head, _, rest = text.partition("# [use_cases.")
    example, _, _ = rest.partition("\n\n")
    path = tmp_path / "owners.toml"
    path.write_text(
        head + "\n".join(line.removeprefix("# ") for line in f"# [use_cases.{example}".splitlines())
    )
    assert Owners.load(path).use_cases.keys() == {"ticket-answers"}


def test_use_case_with_resources_is_recognized():
    """If no use case lists resources, resource IDs are not read: athena_sql/tables/owner_key_days.sql."""
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
def test_budget_must_be_positive_and_finite(tmp_path, section, budget):
    """Reports divide by the budget, so it must not be 0 and must fit a double."""
    path = tmp_path / "owners.toml"
    path.write_text(f"{section}\nmonthly_budget = {budget}\n")
    with pytest.raises(ConfigError, match=r"prod\.monthly_budget: "):
        Owners.load(path)
