"""The deny policy of roles on moto's IAM: a repeated call has no effect, and errors say whether to retry."""

import shlex

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from focuswatch.controls.attach_or_detach_deny_policy import RolePolicies, undo_command
from focuswatch.controls.iam_clients_with_pause_role import iam_clients
from focuswatch.errors import Refused, TryLater

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/batch/tickets"
DENY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}]}'


@pytest.fixture
def iam():
    with mock_aws():
        client = boto3.client("iam", region_name="us-east-1")
        client.create_role(RoleName="tickets", Path="/batch/", AssumeRolePolicyDocument="{}")
        client.create_policy(PolicyName="focuswatch-paused", PolicyDocument=DENY)
        yield client


def role_policies(client):
    return RolePolicies(lambda _account: client, "focuswatch-paused")


def run_aws_command(command, *, iam):
    """Call the operation of IAM that a command of the AWS CLI names, with its options."""
    program, service, operation, *words = shlex.split(command)
    assert (program, service) == ("aws", "iam")
    method = operation.replace("-", "_")
    model = iam.meta.service_model.operation_model(iam.meta.method_to_api_mapping[method])
    parameters = {f"--{xform_name(name, '-')}": name for name in model.input_shape.members}
    arguments = {parameters[option]: value for option, value in zip(words[::2], words[1::2], strict=True)}
    getattr(iam, method)(**arguments)


def test_attach_and_detach_can_be_repeated(iam):
    """IAM takes the name of a role without its path."""
    policies = role_policies(iam)
    for _ in range(2):
        policies.attach(ROLE)
        assert policies.is_attached(ROLE)
    for _ in range(2):
        policies.detach(ROLE)
        assert not policies.is_attached(ROLE)


def test_a_deleted_role_cannot_be_paused_and_need_not_be_resumed(iam):
    """Retrying would not help."""
    policies = role_policies(iam)
    iam.delete_role(RoleName="tickets")
    with pytest.raises(Refused, match="pausing arn:aws:iam::123456789012:role/batch/tickets"):
        policies.attach(ROLE)
    policies.detach(ROLE)
    assert not policies.is_attached(ROLE)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "x"), Refused),
        (ClientError({"Error": {"Code": "LimitExceeded", "Message": "10 policies"}}, "x"), Refused),
        (ClientError({"Error": {"Code": "ServiceFailure", "Message": ""}}, "x"), TryLater),
        (ClientError({"Error": {"Code": "Throttling", "Message": ""}}, "x"), TryLater),
        (ClientError({"Error": {"Code": "ConcurrentModification", "Message": ""}}, "x"), TryLater),
        (EndpointConnectionError(endpoint_url="https://iam.amazonaws.com"), TryLater),
    ],
)
def test_only_transient_errors_are_retried(error, expected):
    """A person must fix a role that has too many policies, or a missing permission."""

    class Failing:
        def attach_role_policy(self, **_request):
            raise error

    with pytest.raises(expected):
        role_policies(Failing()).attach(ROLE)


def test_the_undo_command_detaches_the_policy(iam):
    """A person can resume a role without focuswatch."""
    policies = role_policies(iam)
    policies.attach(ROLE)
    run_aws_command(undo_command(ROLE, policy_name="focuswatch-paused"), iam=iam)
    assert not policies.is_attached(ROLE)


def test_the_pause_role_of_an_account_is_assumed_once():
    """An account without the stack is refused with the name of the stack."""
    requests = []

    class Sts:
        def assume_role(self, **named):
            requests.append(named)
            if "444455556666" in named["RoleArn"]:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "AssumeRole")
            keys = {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}
            return {"Credentials": keys}

    clients = iam_clients(Sts(), role="focuswatch-pause", external_id="secret")  # type: ignore[arg-type]
    assert clients(ACCOUNT) is clients(ACCOUNT)
    (one,) = requests
    assert (one["RoleArn"], one["ExternalId"]) == (f"arn:aws:iam::{ACCOUNT}:role/focuswatch-pause", "secret")
    with pytest.raises(Refused, match="deploy the stack focuswatch-pause-444455556666"):
        clients("444455556666")
