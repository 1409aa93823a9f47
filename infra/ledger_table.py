"""The ledger's DynamoDB table: findings, suppressions, notifications, heartbeats and leases."""

from aws_cdk import RemovalPolicy, aws_dynamodb
from constructs import Construct

from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment


class LedgerTable(Construct):
    """A table with point-in-time recovery and deletion protection, which is retained when the stack is deleted."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id)
        self.table = aws_dynamodb.Table(
            self,
            "Table",
            table_name=deployment.ledger,
            partition_key=_text("kind"),
            sort_key=_text("id"),
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        # A sparse index: only findings with a pending notification have the attribute `pending`.
        self.table.add_global_secondary_index(
            index_name="pending",
            partition_key=_text("pending"),
            sort_key=_text("id"),
            projection_type=aws_dynamodb.ProjectionType.ALL,
        )


def _text(name: str) -> aws_dynamodb.Attribute:
    return aws_dynamodb.Attribute(name=name, type=aws_dynamodb.AttributeType.STRING)
