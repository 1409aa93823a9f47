"""Match ARNs of IAM roles, and extract the account and the name."""

import re

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html; a role's path is part of its ARN.
ROLE = re.compile(
    r"arn:aws:iam::(\d{12}):role/((?:[\x21-\x29\x2B-\x3E\x40-\x7E]+/)?[\w+=,.@-]{1,64})", re.ASCII
)
SERVICE_ROLES = ("aws-service-role/", "aws-reserved/")  # paths of roles that only AWS can change


def account_of_role(role: str) -> str:
    """Return the account in a role's ARN."""
    return role.split(":")[4]


def name_of_role(role: str) -> str:
    """Return a role's name, without its path."""
    return role.rpartition("/")[2]
