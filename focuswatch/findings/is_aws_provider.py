"""Recognize AWS among the provider names on bills."""


def is_aws(provider: str) -> bool:
    """Return whether a provider name on a bill means AWS. An empty name counts as AWS.

    The rule is the same as focuswatch.bill.aws_only_views_and_other_provider_warning.IS_AWS.
    """
    return not provider.strip() or provider.strip().lower().startswith(("aws", "amazon"))
