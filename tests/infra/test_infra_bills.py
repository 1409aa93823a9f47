"""Bills of other providers: off by default. The function reads their prefixes and cannot change the AWS export."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_TABLES
from focuswatch.operations.deployment_toml_problems import deployment_problems
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from tests.given.deployments import CONFIG
from tests.given.synthesized_stacks import synthesized

BUCKET = "arn:aws:s3:::focuswatch-123456789012-us-east-1"


def test_no_function_is_deployed_without_bills_or_vendors():
    config = Deployment.load(CONFIG / "deployment.toml").model_dump()
    assert "bills" not in Deployment.model_validate(config).kinds
    config["connectors"]["vendors"] = [{"vendor": "openai", "secret": "s", "since": "2026-11-01"}]
    assert "bills" in Deployment.model_validate(config).kinds


def test_the_function_reads_the_prefixes_of_bills_and_vendors_and_writes_their_periods_only():
    policies = synthesized("one").properties("pipeline", "AWS::IAM::Policy")
    (policy,) = [one for one in policies if "Functionsbillsrole" in str(one["Roles"])]
    by_action = {
        action: one["Resource"]
        for one in policy["PolicyDocument"]["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    read = {f"{BUCKET}/{path}/*" for path in ("bills/azure", "vendors/openai", "tables/other_bills")}
    assert set(by_action["s3:GetObject"]) == read
    periods = {
        f"{BUCKET}/tables/{table}/period=*.*/*" for table in PERIOD_TABLES
    }  # the export's periods have no dot
    assert set(by_action["s3:DeleteObject"]) == periods
    assert set(by_action["s3:PutObject"]) == {*periods, f"{BUCKET}/tables/other_bills/bills.json"}
    assert not [action for action in by_action if action.startswith(("sts:", "athena:", "secretsmanager:"))]


def test_bills_are_read_after_the_fetch_and_before_the_daily_refresh():
    stacks = synthesized("one")
    rules = {one["Name"]: one for one in stacks.properties("pipeline", "AWS::Events::Rule")}
    clocks = [
        rules[f"focuswatch-{kind}-clock"]["ScheduleExpression"] for kind in ("fetch", "bills", "refresh")
    ]
    assert clocks == ["cron(0 5 * * ? *)", "cron(30 5 * * ? *)", "cron(0 6 * * ? *)"]
    functions = {one["FunctionName"]: one for one in stacks.properties("pipeline", "AWS::Lambda::Function")}
    expected = [
        {"name": "azure", "prefix": "bills/azure"},
        {"name": "openai", "prefix": "vendors/openai"},
    ]
    for kind in ("bills", "refresh"):
        variables = functions[f"focuswatch-{kind}"]["Environment"]["Variables"]
        assert json.loads(variables["FOCUSWATCH_BILLS"]) == expected
    assert functions["focuswatch-bills"]["EphemeralStorage"] == {"Size": 10240}


def test_the_template_of_the_pipeline_stays_below_the_limit_of_cloudformation():
    """With every optional part, as deployed in these tests: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    assert synthesized("three").template("pipeline").stat().st_size < 1_000_000


def problems(*bills: dict[str, str], **changed: Any) -> list[str]:
    """Return the problems of a deployment with these bills."""
    config = Deployment.load(CONFIG / "deployment.toml").model_dump()
    return list(deployment_problems(Deployment.model_validate({**config, "bills": list(bills), **changed})))


AZURE = {"name": "azure", "prefix": "bills/azure"}


@pytest.mark.parametrize(
    ("name", "prefix", "message"),
    [
        (
            "azure",
            "bills/b",
            "bills: found the name azure twice (each vendor under connectors is also a bill)",
        ),
        ("b", "vendors/openai", "bills.1.prefix: found 'vendors/openai', a folder that focuswatch writes to"),
        (
            "b",
            "bills/../tables",
            "bills.1.prefix: found 'bills/../tables', expected folder names that do not",
        ),
        ("b", "focus", "found 'focus', which overlaps 'focus/focuswatch' of the export"),
        ("b", "bills/azure/eu", "found 'bills/azure/eu', which overlaps 'bills/azure' of azure"),
        ("b", "bills/azure", "so charges would be counted twice; use another prefix."),
    ],
)
def test_each_mistake_is_one_sentence(name: str, prefix: str, message: str):
    (problem,) = problems(AZURE, {"name": name, "prefix": prefix})
    assert message in problem


def test_bills_beside_each_other_are_accepted():
    assert problems(AZURE, {"name": "azure-eu", "prefix": "bills/azure-eu"}) == []


@pytest.mark.parametrize(
    "wrong", [{"name": "Azure"}, {"name": "a.b"}, {"name": ""}, {"prefix": "bills/*"}, {"prefix": "/bills/"}]
)
def test_bill_cannot_widen_the_permissions(wrong):
    """Prefixes become part of IAM policies; names become part of folders and partitions."""
    with pytest.raises(ValidationError):
        problems(AZURE | wrong)
