"""The four Lambdas, each with a role, a log group and a queue of what it could not do."""

from dataclasses import dataclass
from typing import cast

from aws_cdk import Duration, RemovalPolicy, aws_iam, aws_lambda, aws_lambda_destinations, aws_logs
from constructs import Construct

from focuswatch.deployment import FUNCTIONS, Deployment
from infra.explained import explain
from infra.messages import Messages, dead_letters
from infra.packages import ARCHITECTURE, RUNTIME, lambda_code, layers
from infra.permissions import Permissions


@dataclass(frozen=True)
class Size:
    """How much a function gets; 1769 MB is one whole processor: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""

    memory_mb: int
    timeout_minutes: int
    one_at_a_time: bool = False


# Two refreshes at once would fold the same period twice; two detects would tell twice of what neither wrote yet, two
# publishes of what neither has marked as told.
SIZES = {
    "refresh": Size(memory_mb=1024, timeout_minutes=15, one_at_a_time=True),
    "collect": Size(memory_mb=1769, timeout_minutes=15),
    "detect": Size(memory_mb=1769, timeout_minutes=15, one_at_a_time=True),
    "publish": Size(memory_mb=512, timeout_minutes=5, one_at_a_time=True),
}


class Functions(Construct):
    """`refresh`, `collect`, `detect` and `publish`, and their dead-letter queues, by name."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment, messages: Messages) -> None:
        super().__init__(scope, id)
        self._deployment = deployment
        self._code = lambda_code()
        self._layers = layers(self, deployment=deployment)
        self._environment = _environment(deployment, messages=messages)
        permissions = Permissions(deployment, key_arn=messages.key.key_arn)
        self.dead_letters = {
            kind: dead_letters(self, f"{kind}-dead-letters", name=deployment.dead_letters(kind))
            for kind in FUNCTIONS
        }
        self.functions = {kind: self._function(kind, permissions=permissions) for kind in FUNCTIONS}

    def _function(self, kind: str, *, permissions: Permissions) -> aws_lambda.Function:
        size, name = SIZES[kind], self._deployment.function(kind)
        reserved = 1 if size.one_at_a_time and self._deployment.functions.reserve_concurrency else None
        function = aws_lambda.Function(
            self,
            kind,
            function_name=name,
            description=f"focuswatch: {kind}",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"lambdas.{kind}.handler",
            code=self._code,
            layers=self._layers,
            role=self._role(kind, permissions=permissions),
            memory_size=size.memory_mb,
            timeout=Duration.minutes(size.timeout_minutes),
            reserved_concurrent_executions=reserved,
            tracing=aws_lambda.Tracing.ACTIVE,
            log_group=self._log_group(kind),
            environment={**self._environment, "POWERTOOLS_SERVICE_NAME": kind},
            on_failure=aws_lambda_destinations.SqsDestination(self.dead_letters[kind]),
            retry_attempts=2,
            max_event_age=Duration.hours(6),
        )
        reason = "AWS's layers and ours are built for Python 3.13; the runtime is raised together with them."
        explain(function, reason=reason, findings=["AwsSolutions-L1"])
        return function

    def _role(self, kind: str, *, permissions: Permissions) -> aws_iam.Role:
        """Its name is known beforehand, since other accounts' roles trust it."""
        role = aws_iam.Role(
            self,
            f"{kind}-role",
            role_name=self._deployment.function(kind),
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        for grant in permissions.of(kind):
            role.add_to_policy(grant.statement())
            wild = [f"AwsSolutions-IAM5[Resource::{one}]" for one in grant.resources if "*" in one]
            explain(role, reason=f"{grant.why}: {', '.join(grant.actions)}", findings=wild)
        return role

    def _log_group(self, kind: str) -> aws_logs.LogGroup:
        name = f"/aws/lambda/{self._deployment.function(kind)}"
        group = aws_logs.LogGroup(
            self, f"{kind}-logs", log_group_name=name, removal_policy=RemovalPolicy.DESTROY
        )
        made = cast(aws_logs.CfnLogGroup, group.node.default_child)
        made.retention_in_days = self._deployment.keep.log_days
        return group


def _environment(deployment: Deployment, *, messages: Messages) -> dict[str, str]:
    return {
        "FOCUSWATCH_BUCKET": deployment.bucket,
        "FOCUSWATCH_EXPORT": deployment.export_path,
        "FOCUSWATCH_DATABASE": deployment.athena.database,
        "FOCUSWATCH_WORKGROUP": deployment.athena.workgroup,
        "FOCUSWATCH_LEDGER": deployment.ledger,
        "FOCUSWATCH_FINDINGS_TOPIC": messages.findings.topic_arn,
        "FOCUSWATCH_NEW_REGION_TOPIC": messages.new_region.topic_arn,
        "FOCUSWATCH_MEMBER_ROLE": deployment.collector.member_role,
        "FOCUSWATCH_EXTERNAL_ID": deployment.collector.external_id,
        "FOCUSWATCH_REGIONS": ",".join(deployment.collector.regions),
        "FOCUSWATCH_MANAGEMENT_ROLE": deployment.management_role_arn or "",
        "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
        "POWERTOOLS_LOG_LEVEL": deployment.functions.log_level,
    }
