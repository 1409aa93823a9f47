"""Define an account and region from which data is collected, and build ARNs in it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """An account and region; builds the ARNs that an API does not return."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of the resource as on the bill."""
        return f"arn:{partition(self.region)}:{service}:{self.region}:{self.account}:{resource}"


def partition(region: str) -> str:
    """Return the AWS partition of a region, as in ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
