"""The CDK app: synthesize all stacks from config/deployment.toml and config/owners.toml."""

from pathlib import Path

from aws_cdk import App

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import FocuswatchError
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.undeployable_config import placeholders, unconfigured_channels
from focuswatch.owners.owners_file import Owners
from infra.stacks import add_stacks


def synthesize(app: App, *, config: Path) -> None:
    """Synthesize the stacks. Exit with a list of problems if a file is invalid or still contains placeholders."""
    try:
        deployment = Deployment.load(config / "deployment.toml")
        owners, catalog = Owners.load(config / "owners.toml"), Catalog.load()
    except FocuswatchError as error:
        raise SystemExit(str(error)) from None
    if problems := [*placeholders(deployment, owners), *unconfigured_channels(deployment, owners)]:
        raise SystemExit("\n".join(f"{config}/{problem}" for problem in problems))
    add_stacks(app, deployment=deployment, owners=owners, catalog=catalog)
    app.synth()


if __name__ == "__main__":
    synthesize(App(), config=Path(__file__).resolve().parent / "config")
