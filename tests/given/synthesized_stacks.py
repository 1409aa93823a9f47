"""Synthesize the CDK stacks, for one account and for three, each once per process."""

import functools
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners
from infra.stacks import add_stacks
from tests.given.deployments import CONFIG, ROOT, deployment_of


@dataclass(frozen=True)
class Stacks:
    """A synthesized app; `templates` are by the last word of the stack's name."""

    folder: Path
    deployment: Deployment
    templates: dict[str, dict[str, Any]]
    manifest: dict[str, Any]

    def template(self, stack: str) -> Path:
        """Return the file of a stack's template."""
        return self.folder / f"{self.deployment.name}-{stack}.template.json"

    def resources(self, stack: str, type_: str) -> dict[str, dict[str, Any]]:
        """Return a stack's resources of a type, by logical id."""
        resources = self.templates[stack]["Resources"]
        return {id: one for id, one in resources.items() if one["Type"] == type_}

    def properties(self, stack: str, type_: str) -> list[dict[str, Any]]:
        """Return the properties of a stack's resources of a type."""
        return [one["Properties"] for one in self.resources(stack, type_).values()]


@functools.cache
def synthesized(accounts: Literal["one", "three"]) -> Stacks:
    """Return the stacks, synthesized as `cdk synth` does, with the checks of cdk-nag."""
    folder = tempfile.TemporaryDirectory(prefix="focuswatch-stacks-")
    _FOLDERS.append(folder)
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(outdir=folder.name, context=context)
    deployment = deployment_of(accounts=accounts)
    owners = Owners.load(CONFIG / "owners.toml")
    add_stacks(app, deployment=deployment, owners=owners, catalog=Catalog.load())
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return _read(Path(folder.name), deployment)


_FOLDERS: list[
    tempfile.TemporaryDirectory[str]
] = []  # references that keep the folders until the process ends


def _read(folder: Path, deployment: Deployment) -> Stacks:
    templates = {
        path.name.removesuffix(".template.json").rpartition("-")[2]: json.loads(path.read_text())
        for path in folder.glob("*.template.json")
    }
    return Stacks(folder, deployment, templates, json.loads((folder / "manifest.json").read_text()))
