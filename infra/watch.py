"""Who watches the watcher: alarms on errors, dead letters, old data and missed runs, and a dashboard."""

from collections.abc import Sequence

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_sns
from constructs import Construct

from focuswatch.operations.deployment_config import Deployment
from infra.functions import LambdaFunctions

NAMESPACE = "focuswatch"
QUARTER_DAY = Duration.hours(6)
# A daily run may be late, but 30 hours of silence are no delay.
MISSED_AFTER = {
    "refresh": (QUARTER_DAY, 5),
    "collect": (QUARTER_DAY, 5),
    "detect": (QUARTER_DAY, 5),
    "publish": (Duration.hours(1), 2),
    "page": (QUARTER_DAY, 5),
    "pulse": (QUARTER_DAY, 5),
    "sweep": (QUARTER_DAY, 5),
}
_Alarm = aws_cloudwatch.ComparisonOperator
_Missing = aws_cloudwatch.TreatMissingData


class Monitoring(Construct):
    """The alarms, each of which tells the topic `alarms` when it rises and when it is over.

    Errors of what is tried again have none: what comes of them is in the dead letters minutes later, in a queue that
    never empties within the hour, or nothing at all. The dashboard shows them.
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
        self._name, self._functions, self._kinds = deployment.name, functions, deployment.kinds
        self._action = aws_cloudwatch_actions.SnsAction(topic)
        for kind in self._kinds:
            if kind in functions.dead_letters:
                self._dead_letters(kind)
            else:
                self._errors(kind)
            if kind in MISSED_AFTER:
                self._missed_runs(kind)
            if kind in functions.queues:
                self._waiting(kind)
        self._old_data(deployment.alarms.data_age_hours)
        self._dashboard()

    def _errors(self, kind: str) -> None:
        metric = self._functions.functions[kind].metric_errors(period=Duration.minutes(5), statistic="Sum")
        why = f"{kind} raised an error; nothing tries it again."
        self._alarm(f"{kind}-errors", metric, threshold=1, why=why)

    def _dead_letters(self, kind: str) -> None:
        metric = self._functions.dead_letters[kind].metric_approximate_number_of_messages_visible(
            period=Duration.minutes(5), statistic="Maximum"
        )
        why = f"{kind} gave up on something; docs/operate.md says how to replay it."
        self._alarm(f"{kind}-dead-letters", metric, threshold=1, why=why)

    def _waiting(self, kind: str) -> None:
        """Not by the age of the oldest message: SQS leaves out what was received three times, as all that waits was.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        queue, period, least = self._functions.queues[kind], Duration.minutes(5), "Minimum"
        held: dict[str, aws_cloudwatch.IMetric] = {
            "seen": queue.metric_approximate_number_of_messages_visible(period=period, statistic=least),
            "hidden": queue.metric_approximate_number_of_messages_not_visible(period=period, statistic=least),
        }
        metric = aws_cloudwatch.MathExpression(
            expression="seen + hidden", using_metrics=held, label="waiting", period=period
        )
        why = f"{kind} has had something to do for an hour without a pause; the log says what comes back, and why."
        self._alarm(f"{kind}-waiting", metric, threshold=1, why=why, periods=12)

    def _missed_runs(self, kind: str) -> None:
        period, periods = MISSED_AFTER[kind]
        self._alarm(
            f"{kind}-missed",
            _metric("Runs", statistic="Sum", period=period, service=kind),
            threshold=0,
            why=f"{kind} has not ended a run for {period.to_hours() * periods:.0f} hours.",
            compared=_Alarm.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
            periods=periods,
            missing=_Missing.BREACHING,
        )

    def _old_data(self, hours: int) -> None:
        why = f"The newest delivery of the export is older than {hours} hours; is it still delivered?"
        self._alarm("data-age", _data_age(), threshold=hours, why=why, missing=_Missing.IGNORE)

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
        """Whether focuswatch works; what it finds is on its page.

        At most 50 metrics, for then it is one of the three that cost nothing: https://aws.amazon.com/cloudwatch/pricing/
        """
        functions, queues = self._functions.functions, self._functions.dead_letters
        runs = [
            _metric("Runs", statistic="Sum", period=Duration.days(1), service=kind).with_(label=kind)
            for kind in self._kinds
        ]
        read = _metric("ScannedBytes", statistic="Sum", period=Duration.days(1), service="refresh")
        failed = _metric("FailedDetections", statistic="Maximum", period=QUARTER_DAY, service="detect")
        rows = [
            [_graph("Age of the data, hours", [_data_age()]), _graph("Failed detections", [failed]),
             _graph("Bytes a refresh reads", [read])],
            [_graph("Runs a day", runs), _graph("Errors", [functions[kind].metric_errors() for kind in self._kinds]),
             _graph("Dead letters", [one.metric_approximate_number_of_messages_visible() for one in queues.values()])],
        ]  # fmt: skip
        aws_cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._name, widgets=rows)


def _data_age() -> aws_cloudwatch.Metric:
    return _metric("DataAgeHours", statistic="Maximum", period=QUARTER_DAY, service="refresh")


def _metric(name: str, *, statistic: str, period: Duration, service: str) -> aws_cloudwatch.Metric:
    """One of the product's own metrics: `function` is its dimension, and Powertools adds the same as `service`."""
    return aws_cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        statistic=statistic,
        period=period,
        dimensions_map={"function": service, "service": service},
    )


def _graph(title: str, metrics: Sequence[aws_cloudwatch.IMetric]) -> aws_cloudwatch.GraphWidget:
    return aws_cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
