"""EventBridge rules that invoke the functions: on a delivered manifest, on a schedule, and after the previous step.

EventBridge delivers at least once, so a function may be invoked twice for one event. Each function is idempotent.
"""

from aws_cdk import Duration, aws_events, aws_events_targets
from constructs import Construct

from focuswatch.operations.lambda_function_groups_and_modules import ONE_AT_A_TIME
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.functions import LambdaFunctions

Schedule = aws_events.Schedule
HOURLY_MINUTE = "20"  # minute of the hour: CloudWatch lists a new metric after up to 15 minutes


class EventRules(Construct):
    """Rules on the default event bus. Events that a rule cannot deliver go to the function's dead-letter queue."""

    def __init__(
        self, scope: Construct, id: str, *, deployment: Deployment, functions: LambdaFunctions
    ) -> None:
        super().__init__(scope, id)
        self._name, self._source, self._functions = deployment.name, deployment.event_source, functions
        schedules = deployment.schedules
        self._rule("manifest", calls="refresh", pattern=_manifest(deployment), why="AWS delivered a manifest")
        self._rule("refreshed", calls="detect", pattern=self._own("Refreshed"), why="Tables were refreshed")
        self._rule(
            "unfinished",
            calls="detect",
            pattern=self._own("Unfinished"),
            why="The time limit was reached before all detections ran",
        )
        self._rule(
            "detected", calls="publish", pattern=self._own("Detected"), why="Notifications may be pending"
        )
        self._rule("draw", calls="page", pattern=self._own("Detected"), why="Detections ran")
        self._rule(
            "collect-clock",
            calls="collect",
            schedule=_daily(schedules.collect_hours),
            why="Daily collection of resource activity",
        )
        self._rule(
            "refresh-clock",
            calls="refresh",
            schedule=_daily(schedules.refresh_hours),
            why="Daily refresh, in case a manifest event was lost",
        )
        self._rule(
            "publish-clock",
            calls="publish",
            schedule=Schedule.rate(Duration.minutes(schedules.publish_minutes)),
            why="Retry of pending notifications",
        )
        self._rule(
            "pulse-clock", calls="pulse", schedule=_daily([schedules.pulse_hour]), why="Daily health report"
        )
        self._repeat_rules(deployment)
        self._optional_clocks(deployment)

    def _repeat_rules(self, deployment: Deployment) -> None:
        """Invoke a function again if an event arrived during its run."""
        for kind in (kind for kind in ONE_AT_A_TIME if kind in deployment.kinds):
            self._rule(
                f"{kind}-again",
                calls=kind,
                pattern=self._own("Again", function=kind),
                why="An event arrived while the function was running",
            )

    def _optional_clocks(self, deployment: Deployment) -> None:
        """Add the rules of the functions that are deployed only if they are configured."""
        schedules = deployment.schedules
        if "hourly" in deployment.kinds:
            self._rule(
                "hourly-clock",
                calls="hourly",
                schedule=Schedule.cron(minute=HOURLY_MINUTE),
                why="Hourly estimate of token costs",
            )
        if "weekly" in deployment.kinds:
            when = Schedule.cron(week_day=schedules.weekly_day, hour=str(schedules.pulse_hour), minute="0")
            self._rule("weekly-clock", calls="weekly", schedule=when, why="Weekly digest")
        if "fetch" in deployment.kinds:
            self._rule(
                "fetch-clock",
                calls="fetch",
                schedule=_daily(deployment.connectors.hours),
                why="Daily retrieval of charges from AI vendors",
            )
        if "bills" in deployment.kinds:
            self._rule(
                "bills-clock",
                calls="bills",
                schedule=_half_an_hour_before(schedules.refresh_hours),
                why="Daily refresh of bills from providers other than AWS",
            )
        if "close" in deployment.kinds:
            self._rule(
                "close-month",
                calls="close",
                pattern=self._own("Detected"),
                why="A month may have been invoiced",
            )
        if "sweep" in deployment.kinds:
            self._rule(
                "sweep-clock",
                calls="sweep",
                schedule=_daily([3]),
                why="Daily check for closed Jira issues",
            )

    def _own(self, detail_type: str, *, function: str | None = None) -> aws_events.EventPattern:
        detail = {"function": [function]} if function else None
        return aws_events.EventPattern(source=[self._source], detail_type=[detail_type], detail=detail)

    def _rule(
        self,
        id: str,
        *,
        calls: str,
        why: str,
        pattern: aws_events.EventPattern | None = None,
        schedule: aws_events.Schedule | None = None,
    ) -> None:
        target = aws_events_targets.LambdaFunction(
            self._functions.functions[calls],
            dead_letter_queue=self._functions.dead_letters[calls],
            retry_attempts=10,
            max_event_age=Duration.hours(6),
        )
        aws_events.Rule(
            self,
            id,
            rule_name=f"{self._name}-{id}",
            description=f"Invokes the Lambda function {calls}. Reason: {why}.",
            event_pattern=pattern,
            schedule=schedule,
            targets=[target],
        )


def _half_an_hour_before(hours: list[int]) -> aws_events.Schedule:
    earlier = sorted({(hour - 1) % 24 for hour in hours})
    return Schedule.cron(hour=",".join(map(str, earlier)), minute="30")


def _daily(hours: list[int]) -> aws_events.Schedule:
    return Schedule.cron(hour=",".join(map(str, sorted(set(hours)))), minute="0")


def _manifest(deployment: Deployment) -> aws_events.EventPattern:
    """Return the pattern of a manifest, which AWS delivers after all data files: https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html"""
    exports = [deployment.export_path]
    if deployment.principals.enabled:
        exports.append(deployment.principals_path)
    keys = [{"wildcard": f"{export}/metadata/*-Manifest.json"} for export in exports]
    return aws_events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created"],
        detail={"bucket": {"name": [deployment.bucket]}, "object": {"key": keys}},
    )
