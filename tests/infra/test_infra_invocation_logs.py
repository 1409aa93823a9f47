"""The member role may query invocation logs only if configured, and only in the configured log groups."""

import json

import pytest

from focuswatch.collect.collector_iam_actions import ACTIONS, INVOCATION_LOG_REASONS
from focuswatch.errors import ConfigError
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.member_role_stack_set import member_role
from tests.given.deployments import CONFIG, deployment_of
from tests.given.synthesized_stacks import synthesized

GROUP = "arn:aws:logs:*:*:log-group:/aws/bedrock/modelinvocations:*"


def statements(role):
    return [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]


def test_without_the_setting_the_role_may_not_query_logs():
    (reads,) = statements(member_role(Deployment.load(CONFIG / "deployment.toml")))
    assert reads["Action"] == sorted(ACTIONS)
    assert not set(INVOCATION_LOG_REASONS) & set(ACTIONS)


def test_queries_are_limited_to_the_configured_log_groups():
    """A query can read all log events of a group, so the resource names one group without wildcards."""
    _, query, others = statements(member_role(deployment_of(accounts="three")))
    assert (query["Action"], query["Resource"]) == (["logs:StartQuery"], [GROUP])
    assert {*query["Action"], *others["Action"]} == set(INVOCATION_LOG_REASONS)
    assert "logs:GetLogEvents" not in json.dumps([query, others])


def test_the_management_account_and_the_members_have_the_same_policies():
    stacks = synthesized("three")
    (role,) = stacks.properties("member", "AWS::IAM::Role")
    (stack_set,) = stacks.properties("member", "AWS::CloudFormation::StackSet")
    members = json.loads(stack_set["TemplateBody"])["Resources"]["Role"]["Properties"]
    assert role["Policies"] == members["Policies"] and len(role["Policies"]) == 2


def test_the_collector_gets_the_log_groups_and_may_write_the_sums():
    functions = synthesized("one").properties("pipeline", "AWS::Lambda::Function")
    (collect,) = [one for one in functions if one["FunctionName"] == "focuswatch-collect"]
    assert (
        collect["Environment"]["Variables"]["FOCUSWATCH_INVOCATION_LOGS"] == "/aws/bedrock/modelinvocations"
    )
    policies = synthesized("one").properties("pipeline", "AWS::IAM::Policy")
    (policy,) = [one for one in policies if "Functionscollectrole" in str(one["Roles"])]
    assert "tables/invocation_tokens/*" in str(policy)


@pytest.mark.parametrize("name", ["*", "/aws/*", "a:b", "", "a b"])
def test_log_group_must_be_a_name(tmp_path, name):
    text = (CONFIG / "deployment.toml").read_text(encoding="utf-8")
    path = tmp_path / "deployment.toml"
    path.write_text(text.replace('"/aws/bedrock/modelinvocations"', json.dumps(name)), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"invocation_logs.log_groups.0: found .*, expected the name of a log group"
    ):
        Deployment.load(path)
