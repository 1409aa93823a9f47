"""config/deployment.toml: the example works, every mistake is named at once, names follow from it."""

import tomllib
from pathlib import Path

import pytest

from focuswatch.errors import ConfigError
from focuswatch.operations.config_placeholders import SHIPPED_TEAMS, placeholders
from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file import Owners
from tests.given.deployments import CONFIG, deployment_of

EXAMPLE = (CONFIG / "deployment.toml").read_text()


def refusal(tmp_path: Path, text: str) -> list[str]:
    """What is said of a file, line by line, less the file's name, which must begin each."""
    path = tmp_path / "deployment.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        Deployment.load(path)
    lines = str(refused.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def changed(old: str, new: str) -> str:
    """The example with one text replaced, which must be there."""
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new)


def test_both_examples_load():
    """What is shipped is what an operator begins with."""
    assert Deployment.load(CONFIG / "deployment.toml").is_one_account
    assert Owners.load(CONFIG / "owners.toml").teams


def test_every_key_of_the_example_is_known_and_every_known_key_is_in_the_example():
    """The file documents all there is to configure: the example says each value that a default would give."""
    given = tomllib.loads(EXAMPLE)
    known = Deployment.load(CONFIG / "deployment.toml").model_dump()
    assert given.keys() == known.keys()
    for section, values in known.items():
        if isinstance(values, dict) and section != "tags":
            assert given[section].keys() == values.keys(), section


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'payer = "123456789012"',
            'payer = "12345"',
            "accounts.payer: found '12345', expected an account id of 12 digits.",
        ),
        (
            'region = "us-east-1"',
            'region = "Virginia"',
            "accounts.region: found 'Virginia', expected a region such as eu-west-1.",
        ),
        (
            'id = "o-a1b2c3d4e5"',
            'id = "acme"',
            "organisation.id: found 'acme', expected an organisation id such as o-a1b2c3d4e5.",
        ),
        (
            'ous = ["r-ab12"]',
            'ous = ["prod"]',
            "organisation.ous.0: found 'prod', expected a root (r-ab12) or an OU (ou-ab12-11111111).",
        ),
        (
            'ous = ["r-ab12"]',
            "ous = []",
            "organisation.ous: found none, expected the root (r-…) or the OUs whose accounts are looked at.",
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
            "athena.scan_limit_gb: there is no such key; take it out or mend its spelling.",
        ),
        ("account_has_monitor = true", "", "anomalies.account_has_monitor: is missing."),
        (
            'prefix = "focus"',
            'prefix = "tables"',
            "export.prefix: found 'tables', which focuswatch writes to itself; take another.",
        ),
        (
            'prefix = "focus"',
            'prefix = "../focus"',
            "export.prefix: found '../focus', expected folders that do not begin with a dot",
        ),
        (
            'prefix = "focus"',
            'prefix = "a/./b"',
            "export.prefix: found 'a/./b', expected folders that do not begin with a dot",
        ),
        (
            'slack = ""',
            'slack = "*"',
            "secrets.slack: found '*', expected a secret's name: letters, digits and /_+=.@-.",
        ),
        (
            'jira = ""',
            'jira = "prod/*"',
            "secrets.jira: found 'prod/*', expected a secret's name: letters, digits and /_+=.@-.",
        ),
        (
            'member_role = "focuswatch-member"',
            'member_role = "OrganizationAccountAccessRole"',
            "collector.member_role: found 'OrganizationAccountAccessRole', an administrator role by its name;",
        ),
        (
            'member_role = "focuswatch-member"',
            'member_role = "platform-Admins"',
            "collector.member_role: found 'platform-Admins', an administrator role by its name;",
        ),
        (
            'monitor_arn = ""',
            'monitor_arn = "arn:aws:ce::999999999999:anomalymonitor/6f2c"',
            "anomalies.monitor_arn: found a monitor of account 999999999999, expected one of the payer, 123456789012.",
        ),
        (
            "account_has_monitor = true                # aws ce get-anomaly-monitors: is there one of AWS services? "
            'false creates it\nmonitor_arn = ""',
            'account_has_monitor = false\nmonitor_arn = "arn:aws:ce::123456789012:anomalymonitor/6f2c"',
            "anomalies.monitor_arn: names a monitor, while account_has_monitor = false creates one;",
        ),
        (
            'member_stack = "management"',
            'member_stack = "delegated-administrator"',
            "organisation.member_stack: payer and pipeline are one account",
        ),
        (
            "https_endpoints = []",
            'https_endpoints = ["https://*.example.com/"]',
            "organisation.https_endpoints.0: found 'https://*.example.com/', expected",
        ),
        ("ai_usd = 5000", "ai_usd = inf", "budgets.ai_usd: found inf; input should be a finite number."),
        ("ai_usd = 5000", f"ai_usd = 1{'0' * 400}", "budgets.ai_usd: found 1"),
        (
            'approved_regions = ["us-east-1", ',
            "approved_regions = [",
            "budgets.approved_regions: add us-east-1; what AWS bills worldwide is charged there.",
        ),
        (
            'team = "finops"',
            '"aws:team" = "finops"',
            "tags.aws:team: expected a key of at most 128 letters that does not begin with aws:.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_was_expected(tmp_path, old, new, said):
    """One line for one mistake."""
    (line,) = refusal(tmp_path, changed(old, new))
    assert line.startswith(said)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('region = "us-east-1"', 'region = "us-gov-west-1"', "us-gov-west-1 is"),
        ('"eu-west-1"]\nmember_role', '"cn-north-1"]\nmember_role', "cn-north-1 is"),
        ('region = "us-east-1"', 'region = "us-isob-east-1"', "us-isob-east-1 is"),
        ('region = "us-east-1"', 'region = "eusc-de-east-1"', "eusc-de-east-1 is"),
    ],
)
def test_another_partition_is_refused_in_one_sentence(tmp_path, old, new, named):
    """Its ARNs, services and prices differ."""
    (line,) = refusal(tmp_path, changed(old, new))
    assert line.startswith(f"accounts, collector, budgets: {named} in another partition than aws")


def test_the_shipped_examples_are_refused_and_a_config_without_them_is_not():
    """Each by its key; a public external id protects nothing."""
    shipped, owners = Deployment.load(CONFIG / "deployment.toml"), Owners.load(CONFIG / "owners.toml")
    keys = [line.split(": ")[1] for line in placeholders(shipped, owners)]
    assert keys == [
        "accounts.payer",
        "accounts.pipeline",
        "organisation.id",
        "organisation.ous",
        "collector.external_id",
        "anomalies.monitor_arn",
        *(f"teams.{name}" for name in owners.teams),
    ]
    assert list(placeholders(configured(), Owners())) == []


def test_the_shipped_teams_are_known_by_what_they_own():
    """Else a change of config/owners.toml would let its example through."""
    shipped = Owners.load(CONFIG / "owners.toml").teams
    assert {name: team.owns for name, team in shipped.items()} == SHIPPED_TEAMS


def configured() -> Deployment:
    """The example as an operator edits it."""
    text = EXAMPLE.replace("123456789012", "210987654321").replace("o-a1b2c3d4e5", "o-zyxw987654")
    text = text.replace("r-ab12", "r-yz98").replace("change-me-to-something-long", "91b0c5f2a7d34e68")
    text = text.replace("account_has_monitor = true", "account_has_monitor = false")
    return Deployment.model_validate(tomllib.loads(text))


def test_all_mistakes_are_named_at_once(tmp_path):
    """Nobody mends a file three times."""
    text = changed("opensearch_serverless_usd = 50", "opensearch_serverless_usd = -50")
    text = text.replace('payer = "123456789012"', 'payer = "1"').replace("emails = []", 'emails = ["nobody"]')
    keys = [line.partition(":")[0] for line in refusal(tmp_path, text)]
    assert keys == [
        "accounts.payer",
        "budgets.opensearch_serverless_usd",
        "budgets.emails.0",
        "alarms.emails.0",
    ]


def test_what_is_not_toml_or_not_there_is_said(tmp_path):
    """The two mistakes that come before any key."""
    path = tmp_path / "deployment.toml"
    path.write_text("name = focuswatch")
    with pytest.raises(ConfigError, match="deployment.toml is not TOML"):
        Deployment.load(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        Deployment.load(tmp_path / "nothing.toml")


def test_only_a_pipeline_that_may_not_ask_itself_needs_a_role_in_the_payer():
    """The payer and its delegated administrator list accounts themselves."""
    one, three = deployment_of(accounts="one"), deployment_of(accounts="three")
    assert one.management_role_arn is None
    assert three.management_role_arn == "arn:aws:iam::111111111111:role/focuswatch-organisation-reader"
    organisation = three.organisation.model_copy(update={"pipeline_is_delegated_administrator": True})
    assert three.model_copy(update={"organisation": organisation}).management_role_arn is None
