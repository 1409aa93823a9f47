"""Values of the shipped config that are only examples: they load and can be tried, and no stack is made of them."""

from collections.abc import Iterator

from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file import Owners, Owns

# The teams of config/owners.toml as it is shipped, by what they own.
SHIPPED_TEAMS = {
    "search": Owns(accounts=["111122223333"], ous=["/prod/search"], tags={"team": ["search", "srch"]}),
    "ml-platform": Owns(
        ous=["/prod/ml", "/sandbox"], tags={"team": ["ml", "ml-platform"], "application": ["training"]}
    ),
}


def placeholders(deployment: Deployment, owners: Owners) -> Iterator[str]:
    """Return a sentence for every shipped example that nobody has replaced, with its file and key."""
    yield from (f"deployment.toml: {one}" for one in deployment.placeholders())
    for name, owns in SHIPPED_TEAMS.items():
        if name in owners.teams and owners.teams[name].owns == owns:
            yield (
                f"owners.toml: teams.{name}: is the shipped example; write your own teams, or remove it "
                "(findings of no team go to the fallback channel)."
            )
