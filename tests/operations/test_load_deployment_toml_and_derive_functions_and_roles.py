"""config/deployment.toml: the shipped file is valid, and all problems of a file are reported at once."""

import tomllib
from pathlib import Path

import pytest

from focuswatch.errors import ConfigError
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.undeployable_config import SHIPPED_TEAMS, placeholders, unconfigured_channels
from focuswatch.owners.owners_file import Owners
from tests.given.deployments import CONFIG, deployment_of

EXAMPLE = (CONFIG / "deployment.toml").read_text()


def refusal(tmp_path: Path, text: str) -> list[str]:
    """Return the lines of the error, each without the file name with which it must start."""
    path = tmp_path / "deployment.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        Deployment.load(path)
    lines = str(refused.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def changed(old: str, new: str) -> str:
    """Return the shipped file with `old` replaced; the file must contain `old`."""
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new)


def test_shipped_files_load():
    assert Deployment.load(CONFIG / "deployment.toml").is_one_account
    assert Owners.load(CONFIG / "owners.toml").teams


def test_shipped_file_has_each_key():
    """The shipped file documents all keys, including those with a default."""
    shipped_keys = tomllib.loads(EXAMPLE)
    expected = Deployment.load(CONFIG / "deployment.toml").model_dump()
    assert shipped_keys.keys() == expected.keys()
    for section, values in expected.items():
        if isinstance(values, dict) and section != "tags":
            assert shipped_keys[section].keys() == values.keys(), section


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'payer = "123456789012"',
            'payer = "12345"',
            "accounts.payer: found '12345', expected a 12-digit account ID.",
        ),
        (
            'region = "us-east-1"',
            'region = "Virginia"',
            "accounts.region: found 'Virginia', expected a Region such as eu-west-1.",
        ),
        (
            'id = "o-a1b2c3d4e5"',
            'id = "acme"',
            "organization.id: found 'acme', expected an organization ID such as o-a1b2c3d4e5.",
        ),
        (
            'ous = ["r-ab12"]',
            'ous = ["prod"]',
            "organization.ous.0: found 'prod', expected a root (r-ab12) or an OU (ou-ab12-11111111).",
        ),
        (
            'ous = ["r-ab12"]',
            "ous = []",
            "organization.ous: no OU specified; expected the root (r-…) or the OUs whose accounts get the member role.",
        ),
        (
            'grain = "DAILY"',
            'grain = "daily"',
            "export.grain: found 'daily'; input should be 'DAILY' or 'HOURLY'.",
        ),
        (
            "scan_limit_gib = 100",
            "scan_limit_gib = 0",
            "athena.scan_limit_gib: found 0; input should be greater than or equal to 1.",
        ),
        (
            "collect_hours = [4]",
            "collect_hours = [24]",
            "schedules.collect_hours.0: found 24; input should be less than or equal to 23.",
        ),
        ("log_days = 90", "log_days = 100", "keep.log_days: found 100; input should be 1, 3, 5, 7, 14, 30,"),
        (
            "scan_limit_gib",
            "scan_limit_gb",
            "athena.scan_limit_gb: unknown key; remove the key or correct its spelling.",
        ),
        ("account_has_monitor = true", "", "anomalies.account_has_monitor: missing; add the key."),
        (
            'prefix = "focus"',
            'prefix = "tables"',
            "export.prefix: found 'tables', a folder that focuswatch writes to; use another prefix.",
        ),
        (
            'prefix = "focus"',
            'prefix = "../focus"',
            "export.prefix: found '../focus', expected folder names that do not start with a dot",
        ),
        (
            'prefix = "focus"',
            'prefix = "a/./b"',
            "export.prefix: found 'a/./b', expected folder names that do not start with a dot",
        ),
        (
            'slack = ""',
            'slack = "*"',
            "secrets.slack: found '*', expected a secret name of letters, digits and the characters /_+=.@-.",
        ),
        (
            'jira = ""',
            'jira = "prod/*"',
            "secrets.jira: found 'prod/*', expected a secret name of letters, digits and the characters /_+=.@-.",
        ),
        (
            'member_role = "focuswatch-member"',
            'member_role = "OrganizationAccountAccessRole"',
            "collector.member_role: found 'OrganizationAccountAccessRole', the name of an administrator role.",
        ),
        (
            'member_role = "focuswatch-member"',
            'member_role = "platform-Admins"',
            "collector.member_role: found 'platform-Admins', the name of an administrator role.",
        ),
        (
            'monitor_arn = ""',
            'monitor_arn = "arn:aws:ce::999999999999:anomalymonitor/6f2c"',
            "anomalies.monitor_arn: found a monitor of account 999999999999, "
            "expected a monitor of the payer account, 123456789012.",
        ),
        (
            "account_has_monitor = true                # false: the deployment creates a monitor for AWS services; "
            'to list existing monitors, run: aws ce get-anomaly-monitors\nmonitor_arn = ""',
            'account_has_monitor = false\nmonitor_arn = "arn:aws:ce::123456789012:anomalymonitor/6f2c"',
            "anomalies.monitor_arn: found an ARN, but account_has_monitor = false creates a monitor;",
        ),
        (
            'member_stack = "management"',
            'member_stack = "delegated-administrator"',
            "organization.member_stack: payer and pipeline are the same account",
        ),
        (
            "https_endpoints = []",
            'https_endpoints = ["https://*.example.com/"]',
            "organization.https_endpoints.0: found 'https://*.example.com/', expected",
        ),
        ("ai_usd = 5000", "ai_usd = inf", "budgets.ai_usd: found inf; input should be a finite number."),
        ("ai_usd = 5000", f"ai_usd = 1{'0' * 400}", "budgets.ai_usd: found 1"),
        (
            'approved_regions = ["us-east-1", ',
            "approved_regions = [",
            "budgets.approved_regions: add us-east-1; AWS charges for global services in this Region.",
        ),
        (
            'team = "finops"',
            '"aws:team" = "finops"',
            "tags.aws:team: expected a key of at most 128 characters that does not start with aws:.",
        ),
    ],
)
def test_problem_is_reported_with_its_key_and_the_expected_value(tmp_path, old, new, message):
    """Each problem is one line."""
    (line,) = refusal(tmp_path, changed(old, new))
    assert line.startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "expected_message"),
    [
        ('region = "us-east-1"', 'region = "us-gov-west-1"', "us-gov-west-1 is"),
        ('"eu-west-1"]\nmember_role', '"cn-north-1"]\nmember_role', "cn-north-1 is"),
        ('region = "us-east-1"', 'region = "us-isob-east-1"', "us-isob-east-1 is"),
        ('region = "us-east-1"', 'region = "eusc-de-east-1"', "eusc-de-east-1 is"),
    ],
)
def test_regions_of_other_partitions_are_refused(tmp_path, old, new, expected_message):
    """Other partitions have different ARNs, services and prices."""
    (line,) = refusal(tmp_path, changed(old, new))
    assert line.startswith(f"accounts, collector, budgets: {expected_message} not in the partition aws")


def test_placeholders_are_refused():
    """Each problem names its key. A public external ID would protect nothing. An edited configuration is accepted."""
    shipped, owners = Deployment.load(CONFIG / "deployment.toml"), Owners.load(CONFIG / "owners.toml")
    keys = [line.split(": ")[1] for line in placeholders(shipped, owners)]
    assert keys == [
        "accounts.payer",
        "accounts.pipeline",
        "organization.id",
        "organization.ous",
        "collector.external_id",
        "anomalies.monitor_arn",
        *(f"teams.{name}" for name in owners.teams),
    ]
    assert list(placeholders(configured(), Owners())) == []


def test_shipped_teams_are_recognized_as_placeholders():
    """Otherwise placeholders could be deployed after a change of config/owners.toml."""
    shipped = Owners.load(CONFIG / "owners.toml").teams
    assert {name: team.owns for name, team in shipped.items()} == SHIPPED_TEAMS


def test_undeployed_channel_is_refused_except_slack():
    """Its findings would be lost. owners.toml may name Slack channels before Slack is deployed."""
    owners = Owners.model_validate(
        {
            "routing": {"fallback_channel": "pagerduty:finops"},
            "teams": {"a": {"channel": "#a"}, "b": {"channels": [{"to": "#b"}, {"to": "teams:b"}]}},
        }
    )
    refused = list(unconfigured_channels(configured(), owners))
    assert [line.partition(", which requires")[0] for line in refused] == [
        "owners.toml: routing.fallback_channel: found 'pagerduty:finops'",
        "owners.toml: teams.b: found 'teams:b'",
    ]


def configured() -> Deployment:
    """Return the shipped configuration with all placeholders replaced."""
    text = EXAMPLE.replace("123456789012", "210987654321").replace("o-a1b2c3d4e5", "o-zyxw987654")
    text = text.replace("r-ab12", "r-yz98").replace("change-me-to-something-long", "91b0c5f2a7d34e68")
    text = text.replace("account_has_monitor = true", "account_has_monitor = false")
    return Deployment.model_validate(tomllib.loads(text))


def test_all_problems_are_reported_at_once(tmp_path):
    text = changed("opensearch_serverless_usd = 50", "opensearch_serverless_usd = -50")
    text = text.replace('payer = "123456789012"', 'payer = "1"').replace("emails = []", 'emails = ["nobody"]')
    keys = [line.partition(":")[0] for line in refusal(tmp_path, text)]
    assert keys == [
        "accounts.payer",
        "budgets.opensearch_serverless_usd",
        "budgets.emails.0",
        "alarms.emails.0",
    ]


def test_missing_or_invalid_toml_file_is_reported(tmp_path):
    path = tmp_path / "deployment.toml"
    path.write_text("name = focuswatch")
    with pytest.raises(ConfigError, match="deployment.toml is not TOML"):
        Deployment.load(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        Deployment.load(tmp_path / "nothing.toml")


def test_pipeline_that_may_not_list_accounts_needs_a_role_in_the_payer_account():
    """A pipeline in the payer account or in its delegated administrator needs no role to list accounts."""
    one, three = deployment_of(accounts="one"), deployment_of(accounts="three")
    assert one.management_role_arn is None
    assert three.management_role_arn == "arn:aws:iam::111111111111:role/focuswatch-organisation-reader"
    organization = three.organization.model_copy(update={"pipeline_is_delegated_administrator": True})
    assert three.model_copy(update={"organization": organization}).management_role_arn is None


def test_former_spelling_of_organization_is_accepted(tmp_path):
    """For one version. Problems are reported with the spelling in the file."""
    former = changed("[organization]", "[organisation]")
    path = tmp_path / "deployment.toml"
    path.write_text(former)
    assert Deployment.load(path) == Deployment.load(CONFIG / "deployment.toml")
    (line,) = refusal(tmp_path, former.replace('id = "o-a1b2c3d4e5"', 'id = "acme"'))
    assert line == "organisation.id: found 'acme', expected an organization ID such as o-a1b2c3d4e5."


def test_both_spellings_of_organization_are_refused(tmp_path):
    both = EXAMPLE + '\n[organisation]\nid = "o-zyxw987654"\nous = ["r-yz98"]\n'
    assert "organisation: unknown key; remove the key or correct its spelling." in refusal(tmp_path, both)


def test_two_deployments_have_their_own_events_and_metrics():
    """Otherwise events of one deployment would invoke functions of the other."""
    first = deployment_of(accounts="one")
    second = first.model_copy(update={"name": "billwatch"})
    # Existing deployments keep these names.
    assert (first.event_source, first.metric_namespace) == ("focuswatch", "focuswatch")
    assert first.event_source != second.event_source
    assert first.metric_namespace != second.metric_namespace
