"""Read the operational events of an account in one region: deployments, CloudWatch alarms, AWS Health.

Each function yields the events in `[start, end)` and raises AWS errors; operational_events_of_account records them.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.aws_paging import paged
from focuswatch.collect.bill_service_names_by_aws_code import service_of_namespace, service_of_source
from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.parse_cloudtrail_record_json_unless_call_failed import record_of_successful_call
from focuswatch.collect.shared_clients_for_member_accounts import Session

EventSource = Literal["deployments", "alarms", "health"]
EventReader = Callable[[Session, Place, datetime, datetime], Iterator[CollectedEvent]]
# Event names in CloudTrail. The name of the Lambda operation includes the API version:
# https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
DEPLOYMENTS = (
    "UpdateFunctionCode20150331v2",
    "UpdateService",
    "CreateDeployment",
    "UpdateEndpoint",
    "StartPipelineExecution",
)
VERSION = "20150331v2"
# Request parameters with the name of the deployed resource, and response elements with its ARN; first match each.
NAMES = ("functionName", "service", "endpointName", "applicationName", "serviceArn", "restApiId", "name")
ARNS = ("functionArn", "endpointArn", "serviceArn")
HEALTH_REGION = "us-east-1"  # https://docs.aws.amazon.com/general/latest/gr/health.html
# Without account notifications, such as an expiring certificate.
HEALTH_CATEGORIES = ["issue", "scheduledChange"]
# Maximum per request: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
MOST_ALARM_NAMES = 100


def deployments(session: Session, place: Place, start: datetime, end: datetime) -> Iterator[CollectedEvent]:
    """Yield deployments from the CloudTrail event history, without calls that failed.

    LookupEvents accepts one attribute per request, and two requests per second for each account and region. The client
    retries throttled requests.
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """
    client = session.client("cloudtrail", region_name=place.region)
    for name in DEPLOYMENTS:
        events = paged(
            client.lookup_events,
            "Events",
            token="NextToken",
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            StartTime=start,
            EndTime=end,
        )
        yield from filter(None, (_deployment(event, place) for event in events))


def _deployment(event: Mapping[str, Any], place: Place) -> CollectedEvent | None:
    record = record_of_successful_call(event)
    if record is None:
        return None
    given, returned = (_section(record.get(key)) for key in ("requestParameters", "responseElements"))
    returned = returned | _section(returned.get("service"))  # ECS nests its response in `service`
    name = next((str(given[key]) for key in NAMES if isinstance(given.get(key), str)), None)
    caller = _section(record.get("userIdentity")).get("arn") or event.get("Username")
    operation = str(event.get("EventName") or "deployment").removesuffix(VERSION)
    return CollectedEvent(
        occurred_at=_utc(event["EventTime"]),
        sub_account_id=place.account,
        region_id=place.region,
        service_name=service_of_source(event.get("EventSource")),
        resource_id=next((returned[key] for key in ARNS if isinstance(returned.get(key), str)), None),
        kind="deployment",
        reference=" ".join([operation, *([name] if name else []), *([f"by {caller}"] if caller else [])]),
    )


def _section(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def alarms(session: Session, place: Place, start: datetime, end: datetime) -> Iterator[CollectedEvent]:
    """Yield state changes of metric alarms to ALARM and OK; the namespace of the metric determines the service.

    CloudWatch keeps the history of a deleted alarm. Composite alarms have no metric and are not included:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
    """
    client = session.client("cloudwatch", region_name=place.region)
    changes = list(
        paged(
            client.describe_alarm_history,
            "AlarmHistoryItems",
            token="NextToken",
            HistoryItemType="StateUpdate",
            StartDate=start,
            EndDate=end,
        )
    )
    changes = [item for item in changes if str(item.get("HistorySummary")).endswith((" to ALARM", " to OK"))]
    services = _services_of_alarms(client, sorted({item["AlarmName"] for item in changes}))
    for item in changes:
        state = str(item["HistorySummary"]).rpartition(" to ")[2]
        yield CollectedEvent(
            occurred_at=_utc(item["Timestamp"]),
            sub_account_id=place.account,
            region_id=place.region,
            service_name=services.get(item["AlarmName"]),
            resource_id=None,
            kind="alarm",
            reference=f"{item['AlarmName']} to {state}",
        )


def _services_of_alarms(client: Any, names: list[str]) -> dict[str, str]:
    """Return the service of each alarm, without deleted alarms and alarms on a metric that is not from AWS."""
    services = {}
    for first in range(0, len(names), MOST_ALARM_NAMES):
        listed = names[first : first + MOST_ALARM_NAMES]
        for alarm in paged(client.describe_alarms, "MetricAlarms", token="NextToken", AlarmNames=listed):
            of_math = (query.get("MetricStat", {}).get("Metric", {}) for query in alarm.get("Metrics") or ())
            namespaces = [alarm.get("Namespace"), *(metric.get("Namespace") for metric in of_math)]
            if service := next(filter(None, map(service_of_namespace, namespaces)), None):
                services[alarm["AlarmName"]] = service
    return services


def health(session: Session, place: Place, start: datetime, end: datetime) -> Iterator[CollectedEvent]:
    """Yield the issues and scheduled changes of AWS Health in all Regions; the region of `place` is not used.

    AWS denies requests from an account without a Business, Enterprise On-Ramp or Enterprise support plan:
    https://docs.aws.amazon.com/health/latest/APIReference/Welcome.html
    """
    client = session.client("health", region_name=HEALTH_REGION)
    filters = {
        "startTimes": [{"from": start, "to": end}],
        "eventTypeCategories": HEALTH_CATEGORIES,
    }
    for event in paged(client.describe_events, "events", filter=filters):
        region = event.get("region")
        yield CollectedEvent(
            occurred_at=_utc(event["startTime"]),
            sub_account_id=place.account,
            region_id=None if region == "global" else region,
            service_name=service_of_source(event.get("service")),
            resource_id=None,
            kind="AWS Health",
            reference=f"{event.get('eventTypeCode', 'event')} ({event.get('eventTypeCategory', 'unknown')})",
        )


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


READERS: dict[EventSource, tuple[str, EventReader]] = {  # AWS service and reader of each source
    "deployments": ("cloudtrail", deployments),
    "alarms": ("cloudwatch", alarms),
    "health": ("health", health),
}
