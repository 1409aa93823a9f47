"""End to end: `cdk deploy` of spend caps to a local AWS, press *Pause spending*, see the policy, press *Resume*.

The local AWS enforces IAM: the function can change the role only with the pause role, which allows only one policy.
"""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from tests.fakes.local_aws_with_cdk import ACCOUNT, CDK
from tests.fakes.local_deployment import MEMBER, Deployed, deploying
from tests.fakes.pause_world import cap_finding
from tests.fakes.slack_workspace import Channel, Message
from tests.given.one_line_findings import run

ROLE, OTHER_ROLE = "tickets-api", "payroll"
OWNERS = f"""
[teams.search]
channel = "#team-search"
jira = {{ project = "SRCH", component = "cost" }}

[use_cases.tickets]
intent = "experiment"
team = "search"
cap = 500
on_cap = "ask"
roles = ["arn:aws:iam::{ACCOUNT}:role/{ROLE}"]
approvers = ["{MEMBER}"]
rows = {{ accounts = ["{ACCOUNT}"] }}
"""

pytestmark = pytest.mark.skipif(
    not CDK.exists() and not os.environ.get("CI"), reason="needs the CDK's command line: make setup-dev"
)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Yield a deployment with one enabled spend cap, and two roles, one of which the cap names."""
    folder = tmp_path_factory.mktemp("capped")
    (folder / "owners.toml").write_text(OWNERS)
    with deploying(folder, owners=Path(folder / "owners.toml")) as deployed:
        for role in (ROLE, OTHER_ROLE):
            deployed.aws.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")
        yield deployed


def policies(deployed: Deployed, role: str = ROLE) -> list[str]:
    """Return the names of the policies of a role."""
    attached = deployed.aws.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return [one["PolicyName"] for one in attached]


def notified(deployed: Deployed) -> tuple[Channel, Message]:
    """Record the finding of an exceeded cap, and return its message."""
    exceeded_cap = cap_finding().model_copy(
        update={"team": "search", "severity": "high", "monthly_cost": Decimal(900), "owned_by": "account"}
    )
    with deployed.aws.used():
        ledger = DynamoLedger(boto3.resource("dynamodb").Table(deployed.deployment.ledger))
        ledger.update(
            lambda entries, suppressions: decide(
                entries, suppressions, run(exceeded_cap, ran=("spend_cap",))
            ),
            evaluated=(),
        )
    deployed.invoke("publish")
    deployed.await_notifications()
    channel = deployed.slack.workspace.named("#team-search", by_name=True)
    (message,) = deployed.wait_until(lambda: channel.shown)
    return channel, message


def test_pause_spending_attaches_the_policy_and_resume_detaches_it(deployed: Deployed) -> None:
    """Only approvers can pause. The thread and the issue say who paused and how to undo it manually."""
    channel, message = notified(deployed)
    deployed.wait_until(lambda: deployed.jira.issues)

    def press(action: str, *, user: str = MEMBER) -> None:
        assert deployed.press(deployed.slack.pressed(channel, message.ts, action, user=user)) == 200

    press("pause_spending", user="U0MALLORY")
    deployed.wait_until(lambda: channel.whispers)
    assert [(user, whisper.text) for user, whisper in channel.whispers] == [
        (
            "U0MALLORY",
            f"Only an approver of use case tickets can pause or resume spending. Approvers: <@{MEMBER}>.",
        )
    ]
    assert policies(deployed) == []
    press("pause_spending")
    deployed.wait_until(lambda: policies(deployed) == ["focuswatch-paused"])
    deployed.wait_until(lambda: "resume_spending" in json.dumps(message.blocks))
    deployed.await_notifications()
    reviewed = deployed.invoke("controls")
    assert (reviewed["failed"], reviewed["warnings"]) == ({}, [])
    assert policies(deployed) == ["focuswatch-paused"]
    press("resume_spending")
    deployed.wait_until(lambda: not policies(deployed))
    deployed.wait_until(lambda: "pause_spending" in json.dumps(message.blocks))
    deployed.await_notifications()
    check_announcements(deployed, message)
    check_unrecorded(deployed)
    check_permissions(deployed)


def check_announcements(deployed: Deployed, message: Message) -> None:
    """Each change is announced once in the thread and once in the issue."""
    author = f"{MEMBER.lower()} ({MEMBER})"
    paused, resumed = message.replies
    assert paused.text.startswith("Spending for use case tickets is paused until")
    assert f"Paused by {author}." in paused.text
    assert (
        resumed.text
        == f"Spending for use case tickets was resumed by {author}. Reason: the Resume button was pressed in Slack."
    )
    undo = f"aws iam detach-role-policy --role-name {ROLE} --policy-arn arn:aws:iam::{ACCOUNT}:policy/focuswatch-paused"
    assert undo in json.dumps(paused.blocks)
    (issue,) = deployed.jira.issues
    comments = [comment["body"] for comment in issue.comments]
    assert [MEMBER in comment for comment in comments] == [True, True]
    assert undo in comments[0]


def check_unrecorded(deployed: Deployed) -> None:
    """A role that was paused without focuswatch is reported to FinOps once and not changed."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/focuswatch-paused"
    deployed.aws.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    for _ in range(2):
        assert len(deployed.invoke("controls")["warnings"]) == 1
    finops = deployed.slack.workspace.named("#finops", by_name=True)
    assert len([one for one in finops.shown if "has no record of a pause" in one.text]) == 1
    assert policies(deployed) == ["focuswatch-paused"]


def check_permissions(deployed: Deployed) -> None:
    """The pause role can change neither another role nor another policy."""
    with deployed.aws.used():
        controls = deployed.deployment.controls_role_arn
        keys = boto3.client("sts").assume_role(RoleArn=controls, RoleSessionName="test")["Credentials"]
        function = session_of(keys)
        keys = function.client("sts").assume_role(
            RoleArn=deployed.deployment.pause_role_arn(ACCOUNT),
            RoleSessionName="test",
            ExternalId=deployed.deployment.collector.external_id,
        )["Credentials"]
        iam = session_of(keys).client("iam")
        paused = f"arn:aws:iam::{ACCOUNT}:policy/focuswatch-paused"
        iam.detach_role_policy(RoleName=ROLE, PolicyArn=paused)
        for role, policy in (
            (OTHER_ROLE, paused),
            (ROLE, "arn:aws:iam::aws:policy/AdministratorAccess"),
            (deployed.deployment.pause_role, paused),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                iam.attach_role_policy(RoleName=role, PolicyArn=policy)
        with pytest.raises(ClientError, match="AccessDenied"):
            function.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=paused)


def session_of(keys: dict[str, str]) -> boto3.Session:
    """Return a session with these credentials."""
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
