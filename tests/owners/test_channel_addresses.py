"""Channels in owners.toml: addresses, mistakes, and which of a team's channels gets a finding."""

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import ConfigError
from focuswatch.owners.channel_address import ChannelAddress
from focuswatch.owners.finding_addresses import addresses_of_kind, finding_addresses
from focuswatch.owners.owners_file import Owners
from tests.given.incidents import with_critical_finding
from tests.given.one_line_findings import finding

CATALOG = Catalog.load()
ROUTED = """
[routing]
fallback_channel = "teams:finops"
[teams.search]
channels = [
  { to = "#team-search", categories = ["waste", "anomaly", "governance"] },
  { to = "#search-security", categories = ["security"] },
  { to = "pagerduty:oncall", least_severity = "critical" },
]
[teams.ads]
channel = "mailto:ads@example.com"
"""


def loaded(tmp_path, text):
    path = tmp_path / "owners.toml"
    path.write_text(text)
    return Owners.load(path)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("#team-search", "slack", "#team-search"),
        ("#équipe_2", "slack", "#équipe_2"),
        ("C0123456789", "slack", "C0123456789"),
        ("teams:search", "teams", "search"),
        ("pagerduty:on-call.1", "pagerduty", "on-call.1"),
        ("mailto:finance+aws@example.co.uk", "email", "finance+aws@example.co.uk"),
        ("https://hooks.example.com:8443/focuswatch", "webhook", "https://hooks.example.com:8443/focuswatch"),
    ],
)
def test_address_is_parsed_and_written_back_unchanged(text, kind, name):
    """Logs and messages show addresses as they are in owners.toml."""
    address = ChannelAddress.parse(text)
    assert (address.kind, address.name, str(address)) == (kind, name, text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("team/search", "found 'team/search', expected \"#channel\", a Slack channel ID"),
        ("#team search", "found '#team search'"),
        ("#", "found '#'"),
        ("", "found ''"),
        ("teams:", "expected teams:NAME, where NAME is a key in the secret"),
        ("teams:a b", "found 'teams:a b', expected teams:NAME"),
        ("pagerduty:../x", "expected pagerduty:NAME"),
        ("mailto:a", "expected one address such as mailto:team@example.com"),
        ("mailto:a@example.com,b@example.com", "expected one address"),
        ("http://hooks.example.com/x", "found 'http://hooks.example.com/x'"),
        ("https://", 'expected "https://host/path"'),
        ("https://[::1/x", 'expected "https://host/path"'),
        ("https://hooks.example.com:port/x", 'expected "https://host/path"'),
        ("https://hooks.example.com/a b", 'expected "https://host/path"'),
    ],
)
def test_invalid_address_is_one_sentence(tmp_path, text, sentence):
    """The sentence names the key, the value and the expected form."""
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, f"[teams.search]\nchannel = {text!r}\n")
    assert sentence in str(error.value) and "teams.search.channel: found" in str(error.value)
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("https://hooks.slack.com/services/T0/B0/s3cr3t", "a Slack URL"),
        ("https://contoso.webhook.office.com/webhookb2/s3cr3t", 'use "teams:NAME"'),
        ("https://prod-1.westus.logic.azure.com/workflows/s3cr3t", 'use "teams:NAME"'),
        ("https://default.1.environment.api.powerplatform.com/s3cr3t", 'use "teams:NAME"'),
        ("https://events.pagerduty.com/integration/s3cr3t/enqueue", 'use "pagerduty:NAME"'),
        ("https://user:s3cr3t@example.com/x", "may contain a secret"),
        ("https://example.com/x?sig=s3cr3t", "may contain a secret"),
        ("https://example.com/x#s3cr3t", "may contain a secret"),
    ],
)
def test_url_with_a_secret_is_refused_and_not_repeated(tmp_path, url, remedy):
    """owners.toml is in version control, and the error message is in logs."""
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, f'[teams.search]\nchannel = "{url}"\n')
    assert remedy in str(error.value) and "s3cr3t" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[teams.a]", "teams.a.channels: found neither `channel` nor `channels`"),
        ("[teams.a]\nchannels = []", "found neither `channel` nor `channels`"),
        (
            '[teams.a]\nchannel = "#a"\nchannels = [{ to = "#b" }]',
            "teams.a.channels: found both `channel` and `channels`; remove one of these keys.",
        ),
        (
            '[routing]\nfallback_channel = "#a"\nfallback_channels = [{ to = "#b" }]',
            "routing: found both `fallback_channel` and `fallback_channels`; remove one of these keys.",
        ),
        ('[teams.a]\nchannels = [{ to = "b/c" }]', "teams.a.channels.0.to: found 'b/c', expected"),
        ('[teams.a]\nchannels = [{ to = "#b", least_severity = "urgent" }]', "least_severity: Input should be"),
        ('[teams.a]\nchannels = [{ to = "#b", categories = [] }]', "categories: List should have at least 1"),
        (
            '[teams.a]\nchannels = [{ to = "#b", categories = ["security", "waste"] }]',
            "teams.a.channels: no channel accepts findings of category anomaly, governance. Add the missing categories",
        ),
        (
            '[teams.a]\nchannels = [{ to = "#b" }, { to = "#c", categories = ["security"] }]',
            "teams.a.channels: the Slack channels #b and #c both accept findings of category security.",
        ),
        (
            '[routing]\nfallback_channels = [{ to = "#b", categories = ["waste"] }]',
            "routing.fallback_channels: no channel accepts findings of category security, anomaly, governance.",
        ),
    ],
)  # fmt: skip
def test_each_mistake_of_channels_names_its_key(tmp_path, text, sentence):
    """It is also a mistake if no channel accepts a category of findings."""
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, text)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"team": "search"}, ["#team-search"]),
        ({"team": "search", "severity": "critical"}, ["#team-search", "pagerduty:oncall"]),
        ({"team": "search", "category": "security"}, ["#search-security"]),
        (
            {"team": "search", "category": "security", "severity": "critical"},
            ["#search-security", "pagerduty:oncall"],
        ),
        ({"team": "ads"}, ["mailto:ads@example.com"]),
        ({"team": None}, ["teams:finops"]),
        ({"team": "unknown"}, ["teams:finops"]),
    ],
)
def test_severity_and_category_select_among_the_channels_of_a_team(tmp_path, fields, expected):
    """The channels have the order of the file. A finding without an owner goes to the fallback channel."""
    owners = loaded(tmp_path, ROUTED)
    one = finding().model_copy(update={"severity": "high", "category": "waste", **fields})
    addresses = finding_addresses(one, owners=owners, catalog=CATALOG)
    assert [str(address) for address in addresses] == expected


def test_addresses_can_be_selected_by_kind(tmp_path):
    """The function of a channel reads only its own addresses."""
    owners = loaded(tmp_path, ROUTED)
    critical = {"team": "search", "severity": "critical", "category": "security"}
    one = finding().model_copy(update=critical)
    assert addresses_of_kind("pagerduty", one, owners=owners, catalog=CATALOG) == ("oncall",)
    assert addresses_of_kind("teams", one, owners=owners, catalog=CATALOG) == ()


def test_channel_that_accepts_a_finding_twice_gets_it_once(tmp_path):
    """For example, the same service is listed for security findings and for critical findings."""
    owners = loaded(
        tmp_path,
        '[teams.a]\nchannels = [{ to = "#a" }, { to = "pagerduty:p", categories = ["security"] }, '
        '{ to = "pagerduty:p", least_severity = "critical" }]',
    )
    fields = {"team": "a", "severity": "critical", "category": "security"}
    one = finding().model_copy(update=fields)
    addresses = finding_addresses(one, owners=owners, catalog=CATALOG)
    assert [str(address) for address in addresses] == ["#a", "pagerduty:p"]


def test_critical_finding_of_an_incident_reaches_the_channel_for_critical_findings(tmp_path):
    """Only the lead of an incident is sent, and a less severe lead must not hide the critical finding."""
    owners = loaded(tmp_path, ROUTED)
    lead = finding().model_copy(update={"team": "search", "severity": "medium", "category": "anomaly"})
    assert addresses_of_kind("pagerduty", lead, owners=owners, catalog=CATALOG) == ()
    incident = with_critical_finding(lead)
    assert addresses_of_kind("pagerduty", incident, owners=owners, catalog=CATALOG) == ("oncall",)


def test_messages_without_a_finding_go_to_the_first_slack_channel(tmp_path):
    """These are digests and health reports. A team without a Slack channel gets none."""
    owners = loaded(tmp_path, ROUTED)
    assert [owners.slack_channel(team) for team in ("search", "ads", None)] == ["#team-search", None, None]
