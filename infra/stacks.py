"""Which stacks there are, and in which order they may be deployed."""

from aws_cdk import App, Tags

from focuswatch.catalog.catalog import Catalog
from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file import Owners
from infra.member import MemberStack
from infra.payer import PayerStack
from infra.pipeline import PipelineStack


def add_stacks(app: App, *, deployment: Deployment, owners: Owners, catalog: Catalog) -> None:
    """Pipeline, payer and member stack, by who may deploy them; everything carries the config's tags.

    The payer's export is refused unless the bucket lets it write already, so the payer comes after the pipeline,
    whether both are one account or two: deploy them in this order also where each has its own credentials.
    https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-data-collection
    """
    name = deployment.name
    pipeline = PipelineStack(app, f"{name}-pipeline", deployment=deployment, catalog=catalog, owners=owners)
    payer = PayerStack(app, f"{name}-payer", deployment=deployment, owners=owners)
    member = MemberStack(app, f"{name}-member", deployment=deployment)
    for stack in (payer, member):
        stack.node.add_dependency(pipeline)
    for key, value in deployment.tags.items():
        Tags.of(app).add(key, value)
