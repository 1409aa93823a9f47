"""The scheduled fetch of AI vendors' charges: off by default. It reads one secret and writes below one prefix."""

import json
from datetime import date

import pytest
from pydantic import ValidationError

from focuswatch.errors import ConfigError
from focuswatch.operations.deployment_toml_problems import deployment_problems
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from tests.given.deployments import CONFIG, ROOT, deployment_of
from tests.given.synthesized_stacks import synthesized


def test_no_function_is_deployed_without_vendors():
    assert "fetch" not in Deployment.load(CONFIG / "deployment.toml").kinds
    assert "fetch" in deployment_of(accounts="one").kinds


def test_the_function_reads_its_secret_and_writes_its_prefix_only():
    policies = synthesized("one").properties("pipeline", "AWS::IAM::Policy")
    (policy,) = [one for one in policies if "Functionsfetchrole" in str(one["Roles"])]
    by_action = {
        action: one["Resource"]
        for one in policy["PolicyDocument"]["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:focuswatch/openai-??????"
    assert by_action["secretsmanager:GetSecretValue"] == secret
    files = "arn:aws:s3:::focuswatch-123456789012-us-east-1/vendors/openai/*"
    assert {by_action[f"s3:{verb}Object"] for verb in ("Get", "Put", "Delete")} == {files}
    assert not [action for action in by_action if action.startswith("sts:")]


def test_it_runs_daily_before_the_refresh_and_its_code_is_deployed():
    rules = synthesized("one").properties("pipeline", "AWS::Events::Rule")
    (rule,) = [one for one in rules if one["Name"] == "focuswatch-fetch-clock"]
    assert rule["ScheduleExpression"] == "cron(0 5 * * ? *)"
    functions = synthesized("one").properties("pipeline", "AWS::Lambda::Function")
    (fetch,) = [one for one in functions if one["FunctionName"] == "focuswatch-fetch"]
    (vendor,) = json.loads(fetch["Environment"]["Variables"]["FOCUSWATCH_VENDORS"])
    assert (vendor["path"], vendor["since"], vendor["account"]) == ("vendors/openai", "2026-11-01", None)
    assert (ROOT / "lambdas" / "fetch_vendor_charges.py").exists()


def problems_of(*vendors):
    """Return the problems of a deployment with these vendors."""
    config = Deployment.load(CONFIG / "deployment.toml").model_dump()
    config["connectors"]["vendors"] = [{"secret": "s", "since": date(2026, 11, 1)} | one for one in vendors]
    return list(deployment_problems(Deployment.model_validate(config)))


def test_each_billing_account_has_its_own_files():
    openai = {"vendor": "openai"}
    assert problems_of(openai, openai | {"account": "org-2"}) == []
    (problem,) = problems_of(openai, openai)
    assert problem.startswith("connectors.vendors: found vendors/openai twice")
    (problem,) = problems_of({"vendor": "copilot"})
    assert "copilot has no `account`" in problem


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": "../x"}, {"account": "*"}, {"secret": ""}, {"secret": "*"}, {"api": "http://a.example"},
        {"vendor": "x"},
    ],
)  # fmt: skip
def test_vendor_cannot_widen_the_permissions(wrong):
    """The account and the secret become part of IAM policies."""
    with pytest.raises(ValidationError):
        problems_of({"vendor": "openai"} | wrong)


def test_the_export_cannot_be_delivered_into_the_vendors_folder(tmp_path):
    text = (CONFIG / "deployment.toml").read_text(encoding="utf-8")
    path = tmp_path / "deployment.toml"
    path.write_text(text.replace('prefix = "focus"', 'prefix = "vendors/openai"'), encoding="utf-8")
    with pytest.raises(
        ConfigError, match="export.prefix: found 'vendors/openai', a folder that focuswatch writes to"
    ):
        Deployment.load(path)
