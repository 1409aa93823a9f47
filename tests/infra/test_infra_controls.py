"""Stacks of spend caps: deployed only if enabled, with a role that can change only one policy on the named roles."""

import functools
import json
import tempfile
from pathlib import Path

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import ConfigError
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners
from infra.stacks import add_stacks
from tests.fakes.pause_world import owners_with
from tests.given.aws_actions_in_source import Used, actions, callers
from tests.given.deployments import ROOT, deployment_of
from tests.given.synthesized_stacks import synthesized
from tests.infra.test_infra_permissions import (
    AVAILABLE_PACKAGES,
    CLAIMS,
    HEARTBEAT,
    LAMBDA,
    PAGES,
    SECRET,
    listed,
    packages,
)

HOME, OTHER = "111122223333", "444455556666"
NAMED = ["arn:aws:iam::111122223333:role/tickets-api"]


@functools.cache
def templates(*, budget_actions="none", enabled=True):
    """Return the templates by stack, for a deployment in three accounts and two roles in two other accounts."""
    config = deployment_of(accounts="three").model_dump()
    config["controls"] |= {"enabled": enabled, "budget_actions": budget_actions}
    config["budgets"]["emails"] = ["finops@example.com"]
    deployment = Deployment.model_validate(config)
    with tempfile.TemporaryDirectory() as folder:
        app = App(outdir=folder, context=json.loads((ROOT / "cdk.json").read_text())["context"])
        add_stacks(app, deployment=deployment, owners=owners_with(), catalog=Catalog.load())
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        app.synth()
        return {
            path.name.removesuffix(".template.json"): json.loads(path.read_text())
            for path in Path(folder).glob("*.template.json")
        }


def of_type(stack, type_, **options):
    return [
        one["Properties"] for one in templates(**options)[stack]["Resources"].values() if one["Type"] == type_
    ]


def pause_role(account=HOME):
    (role,) = [one for one in of_type(f"focuswatch-pause-{account}", "AWS::IAM::Role") if "RoleName" in one]
    return role


@pytest.mark.parametrize("accounts", ["one", "three"])
def test_spend_caps_are_not_synthesized_by_default(accounts):
    """There is neither a stack nor a setting in another function."""
    stacks = synthesized(accounts)
    assert sorted(stacks.templates) == ["member", "payer", "pipeline", "queries"]
    assert "FOCUSWATCH_CONTROLS" not in json.dumps(stacks.templates["pipeline"])
    assert "iam:Attach" not in json.dumps(stacks.templates)


def test_without_a_role_in_owners_toml_there_is_no_stack():
    """Enabling spend caps is not enough."""
    config = deployment_of(accounts="one").model_dump()
    config["controls"]["enabled"] = True
    app = App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    add_stacks(app, deployment=Deployment.model_validate(config), owners=Owners(), catalog=Catalog.load())
    assert {one.node.id for one in app.node.children} & {"focuswatch-controls"} == set()


def test_each_account_with_a_named_role_has_a_stack():
    """The stack is deployed with credentials of that account."""
    stacks = {name for name in templates() if "pause" in name or "controls" in name}
    assert stacks == {"focuswatch-controls", f"focuswatch-pause-{HOME}", f"focuswatch-pause-{OTHER}"}


def test_pause_role_changes_only_one_policy_on_the_named_roles():
    """The condition names the policy. The resources are roles of this account, without wildcards."""
    (policy,) = pause_role()["Policies"]
    switch, look = policy["PolicyDocument"]["Statement"]
    assert "ManagedPolicyArns" not in pause_role()
    assert switch == {
        "Sid": "PauseNamedRoles",
        "Effect": "Allow",
        "Action": ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        "Resource": NAMED,
        "Condition": {"ArnEquals": {"iam:PolicyARN": f"arn:aws:iam::{HOME}:policy/focuswatch-paused"}},
    }
    assert look == {
        "Sid": "SeeWhetherTheyArePaused",
        "Effect": "Allow",
        "Action": "iam:ListAttachedRolePolicies",
        "Resource": NAMED,
    }


def test_only_the_function_may_assume_the_pause_role():
    """The trust policy requires the pipeline account, the function's role and the external ID."""
    (statement,) = pause_role(OTHER)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::222222222222:root"}
    assert statement["Condition"] == {
        "StringEquals": {"sts:ExternalId": "change-me-to-something-long"},
        "ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/focuswatch-controls"},
    }


def test_pause_policy_only_denies():
    """Attaching the policy cannot grant a permission to a role."""
    (policy,) = of_type(f"focuswatch-pause-{HOME}", "AWS::IAM::ManagedPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (policy["ManagedPolicyName"], statement["Effect"]) == ("focuswatch-paused", "Deny")
    assert {"bedrock:InvokeModel*", "bedrock-mantle:CreateInference", "sagemaker:InvokeEndpoint*"} <= set(
        statement["Action"]
    )


def test_function_has_only_the_permissions_of_its_calls():
    """It has no IAM permissions and may assume only the pause roles of the named accounts."""
    (policy,) = of_type("focuswatch-controls", "AWS::IAM::Policy")
    statements = policy["PolicyDocument"]["Statement"]
    granted = {action for one in statements for action in listed(one["Action"])}
    used = [
        CLAIMS,
        PAGES,
        SECRET,
        HEARTBEAT,
        Used("focuswatch/notify/retry_or_dead_letter_batch.py"),
        Used("focuswatch/notify/space_messages_to_a_destination.py"),
        Used("focuswatch/notify/slack/look_up_channel_ids.py"),
        Used("focuswatch/controls/iam_clients_with_pause_role.py"),
    ]
    on_behalf = {"sqs:ReceiveMessage", "sqs:DeleteMessage"}  # Lambda reads the queue as its function
    needed = set().union(*map(actions, used)) | on_behalf
    assert granted - LAMBDA == needed - LAMBDA
    (assumes,) = [one for one in statements if one["Action"] == "sts:AssumeRole"]
    assert assumes["Resource"] == [
        f"arn:aws:iam::{account}:role/focuswatch-pause" for account in (HOME, OTHER)
    ]
    assert not [action for action in granted if action.startswith("iam:") or "*" in action]


def test_each_file_of_the_function_that_calls_aws_is_listed():
    """IAM is called with the pause role, whose actions a test above states."""
    listed_files = {
        "focuswatch/controls/iam_clients_with_pause_role.py",
        "focuswatch/controls/attach_or_detach_deny_policy.py",
    }
    assert listed_files <= callers("lambdas.controls_pause_buttons_and_cap_review") | {
        "focuswatch/controls/iam_clients_with_pause_role.py"
    }
    assert actions(Used("focuswatch/controls/attach_or_detach_deny_policy.py")) == {
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
        "iam:ListAttachedRolePolicies",
    }
    assert packages("lambdas.controls_pause_buttons_and_cap_review") <= AVAILABLE_PACKAGES


def test_answer_sends_button_presses_to_the_queue_of_the_function():
    """The URL is derived from the name of the queue, which belongs to another stack."""
    functions = of_type("focuswatch-pipeline", "AWS::Lambda::Function")
    (answer,) = [one for one in functions if one["FunctionName"] == "focuswatch-answer"]
    url = "https://sqs.eu-central-1.amazonaws.com/222222222222/focuswatch-controls"
    assert answer["Environment"]["Variables"]["FOCUSWATCH_PRESSES"] == url
    queues = [one["QueueName"] for one in of_type("focuswatch-controls", "AWS::SQS::Queue")]
    assert "focuswatch-controls" in queues


def test_function_is_in_dry_run_by_default():
    """Other functions that show pauses have the same setting."""
    (function,) = of_type("focuswatch-controls", "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["FOCUSWATCH_CONTROLS"] == "dry run"


@pytest.mark.parametrize("model", ["MANUAL", "AUTOMATIC"])
def test_budget_actions_attach_the_same_policy_to_the_same_roles(model):
    """AWS Budgets assumes a role that has only these permissions."""
    stack = f"focuswatch-pause-{HOME}"
    (action,) = of_type(stack, "AWS::Budgets::BudgetsAction", budget_actions=model)
    assert (action["ActionType"], action["ApprovalModel"]) == ("APPLY_IAM_POLICY", model)
    assert action["Definition"]["IamActionDefinition"]["Roles"] == ["tickets-api"]
    assert action["ActionThreshold"] == {"Type": "PERCENTAGE", "Value": 100}
    (executor,) = [
        one for one in of_type(stack, "AWS::IAM::Role", budget_actions=model) if "RoleName" not in one
    ]
    (trust,) = executor["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "budgets.amazonaws.com"}
    (policy,) = executor["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Resource"], statement["Action"]) == (
        NAMED,
        ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
    )
    assert of_type(stack, "AWS::Budgets::BudgetsAction") == []


def test_budget_actions_require_an_email_address():
    """AWS Budgets refuses an action without a subscriber."""
    config = (ROOT / "config" / "deployment.toml").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deployment.toml"
        path.write_text(config.replace('budget_actions = "none"', 'budget_actions = "MANUAL"'))
        with pytest.raises(ConfigError, match="AWS Budgets actions require an email address"):
            Deployment.load(path)
