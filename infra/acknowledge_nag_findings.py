"""Acknowledge cdk-nag findings on a single construct, with a reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, *, reason: str, findings: list[str]) -> None:
    """Acknowledge rules such as `AwsSolutions-S1`, or findings such as `AwsSolutions-IAM5[Resource::*]`."""
    for finding in findings:
        Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
