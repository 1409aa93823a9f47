"""The usage policy denies only what breaks the rules of its use case, and stdout contains only its JSON."""

import json
from fnmatch import fnmatchcase

import pytest
from typer.testing import CliRunner

from focuswatch.cli import app
from focuswatch.controls.usage_rules_as_iam_or_scp import policy_document, policy_notes
from focuswatch.errors import ConfigError
from focuswatch.owners.use_cases_section import UseCase

ALL = {
    "models": ["us.anthropic.claude-haiku*", "amazon.nova-lite-v1:0"],
    "batch": "required",
    "regions": ["us-east-1"],
}
HAIKU = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-8"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-opus-4-8"
CUSTOM = "arn:aws:bedrock:us-east-1:111122223333:custom-model/anthropic.claude-haiku/abc"


def use_case(**rules):
    return UseCase.model_validate({"intent": "production", "rows": {"accounts": ["111122223333"]}} | rules)


def denies(document, action, resource="*", **context):
    """Return whether IAM would deny a request; only the policy elements that focuswatch writes are evaluated."""
    return any(
        statement["Effect"] == "Deny"
        and any(fnmatchcase(action, one) for one in as_list(statement["Action"]))
        and _covers(statement, resource)
        and all(_meets(operator, keys, context) for operator, keys in statement.get("Condition", {}).items())
        for statement in document["Statement"]
    )


def as_list(value):
    return [value] if isinstance(value, str) else value


def _covers(statement, resource):
    if "NotResource" in statement:
        return not any(fnmatchcase(resource, one) for one in statement["NotResource"])
    return statement["Resource"] == "*"


def _meets(operator, keys, context):
    ((key, values),) = keys.items()
    name = {"aws:RequestedRegion": "region", "bedrock-mantle:Model": "model"}[key]
    assert operator in ("StringNotEquals", "StringNotLike")
    return not any(fnmatchcase(context.get(name, ""), one) for one in values)


@pytest.mark.parametrize("kind", ["iam", "scp"])
def test_only_named_models_can_be_called(kind):
    """A call through an inference profile is checked against each model of the profile too."""
    document = policy_document("tickets", use_case(models=ALL["models"]), kind=kind)
    for action in (
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
        "bedrock:CreateModelInvocationJob",
    ):
        assert denies(document, action, OPUS)
        assert denies(document, action, CUSTOM)
        assert not denies(document, action, HAIKU)
        assert not denies(document, action, PROFILE)
    assert denies(document, "bedrock-mantle:CreateInference", model="openai.gpt-oss-120b")
    assert denies(document, "bedrock-mantle:CreateInference")  # without a model in the request
    assert not denies(document, "bedrock-mantle:CreateInference", model="anthropic.claude-haiku-4-5")
    assert not denies(document, "s3:GetObject")


def test_calls_in_other_regions_are_denied():
    """Only calls of models are denied."""
    document = policy_document("tickets", use_case(regions=["us-east-1"]), kind="scp")
    assert denies(document, "bedrock:InvokeModel", HAIKU, region="eu-west-1")
    assert not denies(document, "bedrock:InvokeModel", HAIKU, region="us-east-1")
    assert not denies(document, "ec2:RunInstances", region="eu-west-1")


def test_required_batch_denies_calls_and_allows_batch_jobs():
    """An SCP can only deny: the IAM policy allows the batch jobs."""
    iam, scp = (policy_document("tickets", use_case(batch="required"), kind=kind) for kind in ("iam", "scp"))
    for document in (iam, scp):
        assert denies(document, "bedrock:InvokeModel", HAIKU)
        assert not denies(document, "bedrock:CreateModelInvocationJob", HAIKU)
    assert {
        "Sid": "AllowBatch",
        "Effect": "Allow",
        "Action": "bedrock:CreateModelInvocationJob",
        "Resource": "*",
    } in iam["Statement"]
    assert {one["Effect"] for one in scp["Statement"]} == {"Deny"}


def test_a_use_case_without_rules_has_no_policy():
    """An empty document would be refused by AWS."""
    with pytest.raises(ConfigError, match="found no rules to enforce"):
        policy_document("tickets", use_case(), kind="iam")


def test_a_policy_that_aws_would_refuse_is_not_printed():
    """An SCP can have at most 5,120 characters."""
    models = [f"anthropic.claude-{number}-{'x' * 40}*" for number in range(40)]
    with pytest.raises(ConfigError, match="AWS allows at most 5,120"):
        policy_document("tickets", use_case(models=models), kind="scp")


def test_notes_name_what_would_break():
    """The policy can break cross-Region profiles and the service role of batch jobs."""
    notes = " ".join(policy_notes(use_case(**ALL), kind="scp"))
    assert "cross-Region" in notes and "aws:PrincipalArn" in notes


def test_the_command_prints_json_on_stdout_and_notes_on_stderr(tmp_path):
    """Stdout can be piped to another command."""
    file = tmp_path / "owners.toml"
    file.write_text(
        '[use_cases.tickets]\nintent = "production"\nmodels = ["amazon.nova*"]\n'
        'rows = { accounts = ["111122223333"] }\n'
    )
    result = CliRunner().invoke(app, ["policy", "tickets", "--owners", str(file), "--kind", "scp"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["Statement"][0]["Sid"] == "DenyOtherModels"
    assert "This command changed nothing" in result.stderr
    unknown = CliRunner().invoke(app, ["policy", "other", "--owners", str(file)])
    assert isinstance(unknown.exception, ConfigError)
    assert "There is no use case 'other'" in str(unknown.exception)
