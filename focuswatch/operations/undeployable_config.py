"""Find the problems in deployment.toml and owners.toml that prevent deployment: placeholders, unconfigured channels."""

from collections.abc import Iterator

from focuswatch.operations.deployment_toml_problems import placeholder_problems
from focuswatch.operations.lambda_function_groups_and_modules import CHANNELS
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.teams_and_routing_sections import Owns

# The placeholder teams of the shipped config/owners.toml.
SHIPPED_TEAMS = {
    "search": Owns(accounts=["111122223333"], ous=["/prod/search"], tags={"team": ["search", "srch"]}),
    "ml-platform": Owns(
        ous=["/prod/ml", "/sandbox"], tags={"team": ["ml", "ml-platform"], "application": ["training"]}
    ),
}


def placeholders(deployment: Deployment, owners: Owners) -> Iterator[str]:
    """Yield a sentence for each placeholder that was not replaced, with its file and key."""
    yield from (f"deployment.toml: {placeholder}" for placeholder in placeholder_problems(deployment))
    for name, owns in SHIPPED_TEAMS.items():
        if name in owners.teams and owners.teams[name].owns == owns:
            yield (
                f"owners.toml: teams.{name}: found a placeholder team; replace or remove the team "
                "(findings without an owner go to the fallback channel)."
            )


def unconfigured_channels(deployment: Deployment, owners: Owners) -> Iterator[str]:
    """Yield a sentence for each address whose channel is not deployed, because its findings would be lost.

    Slack is optional: without it, owners.toml still names a channel for each team.
    """
    channels = {channel.name: channel for channel in CHANNELS}
    for key, addresses in owners.addresses.items():
        for address in addresses:
            channel = channels.get(address.kind)
            if address.kind == "slack" or (channel and deployment.uses(channel)):
                continue
            if channel is None:
                yield f"owners.toml: {key}: this version of focuswatch cannot deliver to '{address}'."
            else:
                yield f"owners.toml: {key}: found '{address}', which requires {channel.setting} in deployment.toml."
