"""Who owns a finding: the chain from a resource's tag to the fallback, and the mistakes owners.toml can hold."""

from pathlib import Path

import pytest

from focuswatch.catalog import Catalog
from focuswatch.errors import ConfigError
from focuswatch.owners import TAG_PREFIX, Owners

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
    """On a first look nobody has written owners.toml yet."""
    owner = Owners().owner(tags={"team": "Search"}, account_id=None, account_tags=None, ou_path=None)
    assert owner == ("Search", "resource tag")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[teams.a]\nchanel = '#a'", ["teams.a.channel", "teams.a.chanel"]),
        ("[teams.a]\nchannel = '#a'\nowns = { accounts = ['12'] }", ["expected an account id of 12 digits"]),
        (
            "[teams.a]\nchannel = '#a'\nowns = { accounts = ['111122223333'] }\n"
            "[teams.b]\nchannel = '#b'\nowns = { accounts = ['111122223333'] }",
            ["teams.b and teams.a both own the account 111122223333"],
        ),
        ("[teams", ["is not TOML"]),
    ],
)
def test_every_mistake_is_named_with_its_key(tmp_path, text, told):
    """One reading tells all that is wrong."""
    path = tmp_path / "owners.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        Owners.load(path)
    assert all(words in str(error.value) for words in [*told, "owners.toml"])


def test_a_missing_file_is_named(tmp_path):
    """Not a traceback."""
    with pytest.raises(ConfigError, match=r"nowhere.toml cannot be read: No such file"):
        Owners.load(tmp_path / "nowhere.toml")


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    """Editors on Windows write one."""
    path = tmp_path / "owners.toml"
    path.write_text(OWNERS, encoding="utf-8-sig")
    assert "search" in Owners.load(path).teams


def test_sql_strips_the_prefixes_that_owners_strip():
    """A tag names the same team in a finding, in a report and in what counts as untagged."""
    catalog = Catalog.load()
    for entry in (
        catalog.detection("untagged_ai_spend"),
        catalog.tables["owned_days"],
        catalog.tables["launch_days"],
    ):
        assert entry.header.parameters["tag_prefix"] == TAG_PREFIX.pattern
