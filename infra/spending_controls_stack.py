"""The controls stack: the function that pauses and resumes spending, its queue of button presses, rules and alarms.

The stack is synthesized only if `[controls] enabled = true`. The function's own role cannot change IAM: it assumes the
pause role of each account, see infra/pause_policy_and_role_stack.py.
"""

from aws_cdk import (
    Duration,
    Environment,
    RemovalPolicy,
    Stack,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_lambda,
    aws_lambda_destinations,
    aws_logs,
    aws_sns,
)
from constructs import Construct

from focuswatch.operations.lambda_function_groups_and_modules import module_of
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.acknowledge_nag_findings import acknowledge
from infra.lambda_code_and_layers import ARCHITECTURE, RUNTIME, lambda_code, layers
from infra.lambda_function_permissions import Permissions
from infra.queues_and_subscriptions import dead_letters, feed, work_queue

KIND = "controls"
# Shorter than the lease of a claim (focuswatch.notify.delivery_claims_and_state), so that a run whose lease has expired
# has ended and changes nothing more.
TIMEOUT = Duration.minutes(2)


class ControlsStack(Stack):
    """The function `controls`, its queue, its rules and its alarms."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment, accounts: list[str]) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: pauses and resumes the spending of use cases with a spend cap",
            env=Environment(account=deployment.accounts.pipeline, region=deployment.accounts.region),
        )
        self._deployment = deployment
        letters = dead_letters(self, "DeadLetters", name=deployment.dead_letters(KIND))
        queue = work_queue(
            self, "Presses", name=deployment.queue(KIND), function_timeout=TIMEOUT, dead_letters=letters
        )
        role = self._role(accounts)
        function = aws_lambda.Function(
            self,
            "Function",
            function_name=deployment.function(KIND),
            description=f"focuswatch: {KIND}",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=f"{module_of(KIND)}.handler",
            code=lambda_code(),
            layers=_layers(self, deployment),
            role=role,
            memory_size=512,
            timeout=TIMEOUT,
            tracing=aws_lambda.Tracing.ACTIVE,
            log_group=self._log_group(),
            environment={
                **_environment(deployment),
                "FOCUSWATCH_QUEUE": queue.queue_url,
                "FOCUSWATCH_DEAD_LETTERS": letters.queue_url,
            },
            on_failure=aws_lambda_destinations.SqsDestination(letters),
            retry_attempts=2,
            max_event_age=Duration.hours(6),
        )
        acknowledge(
            function,
            reason="The Lambda layers are built for Python 3.13. "
            "The runtime stays at Python 3.13 until the layers are built for a newer version.",
            findings=["AwsSolutions-L1"],
        )
        feed(function, queue)
        self._rules(function)
        self._alarm(
            "dead-letters",
            letters.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            why="Requests to pause or resume AI spending failed after all retries. See docs/control.md.",
        )
        self._alarm(
            "errors",
            function.metric_errors(period=Duration.hours(1), statistic="Sum"),
            why="focuswatch could not start, end or review a pause of AI spending. Check the log of the "
            "Lambda function, and see docs/control.md.",
        )

    def _role(self, accounts: list[str]) -> aws_iam.Role:
        role = aws_iam.Role(
            self,
            "Role",
            role_name=self._deployment.function(KIND),
            assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        for grant in Permissions(self._deployment, key_arn="").controls(accounts):
            role.add_to_policy(grant.statement())
            wildcards = [f"AwsSolutions-IAM5[Resource::{arn}]" for arn in grant.resources if "*" in arn]
            acknowledge(role, reason=f"{grant.why}: {', '.join(grant.actions)}", findings=wildcards)
        return role

    def _log_group(self) -> aws_logs.LogGroup:
        name = f"/aws/lambda/{self._deployment.function(KIND)}"
        group = aws_logs.LogGroup(self, "Logs", log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
        resource = group.node.default_child
        assert isinstance(resource, aws_logs.CfnLogGroup)
        resource.retention_in_days = self._deployment.keep.log_days
        return group

    def _rules(self, function: aws_lambda.Function) -> None:
        """Invoke the function every hour and after each scan, to review all pauses."""
        deployment = self._deployment
        target = aws_events_targets.LambdaFunction(
            function, retry_attempts=10, max_event_age=Duration.hours(6)
        )
        hourly = aws_events.Schedule.rate(Duration.hours(1))
        scanned = aws_events.EventPattern(source=[deployment.event_source], detail_type=["Detected"])
        for name, schedule, pattern in (("clock", hourly, None), ("detected", None, scanned)):
            aws_events.Rule(
                self,
                name,
                rule_name=f"{deployment.name}-{KIND}-{name}",
                description=f"Invokes the Lambda function {KIND} to review spend caps.",
                schedule=schedule,
                event_pattern=pattern,
                targets=[target],
            )

    def _alarm(self, id: str, metric: aws_cloudwatch.Metric, *, why: str) -> None:
        deployment = self._deployment
        accounts = deployment.accounts
        arn = f"arn:aws:sns:{accounts.region}:{accounts.pipeline}:{deployment.topic('alarms')}"
        alarm = aws_cloudwatch.Alarm(
            self,
            id,
            alarm_name=f"{deployment.name}-{KIND}-{id}",
            alarm_description=why,
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        action = aws_cloudwatch_actions.SnsAction(aws_sns.Topic.from_topic_arn(self, f"{id}-topic", arn))
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)


def _layers(stack: Stack, deployment: Deployment) -> list[aws_lambda.ILayerVersion]:
    made = layers(stack, deployment=deployment, name=f"{deployment.name}-{KIND}-packages")
    return [made.powertools, made.ours]


def _environment(deployment: Deployment) -> dict[str, str]:
    secrets = {"SLACK": deployment.secrets.slack, "JIRA": deployment.secrets.jira}
    return {
        "FOCUSWATCH_NAME": deployment.name,
        "FOCUSWATCH_LEDGER": deployment.ledger,
        "FOCUSWATCH_EXTERNAL_ID": deployment.collector.external_id,
        **controls_environment(deployment),
        "FOCUSWATCH_PAUSED_POLICY": deployment.paused_policy,
        "FOCUSWATCH_PAUSE_ROLE": deployment.pause_role,
        "POWERTOOLS_SERVICE_NAME": KIND,
        "POWERTOOLS_METRICS_NAMESPACE": deployment.metric_namespace,
        "POWERTOOLS_LOG_LEVEL": deployment.functions.log_level,
        **{f"FOCUSWATCH_{channel}_SECRET": name for channel, name in secrets.items() if name},
    }


def controls_environment(deployment: Deployment) -> dict[str, str]:
    """Return the environment variables for functions that show or change a pause; empty without spend caps."""
    if not deployment.controls.enabled:
        return {}
    return {
        "FOCUSWATCH_CONTROLS": deployment.controls_mode,
        "FOCUSWATCH_PAUSE_DAYS": str(deployment.controls.pause_days),
    }
