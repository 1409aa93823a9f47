"""The deny policy of roles, on moto's IAM: what is repeated does no harm, and errors say whether to repeat."""

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from focuswatch.controls.attach_or_detach_deny_policy import RolePolicies, undo_command
from focuswatch.controls.pause_role_clients import iam_clients
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


def policies(client):
    return RolePolicies(lambda _account: client, "focuswatch-paused")


def test_a_policy_is_attached_and_detached_once_however_often_it_is_asked(iam):
    """Names of roles have no path."""
    switch = policies(iam)
    for _ in range(2):
        switch.attach(ROLE)
        assert switch.is_attached(ROLE)
    for _ in range(2):
        switch.detach(ROLE)
        assert not switch.is_attached(ROLE)


def test_a_role_that_is_gone_cannot_be_paused_and_need_not_be_resumed(iam):
    """Repeating it does not help."""
    switch = policies(iam)
    iam.delete_role(RoleName="tickets")
    with pytest.raises(Refused, match="pausing arn:aws:iam::123456789012:role/batch/tickets"):
        switch.attach(ROLE)
    switch.detach(ROLE)
    assert not switch.is_attached(ROLE)


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
def test_only_passing_errors_are_repeated(error, expected):
    """A full role or a missing permission is for a person."""

    class Failing:
        def attach_role_policy(self, **_asked):
            raise error

    with pytest.raises(expected):
        policies(Failing()).attach(ROLE)


def test_the_command_by_hand_is_the_one_that_focuswatch_runs(iam):
    """With the name of the role and the ARN of the policy in its account."""
    assert undo_command(ROLE, policy_name="focuswatch-paused") == (
        "aws iam detach-role-policy --role-name tickets --policy-arn arn:aws:iam::123456789012:policy/focuswatch-paused"
    )


def test_each_account_is_entered_once_with_its_pause_role():
    """An account without the stack is named."""
    asked = []

    class Sts:
        def assume_role(self, **named):
            asked.append(named)
            if "444455556666" in named["RoleArn"]:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "AssumeRole")
            keys = {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}
            return {"Credentials": keys}

    clients = iam_clients(Sts(), role="focuswatch-pause", external_id="secret")  # type: ignore[arg-type]
    assert clients(ACCOUNT) is clients(ACCOUNT)
    (one,) = asked
    assert (one["RoleArn"], one["ExternalId"]) == (f"arn:aws:iam::{ACCOUNT}:role/focuswatch-pause", "secret")
    with pytest.raises(Refused, match="deploy the stack focuswatch-pause-444455556666"):
        clients("444455556666")
