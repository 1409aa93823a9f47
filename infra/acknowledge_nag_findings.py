"""Acknowledged cdk-nag findings, each on one construct and with a reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, *, reason: str, findings: list[str]) -> None:
    """Acknowledge `findings` on `construct`: `AwsSolutions-S1`, or one finding as `AwsSolutions-IAM5[Resource::*]`."""
    for finding in findings:
        Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
