"""CloudWatch alarms on focuswatch itself (errors, dead letters, old data, missing runs), and an optional dashboard."""

from collections.abc import Sequence

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_sns
from constructs import Construct

from focuswatch.operations.lambda_function_groups_and_modules import ENDPOINTS
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.functions import LambdaFunctions

QUARTER_DAY = Duration.hours(6)
# A daily run may be late, but not by six hours; focuswatch/operations/function_run_heartbeats.py has the same limits.
# `refresh` is missing here: only its event `Refreshed` starts `detect`, so the alarm of `detect` also reports
# its missed runs.
MISSED_AFTER = {
    "collect": (QUARTER_DAY, 5),
    "detect": (QUARTER_DAY, 5),
    "hourly": (Duration.hours(1), 3),
    "publish": (Duration.hours(1), 2),
    "page": (QUARTER_DAY, 5),
    "pulse": (QUARTER_DAY, 5),
    "sweep": (QUARTER_DAY, 5),
    "fetch": (QUARTER_DAY, 5),
    "bills": (QUARTER_DAY, 5),
}
_Alarm = aws_cloudwatch.ComparisonOperator
_Missing = aws_cloudwatch.TreatMissingData


class Monitoring(Construct):
    """The alarms, each of which notifies the topic `alarms` when its state changes, and the dashboard.

    Functions whose errors AWS retries have no alarm on errors: a failed event succeeds on a retry, becomes a dead
    letter within minutes, or keeps a queue from emptying for an hour. The dashboard shows these errors.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        deployment: Deployment,
        functions: LambdaFunctions,
        topic: aws_sns.Topic,
    ) -> None:
        super().__init__(scope, id)
        self._name, self._namespace = deployment.name, deployment.metric_namespace
        self._functions, self._kinds = functions, deployment.kinds
        self._action = aws_cloudwatch_actions.SnsAction(topic)
        for kind in self._kinds:
            if kind in functions.dead_letters:
                self._dead_letters(kind)
            else:
                self._errors(kind)
            if kind in MISSED_AFTER:
                self._missed_runs(kind)
            if kind in functions.queues:
                self._backlog(kind)
        self._old_data(deployment.alarms.data_age_hours)
        if deployment.dashboard.enabled:
            self._dashboard()

    def _errors(self, kind: str) -> None:
        metric = self._functions.functions[kind].metric_errors(period=Duration.minutes(5), statistic="Sum")
        why = (
            f"The Lambda function {kind} failed, and AWS does not retry the invocation. "
            "Check the log of the function."
        )
        self._alarm(f"{kind}-errors", metric, threshold=1, why=why)

    def _dead_letters(self, kind: str) -> None:
        metric = self._functions.dead_letters[kind].metric_approximate_number_of_messages_visible(
            period=Duration.minutes(5), statistic="Maximum"
        )
        why = (
            f"The Lambda function {kind} failed to process some events, even after all retries. "
            'See "Redrive dead letters" in docs/operate.md.'
        )
        self._alarm(f"{kind}-dead-letters", metric, threshold=1, why=why)

    def _backlog(self, kind: str) -> None:
        """Add the alarm of a queue that did not empty for an hour.

        The age of the oldest message cannot be used: SQS excludes messages that were received more than three times,
        such as messages that are retried.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        queue, period, least = self._functions.queues[kind], Duration.minutes(5), "Minimum"
        metrics: dict[str, aws_cloudwatch.IMetric] = {
            "visible": queue.metric_approximate_number_of_messages_visible(period=period, statistic=least),
            "hidden": queue.metric_approximate_number_of_messages_not_visible(period=period, statistic=least),
        }
        metric = aws_cloudwatch.MathExpression(
            expression="visible + hidden", using_metrics=metrics, label="messages", period=period
        )
        why = (
            f"Messages have been waiting in the queue of the Lambda function {kind} for an hour. "
            "Check the log of the function, and check whether the channel, such as Slack, is available."
        )
        self._alarm(f"{kind}-waiting", metric, threshold=1, why=why, periods=12)

    def _missed_runs(self, kind: str) -> None:
        period, periods = MISSED_AFTER[kind]
        first = (
            " `detect` runs only after the function `refresh`, so check first whether `refresh` ran."
            if kind == "detect"
            else ""
        )
        self._alarm(
            f"{kind}-missed",
            self._metric("Runs", statistic="Sum", period=period, service=kind),
            threshold=0,
            why=f"The Lambda function {kind} has not completed a run for {period.to_hours() * periods:.0f} "
            f"hours.{first}",
            compared=_Alarm.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
            periods=periods,
            missing=_Missing.BREACHING,
        )

    def _old_data(self, hours: int) -> None:
        why = (
            f"The most recent delivery of the billing export is older than {hours} hours. "
            "Check the status of the export in the payer account (AWS Data Exports)."
        )
        self._alarm("data-age", self._data_age(), threshold=hours, why=why, missing=_Missing.IGNORE)

    def _alarm(
        self,
        id: str,
        metric: aws_cloudwatch.IMetric,
        *,
        threshold: float,
        why: str,
        compared: aws_cloudwatch.ComparisonOperator = _Alarm.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        periods: int = 1,
        missing: aws_cloudwatch.TreatMissingData = _Missing.NOT_BREACHING,
    ) -> None:
        alarm = aws_cloudwatch.Alarm(
            self,
            id,
            alarm_name=f"{self._name}-{id}",
            alarm_description=why,
            metric=metric,
            threshold=threshold,
            comparison_operator=compared,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)

    def _dashboard(self) -> None:
        """Add the dashboard, with at most 50 metrics: three such dashboards are free of charge.

        https://aws.amazon.com/cloudwatch/pricing/
        """
        functions, queues = self._functions.functions, self._functions.dead_letters
        # Not shown: functions that a queue feeds, whose failures are retried or become dead letters; and `events`,
        # which runs only when a CI system posts, and whose errors have an alarm.
        shown = [kind for kind in self._kinds if kind not in self._functions.queues and kind != "events"]
        runs = [
            self._metric("Runs", statistic="Sum", period=Duration.days(1), service=kind).with_(label=kind)
            for kind in shown
            if kind not in ENDPOINTS
        ]
        errors = [functions[kind].metric_errors() for kind in shown]
        read = self._metric("ScannedBytes", statistic="Sum", period=Duration.days(1), service="refresh")
        failed = self._metric("FailedDetections", statistic="Maximum", period=QUARTER_DAY, service="detect")
        dead_letters = [queue.metric_approximate_number_of_messages_visible() for queue in queues.values()]
        rows = [
            [
                _graph("Age of billing data (hours)", [self._data_age()]),
                _graph("Failed detections", [failed]),
                _graph("Bytes scanned by refresh", [read]),
            ],
            [_graph("Runs per day", runs), _graph("Errors", errors), _graph("Dead letters", dead_letters)],
        ]
        aws_cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._name, widgets=rows)

    def _data_age(self) -> aws_cloudwatch.Metric:
        return self._metric("DataAgeHours", statistic="Maximum", period=QUARTER_DAY, service="refresh")

    def _metric(self, name: str, *, statistic: str, period: Duration, service: str) -> aws_cloudwatch.Metric:
        """Return a metric of focuswatch. Powertools adds the dimension `service`, equal to `function`."""
        return aws_cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            statistic=statistic,
            period=period,
            dimensions_map={"function": service, "service": service},
        )


def _graph(title: str, metrics: Sequence[aws_cloudwatch.IMetric]) -> aws_cloudwatch.GraphWidget:
    return aws_cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
