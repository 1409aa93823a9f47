"""Config to stacks: what `npx cdk deploy --all` deploys, from config/deployment.toml and config/owners.toml."""

from pathlib import Path

from aws_cdk import App

from focuswatch.catalog.catalog import Catalog
from focuswatch.errors import FocuswatchError
from focuswatch.operations.config_placeholders import placeholders
from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file import Owners
from infra.stacks import add_stacks


def synthesize(app: App, *, config: Path) -> None:
    """Write the stacks' templates; a mistake in a file ends it with every mistake's sentence, and no traceback.

    An example of the shipped files that nobody has replaced is a mistake too.
    """
    try:
        deployment = Deployment.load(config / "deployment.toml")
        owners, catalog = Owners.load(config / "owners.toml"), Catalog.load()
    except FocuswatchError as error:
        raise SystemExit(str(error)) from None
    if examples := list(placeholders(deployment, owners)):
        raise SystemExit("\n".join(f"{config}/{one}" for one in examples))
    add_stacks(app, deployment=deployment, owners=owners, catalog=catalog)
    app.synth()


if __name__ == "__main__":
    synthesize(App(), config=Path(__file__).resolve().parent / "config")
