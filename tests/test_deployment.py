"""config/deployment.toml: the example works, every mistake is named at once, names follow from it."""

import tomllib
from pathlib import Path

import pytest

from focuswatch.deployment import Deployment
from focuswatch.errors import ConfigError
from focuswatch.owners import Owners
from tests.given_deployment import CONFIG, deployment_of

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
            'folder = "billing_period"',
            'folder = "period"',
            "export.folder: found 'period'; input should be 'billing_period' or 'BILLING_PERIOD'.",
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
