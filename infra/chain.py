"""What sets which function off: a delivered manifest, the clock, and the end of the step before.

EventBridge delivers at least once and the functions may be asked twice: each is idempotent.
"""

from aws_cdk import Duration, aws_events, aws_events_targets
from constructs import Construct

from focuswatch.operations.deployment_config import EVENT_SOURCE, ONE_AT_A_TIME, Deployment
from infra.functions import LambdaFunctions

Schedule = aws_events.Schedule


class Chain(Construct):
    """Rules on the default bus; what a rule cannot deliver goes to its function's dead letters."""

    def __init__(
        self, scope: Construct, id: str, *, deployment: Deployment, functions: LambdaFunctions
    ) -> None:
        super().__init__(scope, id)
        self._name, self._functions = deployment.name, functions
        clock = deployment.schedules
        self._rule("manifest", calls="refresh", pattern=_manifest(deployment), why="A manifest was delivered")
        self._rule("refreshed", calls="detect", pattern=_own("Refreshed"), why="The tables are new")
        self._rule(
            "unfinished", calls="detect", pattern=_own("Unfinished"), why="Its time was over too early"
        )
        self._rule("detected", calls="publish", pattern=_own("Detected"), why="There may be news")
        self._rule("draw", calls="page", pattern=_own("Detected"), why="There was a run")
        self._rule(
            "collect-clock", calls="collect", schedule=_daily(clock.collect_hours), why="The daily look"
        )
        self._rule(
            "refresh-clock",
            calls="refresh",
            schedule=_daily(clock.refresh_hours),
            why="Catches a lost manifest event",
        )
        self._rule(
            "publish-clock",
            calls="publish",
            schedule=Schedule.rate(Duration.minutes(clock.publish_minutes)),
            why="Tells what an interrupted run left untold",
        )
        self._rule(
            "pulse-clock", calls="pulse", schedule=_daily([clock.pulse_hour]), why="How focuswatch itself is"
        )
        for kind in ONE_AT_A_TIME:
            self._rule(
                f"{kind}-again",
                calls=kind,
                pattern=_own("Again", function=kind),
                why="Something arrived while a run was at work",
            )
        if "weekly" in deployment.kinds:
            when = Schedule.cron(week_day=clock.weekly_day, hour=str(clock.pulse_hour), minute="0")
            self._rule("weekly-clock", calls="weekly", schedule=when, why="How everybody's week was")
        if "sweep" in deployment.kinds:
            self._rule(
                "sweep-clock", calls="sweep", schedule=_daily([3]), why="Sees what people closed in Jira"
            )

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
            description=f"{why}: {calls}",
            event_pattern=pattern,
            schedule=schedule,
            targets=[target],
        )


def _daily(hours: list[int]) -> aws_events.Schedule:
    return Schedule.cron(hour=",".join(map(str, sorted(set(hours)))), minute="0")


def _own(detail_type: str, *, function: str | None = None) -> aws_events.EventPattern:
    detail = {"function": [function]} if function else None
    return aws_events.EventPattern(source=[EVENT_SOURCE], detail_type=[detail_type], detail=detail)


def _manifest(deployment: Deployment) -> aws_events.EventPattern:
    """A manifest is delivered after all of its data: https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html"""
    key = f"{deployment.export_path}/metadata/*-Manifest.json"
    return aws_events.EventPattern(
        source=["aws.s3"],
        detail_type=["Object Created"],
        detail={"bucket": {"name": [deployment.bucket]}, "object": {"key": [{"wildcard": key}]}},
    )
