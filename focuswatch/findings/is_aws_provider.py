"""Names of providers as bills state them."""


def is_aws(provider: str) -> bool:
    """Return whether a bill's provider is AWS; the same rule as focuswatch.bill.aws_only_charges.IS_AWS."""
    return not provider.strip() or provider.strip().lower().startswith(("aws", "amazon"))
