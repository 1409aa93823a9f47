"""`focuswatch policy`: print the IAM policy or SCP that would enforce the rules of a use case."""

from enum import StrEnum
from typing import Annotated

import typer

from focuswatch.cli import shared_option_types


class PolicyFormat(StrEnum):
    """The kinds of policy documents."""

    IAM = "iam"
    SCP = "scp"


def policy(
    use_case: Annotated[str, typer.Argument(help="Name of a use case in owners.toml.", show_default=False)],
    owners: shared_option_types.OwnersFile = None,
    kind: Annotated[
        PolicyFormat,
        typer.Option(help="IAM policy for roles (iam), or service control policy for accounts (scp)."),
    ] = PolicyFormat.IAM,
) -> None:
    """Print the policy that enforces a use case's rules.

    The keys models, batch and regions of the use case in owners.toml define the rules. The command prints the
    policy as JSON for your review; focuswatch never attaches the policy.

    \b
    focuswatch policy ticket-answers --owners owners.toml
    focuswatch policy ticket-answers --owners owners.toml --kind scp > policy.json
    """
    import json

    from focuswatch.controls.usage_rules_as_iam_or_scp import policy_document, policy_notes
    from focuswatch.errors import ConfigError
    from focuswatch.owners.owners_file import Owners

    use_cases = Owners.load(owners).use_cases
    if use_case not in use_cases:
        names = ", ".join(use_cases) or "none"
        raise ConfigError(
            f"There is no use case '{use_case}' in {owners or 'owners.toml (--owners)'}. Expected one of: "
            f"{names}."
        )
    found = use_cases[use_case]
    document = policy_document(use_case, found, kind=kind.value)
    typer.echo(json.dumps(document, indent=2))
    for note in policy_notes(found, kind=kind.value):
        typer.echo(note, err=True)
