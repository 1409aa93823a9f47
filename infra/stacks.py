"""Add all stacks to the CDK app, and define the order of their deployment."""

from aws_cdk import App, Tags

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.match_role_arns_and_extract_account_and_name import account_of_role
from focuswatch.owners.owners_file import Owners
from infra.member_role_stack_set import MemberStack
from infra.pause_policy_and_role_stack import PauseStack, capped_roles
from infra.payer_stack import PayerStack
from infra.pipeline_stack import PipelineStack
from infra.saved_queries_stack import SavedQueriesStack
from infra.spending_controls_stack import ControlsStack


def add_stacks(app: App, *, deployment: Deployment, owners: Owners, catalog: Catalog) -> None:
    """Add the pipeline, queries, payer and member stacks, and the optional stacks of spend caps; tag all resources.

    The payer stack depends on the pipeline stack, because creating the export fails unless the bucket already allows
    Data Exports to write. If you deploy each account with separate credentials, keep this order.
    https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-data-collection
    """
    name = deployment.name
    pipeline = PipelineStack(app, f"{name}-pipeline", deployment=deployment)
    queries = SavedQueriesStack(app, f"{name}-queries", deployment=deployment, catalog=catalog, owners=owners)
    shared_key = pipeline.topic_key if deployment.is_one_account_and_region else None
    payer = PayerStack(app, f"{name}-payer", deployment=deployment, owners=owners, pipeline_key=shared_key)
    member = MemberStack(app, f"{name}-member", deployment=deployment)
    for stack in (queries, payer, member):
        stack.node.add_dependency(pipeline)
    if deployment.controls.enabled:
        _add_controls(app, deployment=deployment, owners=owners, pipeline=pipeline)
    for key, value in deployment.tags.items():
        Tags.of(app).add(key, value)


def _add_controls(app: App, *, deployment: Deployment, owners: Owners, pipeline: PipelineStack) -> None:
    """Add the controls stack, and a pause stack for each account that has roles with a spend cap."""
    accounts = sorted({account_of_role(role) for role in capped_roles(owners)})
    if not accounts:
        return
    controls = ControlsStack(app, f"{deployment.name}-controls", deployment=deployment, accounts=accounts)
    controls.node.add_dependency(pipeline)
    for account in accounts:
        PauseStack(
            app, f"{deployment.name}-pause-{account}", deployment=deployment, owners=owners, account=account
        )
