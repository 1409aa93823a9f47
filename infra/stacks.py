"""The three stacks and the order of their deployment."""

from aws_cdk import App, Tags

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.operations.deployment_config import Deployment
from focuswatch.owners.owners_file import Owners
from infra.member_stack import MemberStack
from infra.payer_stack import PayerStack
from infra.pipeline_stack import PipelineStack


def add_stacks(app: App, *, deployment: Deployment, owners: Owners, catalog: Catalog) -> None:
    """Add the pipeline, payer and member stacks, with the configured tags on all resources.

    Creating the export fails unless the bucket already allows it to write, so the payer stack depends on the pipeline
    stack. Deploy them in this order also if each account has its own credentials.
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
