"""Config to stacks: what `npx cdk deploy --all` deploys, from config/deployment.toml and config/owners.toml."""

from pathlib import Path

from aws_cdk import App

from focuswatch.catalog import Catalog
from focuswatch.deployment import Deployment
from focuswatch.owners import Owners
from infra.stacks import add_stacks

CONFIG = Path(__file__).resolve().parent / "config"

app = App()
add_stacks(
    app,
    deployment=Deployment.load(CONFIG / "deployment.toml"),
    owners=Owners.load(CONFIG / "owners.toml"),
    catalog=Catalog.load(),
)
app.synth()
