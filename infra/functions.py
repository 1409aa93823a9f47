"""The Lambda functions, each with a role, a log group and a dead-letter queue."""

import json
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import Duration, RemovalPolicy, aws_iam, aws_lambda, aws_lambda_destinations, aws_logs
from aws_cdk import Size as CdkSize
from constructs import Construct

from focuswatch.operations.lambda_function_groups_and_modules import QUEUE_FED, module_of
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.acknowledge_nag_findings import acknowledge
from infra.lambda_code_and_layers import ARCHITECTURE, RUNTIME, duckdb_layer, lambda_code, layers
from infra.lambda_function_permissions import Permissions
from infra.queues_and_subscriptions import dead_letters, feed, work_queue
from infra.sns_topics import PipelineTopics
from infra.spending_controls_stack import controls_environment


@dataclass(frozen=True)
class Size:
    """Memory and timeout of a function; 1769 MB is one vCPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html

    `with_pandas` adds the layer AWS SDK for pandas, for functions that query Athena or write Parquet. `with_duckdb`
    adds DuckDB, for functions that read FOCUS files. A function can have only one of the two, because all layers
    together must not exceed 250 MB.
    """

    memory_mb: int
    timeout_seconds: int
    with_pandas: bool = False
    with_duckdb: bool = False
    storage_mb: int | None = None
    max_concurrency: int | None = None


# No concurrency is reserved for functions that must not run in parallel; each run holds a lease instead
# (focuswatch/operations/function_lease.py). Parallel runs of `refresh` would process a billing period twice, parallel
# runs of `detect` or `publish` would notify twice, and parallel runs of `page` could write the older page last.
# The timeout of a function that a queue feeds must be shorter than the lease of a claim
# (focuswatch/notify/delivery_claims_and_state.py).
SIZES = {
    "refresh": Size(memory_mb=1024, timeout_seconds=900, with_pandas=True),
    "collect": Size(memory_mb=1769, timeout_seconds=900, with_pandas=True),
    "detect": Size(memory_mb=1769, timeout_seconds=900, with_pandas=True),
    "hourly": Size(memory_mb=1769, timeout_seconds=900, with_pandas=True),
    "publish": Size(memory_mb=512, timeout_seconds=300),
    "page": Size(memory_mb=1769, timeout_seconds=600, with_pandas=True),
    "spending": Size(memory_mb=512, timeout_seconds=120),
    "pulse": Size(memory_mb=512, timeout_seconds=120),
    "slack": Size(memory_mb=512, timeout_seconds=300),
    # The cold start takes half of the three seconds that Slack waits. Because the URL is public, `max_concurrency`
    # prevents a flood of requests from using the concurrency of the other functions; it has an effect only with
    # `functions.reserve_concurrency`. Ten instances respond to 100 requests a second.
    "answer": Size(memory_mb=1024, timeout_seconds=10, max_concurrency=10),
    "events": Size(memory_mb=512, timeout_seconds=10, max_concurrency=5),
    "record": Size(memory_mb=512, timeout_seconds=120),
    "weekly": Size(memory_mb=1024, timeout_seconds=600, with_pandas=True),
    "fetch": Size(memory_mb=1024, timeout_seconds=900, with_pandas=True),
    # Memory: the maximum in a new AWS account. Storage: the files of a bill, and the tables derived from these files.
    # https://docs.aws.amazon.com/lambda/latest/dg/API_EphemeralStorage.html
    "bills": Size(memory_mb=3008, timeout_seconds=900, with_duckdb=True, storage_mb=10240),
    "close": Size(memory_mb=1769, timeout_seconds=600, with_pandas=True),
    "jira": Size(memory_mb=512, timeout_seconds=300),
    "sweep": Size(memory_mb=512, timeout_seconds=300),
    "teams": Size(memory_mb=512, timeout_seconds=300),
    "pagerduty": Size(memory_mb=512, timeout_seconds=300),
    "webhook": Size(memory_mb=512, timeout_seconds=300),
    "email": Size(memory_mb=512, timeout_seconds=300),
    "securityhub": Size(memory_mb=512, timeout_seconds=300),
    "ocsf": Size(memory_mb=512, timeout_seconds=300),
}


class LambdaFunctions(Construct):
    """The Lambda functions, the queues that feed some of them, and their dead-letter queues, each by function name."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment, topics: PipelineTopics) -> None:
        super().__init__(scope, id)
        self._deployment = deployment
        self._code = lambda_code()
        self._layers = layers(self, deployment=deployment)
        permissions = Permissions(deployment, key_arn=topics.key.key_arn)
        self.dead_letters = {
            kind: dead_letters(self, f"{kind}-dead-letters", name=deployment.dead_letters(kind))
            for kind in deployment.unattended
        }
        self.queues = {
            kind: work_queue(
                self,
                f"{kind}-queue",
                name=deployment.queue(kind),
                function_timeout=Duration.seconds(SIZES[kind].timeout_seconds),
                dead_letters=self.dead_letters[kind],
            )
            for kind in deployment.kinds
            if kind in QUEUE_FED
        }
        shared = _environment(deployment, topics=topics)
        self.functions = {
            kind: self._function(
                kind, permissions=permissions, environment={**shared, **self._own_environment(kind)}
            )
            for kind in deployment.kinds
        }
        for kind, queue in self.queues.items():
            feed(self.functions[kind], queue)
        self.addresses = {
            output: self._address(kind)
            for output, kind in (("SlackRequestURL", "answer"), ("EventsURL", "events"))
            if kind in self.functions
        }
        for kind in ("weekly", "teams", "record"):  # these functions send links to `answer`
            if kind in self.functions:
                self.functions[kind].add_environment("FOCUSWATCH_LINK_URL", self.addresses["SlackRequestURL"])

    def _address(self, kind: str) -> str:
        """Add a public URL to a function, and return it.

        `answer` receives requests from Slack, and serves the links to the report page and in Teams messages; `events`
        receives events from CI systems. These functions verify the signature of each request.
        """
        url = self.functions[kind].add_function_url(auth_type=aws_lambda.FunctionUrlAuthType.NONE)
        return url.url

    def _function(
        self, kind: str, *, permissions: Permissions, environment: dict[str, str]
    ) -> aws_lambda.Function:
        size, name = SIZES[kind], self._deployment.function(kind)
        storage = size.storage_mb
        reserved = size.max_concurrency if self._deployment.functions.reserve_concurrency else None
        is_synchronous = kind in QUEUE_FED or kind not in self.dead_letters
        function = aws_lambda.Function(
            self,
            kind,
            function_name=name,
            description=f"focuswatch: {kind}",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"{module_of(kind)}.handler",
            code=self._code,
            layers=self._needed(size),
            role=self._role(kind, permissions=permissions),
            memory_size=size.memory_mb,
            ephemeral_storage_size=storage and CdkSize.mebibytes(storage),
            timeout=Duration.seconds(size.timeout_seconds),
            reserved_concurrent_executions=reserved,
            tracing=aws_lambda.Tracing.ACTIVE,
            log_group=self._log_group(kind),
            environment=environment,
            **({} if is_synchronous else self._failures(kind)),
        )
        reason = (
            "The Lambda layers are built for Python 3.13. "
            "The runtime stays at Python 3.13 until the layers are built for a newer version."
        )
        acknowledge(function, reason=reason, findings=["AwsSolutions-L1"])
        return function

    def _failures(self, kind: str) -> dict[str, Any]:
        """Return the settings of asynchronous invocations: two retries, then the dead-letter queue."""
        destination = aws_lambda_destinations.SqsDestination(self.dead_letters[kind])
        return {"on_failure": destination, "retry_attempts": 2, "max_event_age": Duration.hours(6)}

    def _own_environment(self, kind: str) -> dict[str, str]:
        """Return the environment variables that are specific to this function."""
        own = {"POWERTOOLS_SERVICE_NAME": kind}
        if kind in self.queues:
            own["FOCUSWATCH_QUEUE"] = self.queues[kind].queue_url
            own["FOCUSWATCH_DEAD_LETTERS"] = self.dead_letters[kind].queue_url
        if kind in ("webhook", "securityhub"):
            own["FOCUSWATCH_ACCOUNT"] = self._deployment.accounts.pipeline
        if kind == "email":
            own["FOCUSWATCH_EMAIL_SENDER"] = self._deployment.email.sender
            own["FOCUSWATCH_EMAIL_DAILY_LIMIT"] = str(self._deployment.email.daily_limit)
        if kind == "publish" and self._deployment.events.findings:
            own["FOCUSWATCH_FINDING_EVENTS"] = self._deployment.finding_event_source
        if kind == "answer":
            own["FOCUSWATCH_ANSWERS"] = self.queues["record"].queue_url
            if self._deployment.controls.enabled:
                own["FOCUSWATCH_PRESSES"] = self._deployment.queue_url("controls")
        if kind == "collect":
            own["FOCUSWATCH_EVENTS"] = ",".join(self._deployment.event_sources)
        if kind in ("refresh", "bills") and self._deployment.other_bills:
            own["FOCUSWATCH_BILLS"] = json.dumps(self._deployment.other_bills)
        if kind == "refresh" and self._deployment.principals.enabled:
            own["FOCUSWATCH_PRINCIPALS"] = self._deployment.principals_path
        if kind == "collect" and self._deployment.invocation_logs.enabled:
            own["FOCUSWATCH_INVOCATION_LOGS"] = ",".join(self._deployment.invocation_logs.log_groups)
        if kind == "fetch":
            own["FOCUSWATCH_VENDORS"] = json.dumps(self._deployment.connectors.environment)
        if kind == "pulse":
            own["FOCUSWATCH_QUEUES"] = ",".join(self.queues)
            own["FOCUSWATCH_UNATTENDED"] = ",".join(self._deployment.unattended)
            own["FOCUSWATCH_DAILY"] = ",".join(self._deployment.daily)
            own["FOCUSWATCH_DATA_AGE_HOURS"] = str(self._deployment.alarms.data_age_hours)
        return own

    def _needed(self, size: Size) -> list[aws_lambda.ILayerVersion]:
        made = self._layers
        large = [made.sdk_for_pandas] if size.with_pandas else []
        if size.with_duckdb:
            large.append(duckdb_layer(self, deployment=self._deployment))
        return [*large, made.powertools, made.ours]

    def _role(self, kind: str, *, permissions: Permissions) -> aws_iam.Role:
        """Return the function's role. Its name is fixed, because roles in other accounts trust the role by name."""
        role = aws_iam.Role(
            self,
            f"{kind}-role",
            role_name=self._deployment.function(kind),
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        for grant in permissions.of(kind):
            role.add_to_policy(grant.statement())
            wildcards = [f"AwsSolutions-IAM5[Resource::{arn}]" for arn in grant.resources if "*" in arn]
            acknowledge(role, reason=f"{grant.why}: {', '.join(grant.actions)}", findings=wildcards)
        return role

    def _log_group(self, kind: str) -> aws_logs.LogGroup:
        name = f"/aws/lambda/{self._deployment.function(kind)}"
        group = aws_logs.LogGroup(
            self, f"{kind}-logs", log_group_name=name, removal_policy=RemovalPolicy.DESTROY
        )
        resource = cast(aws_logs.CfnLogGroup, group.node.default_child)
        resource.retention_in_days = self._deployment.keep.log_days
        return group


def _environment(deployment: Deployment, *, topics: PipelineTopics) -> dict[str, str]:
    secrets = deployment.secrets.model_dump()
    return {
        "FOCUSWATCH_NAME": deployment.name,
        "FOCUSWATCH_BUCKET": deployment.bucket,
        "FOCUSWATCH_EXPORT": deployment.export_path,
        "FOCUSWATCH_DATABASE": deployment.athena.database,
        "FOCUSWATCH_WORKGROUP": deployment.athena.workgroup,
        "FOCUSWATCH_LEDGER": deployment.ledger,
        "FOCUSWATCH_FINDINGS_TOPIC": topics.findings.topic_arn,
        "FOCUSWATCH_DETECTION_TOPICS": json.dumps(
            {name: topic.topic_arn for name, topic in topics.by_name.items()}
        ),
        "FOCUSWATCH_ALARMS_TOPIC": topics.alarms.topic_arn,
        "FOCUSWATCH_SPENDING_TOPIC": deployment.spending_topic_arn,
        "FOCUSWATCH_MEMBER_ROLE": deployment.collector.member_role,
        "FOCUSWATCH_EXTERNAL_ID": deployment.collector.external_id,
        "FOCUSWATCH_REGIONS": ",".join(deployment.collector.regions),
        "FOCUSWATCH_MANAGEMENT_ROLE": deployment.management_role_arn or "",
        **controls_environment(deployment),
        "POWERTOOLS_METRICS_NAMESPACE": deployment.metric_namespace,
        "POWERTOOLS_LOG_LEVEL": deployment.functions.log_level,
        **{f"FOCUSWATCH_{channel.upper()}_SECRET": name for channel, name in secrets.items() if name},
    }
