"""Recognize AWS among the provider names on bills."""


def is_aws(provider: str) -> bool:
    """Return whether a provider name on a bill means AWS: the same rule as focuswatch.bill.aws_only_charges.IS_AWS.

    An empty name counts as AWS.
    """
    return not provider.strip() or provider.strip().lower().startswith(("aws", "amazon"))
