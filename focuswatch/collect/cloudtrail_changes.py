"""Find the changes on the day a cost increase started, in the CloudTrail event history that every account has.

The event history contains the management events of the last 90 days in each region. LookupEvents allows two requests
per second for each account and region, and one lookup attribute per request:
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
The lookup attribute excludes read-only events. This module filters out the events of other services.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from focuswatch.collect.cloudtrail_sources_by_service import event_sources
from focuswatch.collect.collection_refusals import AWS_ERRORS, reason_of
from focuswatch.collect.parse_cloudtrail_record_json_unless_call_failed import record_of_successful_call
from focuswatch.collect.shared_clients_for_member_accounts import Session, SessionFor
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.findings.cost_increase_explanation_models import MOST_CHANGES, Change, CostDriver, Explanation

KEPT_DAYS = 90
HOURS_BEFORE = 6  # a resource created in the evening has most of its first cost on the next day
PAGE = 50  # maximum number of events per request
MOST_PAGES = 6  # pages per region, newest events first
MOST_REGIONS = 2
PAUSE_SECONDS = 0.5
# Global services record their events in this region:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html
HOME = "us-east-1"
NO_REGIONS = (None, "", "global", "NoRegion")
CREATING = ("Run", "Create", "Start", "Launch", "Put", "Update", "Modify")  # events that can start a cost


@dataclass
class CloudTrail:
    """Reads event histories for at most `seconds` in total.

    An account that cannot be read does not fail the run; its explanation states the reason.
    """

    session_for: SessionFor
    today: date
    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _until: float | None = field(default=None, init=False)
    _read: dict[tuple[str, str, date], list[Mapping[str, Any] | None]] = field(
        default_factory=dict, init=False
    )

    def with_changes(self, increase: CostIncrease, explanation: Explanation) -> Explanation:
        """Add the changes found to the explanation; see detect.explain.attach_explanations.ChangeHistory."""
        changes: list[tuple[tuple[bool, bool], Change]] = []
        try:
            not_read = self._collect_changes(increase, explanation, into=changes)
        except AWS_ERRORS as error:
            not_read = reason_of(error)
        except Exception as error:  # an unexpected response must not fail the run
            not_read = f"unexpected {reason_of(error)}"
        best = sorted(changes, key=lambda ranked: (ranked[0], ranked[1].at))[:MOST_CHANGES]
        newest_last = tuple(sorted((change for _, change in best), key=lambda change: change.at))
        return explanation.model_copy(update={"changes": newest_last, "unseen": not_read})

    def _collect_changes(
        self,
        increase: CostIncrease,
        explanation: Explanation,
        *,
        into: list[tuple[tuple[bool, bool], Change]],
    ) -> str | None:
        """Append the ranked changes to `into`. Return why the history could not be read in full; None if it was."""
        if increase.sub_account_id is None:
            return "the charges have no account ID"
        if self.today - increase.first_day >= timedelta(days=KEPT_DAYS):
            return (
                f"the event history covers only {KEPT_DAYS} days, but the cost increase started on "
                f"{increase.first_day}"
            )
        if self._time_limit_reached():
            return "the function reached its time limit before the events could be read"
        drivers = _drivers(explanation)
        sources = event_sources(
            (part.service_name for part in drivers), (part.resource_id for part in drivers)
        )
        names = _names(drivers)
        is_complete = True
        for region in _regions(increase, drivers):
            for event in self._events_of(increase.sub_account_id, region, first_day=increase.first_day):
                if event is None:
                    is_complete = False
                elif change := _change(event, region, sources=sources):
                    into.append((_rank(change, names), change))
        return None if is_complete else "only the newest events were read"

    def _events_of(self, account: str, region: str, *, first_day: date) -> list[Mapping[str, Any] | None]:
        """Return the events of an account, region and day. Cached, because several findings can have the same cause."""
        place = (account, region, first_day)
        if place not in self._read:
            session = self.session_for(account)
            self._read[place] = list(self._events(session, region, first_day=first_day))
        return self._read[place]

    def _time_limit_reached(self) -> bool:
        """Return whether `seconds` have passed since the first call of this function."""
        now = self.clock()
        self._until = now + self.seconds if self._until is None else self._until
        return now >= self._until

    def _events(
        self, session: Session, region: str, *, first_day: date
    ) -> Iterator[Mapping[str, Any] | None]:
        """Yield the events that are not read-only, newest first, and None at the end if there are more events."""
        client = session.client("cloudtrail", region_name=region)
        midnight = datetime.combine(first_day, time_of_day(), tzinfo=UTC)
        arguments: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
            "StartTime": midnight - timedelta(hours=HOURS_BEFORE),
            "EndTime": midnight + timedelta(days=1),
            "MaxResults": PAGE,
        }
        for _ in range(MOST_PAGES):
            page = client.lookup_events(**arguments)
            yield from page.get("Events") or ()
            if not page.get("NextToken"):
                return
            if self._time_limit_reached():
                break
            arguments["NextToken"] = page["NextToken"]
            self.sleep(PAUSE_SECONDS)
        yield None


def _drivers(explanation: Explanation) -> list[CostDriver]:
    return [part for part in explanation.parts if part.excess >= 0]


def _regions(increase: CostIncrease, drivers: Iterable[CostDriver]) -> list[str]:
    """Return the regions with the largest increase; us-east-1 for charges without a region."""
    named = [increase.region_id] if increase.region_id else [part.region_id for part in drivers]
    regions = (region if region and region not in NO_REGIONS else HOME for region in named)
    return list(dict.fromkeys(regions))[:MOST_REGIONS]


def _names(drivers: Iterable[CostDriver]) -> set[str]:
    """Return the names by which events can refer to the resources: the ARN and its last part."""
    arns = {part.resource_id for part in drivers if part.resource_id}
    return arns | {arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1] for arn in arns}


def _change(event: Mapping[str, Any], region: str, *, sources: frozenset[str]) -> Change | None:
    """Return the event as a change; None if it is from another service, or if the call failed and changed nothing."""
    if sources and event.get("EventSource") not in sources:
        return None
    record = record_of_successful_call(event)
    if record is None:
        return None
    resources = [resource.get("ResourceName") for resource in event.get("Resources") or ()]
    return Change(
        at=event["EventTime"],
        event=event.get("EventName") or "an event without a name",
        region_id=region,
        principal=_principal(record.get("userIdentity")) or event.get("Username") or "unknown principal",
        resources=tuple(dict.fromkeys(name for name in resources if name))[:3],
    )


def _principal(identity: Any) -> str | None:
    """Return the principal of an event.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    if not isinstance(identity, dict):
        return None
    named = (identity.get(name) for name in ("arn", "invokedBy", "principalId"))
    return next((str(name) for name in named if name), None)


def _rank(change: Change, names: set[str]) -> tuple[bool, bool]:
    """Return a sort key: changes to a resource of the increase first, then changes that can start a cost."""
    names_resource = bool(names & set(change.resources))
    return not names_resource, not change.event.startswith(CREATING)
