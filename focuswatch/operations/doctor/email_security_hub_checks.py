"""Checks of the AWS services that channels use: the sender identity in SES, and Security Hub. Nothing is sent.

A channel that is not configured is not checked.
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from focuswatch.operations.doctor.check_result_and_context import Check, DoctorContext, failed, noted, ok


def check_email(context: DoctorContext) -> Iterator[Check]:
    """Check that the sender or its domain is a verified identity, and that the account can send to any address."""
    sender = context.deployment.email.sender
    if not sender:
        return
    client = context.client("sesv2")
    if not any(_is_verified(client, identity) for identity in (sender, sender.rpartition("@")[2])):
        fix = (
            f"Run `aws sesv2 create-email-identity --email-identity {sender}`, then open the link in the email that "
            "AWS sends to this address."
        )
        yield failed("email", f"{sender} is not a verified identity in SES", fix=fix)
        return
    account = client.get_account()
    if not account.get("SendingEnabled", True):
        fix = "Resume email sending in the SES console, or contact AWS Support."
        yield failed("email", "sending is disabled for the account", fix=fix)
    elif not account.get("ProductionAccessEnabled", True):
        yield noted(
            "email",
            f"{sender} is verified; the account is in the SES sandbox, so each recipient must also be verified",
        )
    else:
        yield ok("email", f"{sender} is verified")


def _is_verified(client: Any, identity: str) -> bool:
    try:
        found = client.get_email_identity(EmailIdentity=identity)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return False
    return bool(found.get("VerifiedForSendingStatus"))


def check_security_hub(context: DoctorContext) -> Iterator[Check]:
    """Check that Security Hub is enabled in the pipeline's account and Region."""
    accounts = context.deployment.accounts
    if not context.deployment.security.security_hub:
        return
    try:
        hub = context.client("securityhub").describe_hub()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("InvalidAccessException", "ResourceNotFoundException"):
            raise
        fix = f"Run `aws securityhub enable-security-hub --region {accounts.region}`."
        yield failed(
            "security hub", f"not enabled in account {accounts.pipeline}, Region {accounts.region}", fix=fix
        )
        return
    yield ok("security hub", str(hub["HubArn"]))
