"""Who created or changed what on the day a rise began: CloudTrail's event history, which every account has.

Management events of 90 days, by region; two requests a second, by account and region; one attribute to look up by:
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
So what only reads is left out by the service, and what is of other services here.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from focuswatch.collect.access_refusals import AWS_ERRORS, reason_of
from focuswatch.collect.cloudtrail_sources import event_sources
from focuswatch.collect.member_sessions import Session, SessionFor
from focuswatch.detect.explain.cost_increase import CostIncrease
from focuswatch.findings.explanation import MOST_CHANGES, Change, CostDriver, Explanation

KEPT_DAYS = 90
HOURS_BEFORE = 6  # what was made on the evening before shows its cost the day after
PAGE = 50  # the most that a request answers
MOST_PAGES = 6  # of a region; the newest come first
MOST_REGIONS = 2
PAUSE_SECONDS = 0.5
HOME = "us-east-1"  # events of services without regions: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html
NO_REGIONS = (None, "", "global", "NoRegion")
MAKING = ("Run", "Create", "Start", "Launch", "Put", "Update", "Modify")  # these begin a cost


@dataclass
class CloudTrail:
    """Looks into accounts until `seconds` are over, all rises together; whoever refuses is said, and fails nothing."""

    session_for: SessionFor
    today: date
    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _until: float | None = field(default=None, init=False)
    _read: dict[tuple[str, str, date], list[Mapping[str, Any] | None]] = field(
        default_factory=dict, init=False
    )

    def with_changes(self, rise: CostIncrease, explanation: Explanation) -> Explanation:
        """See focuswatch.detect.explain.attach_explanations.ChangeHistory."""
        changes: list[tuple[tuple[bool, bool], Change]] = []
        try:
            unseen = self._look(rise, explanation, into=changes)
        except AWS_ERRORS as error:
            unseen = reason_of(error)
        except Exception as error:  # an answer nobody thought of must not cost the run its findings
            unseen = f"unexpected {reason_of(error)}"
        best = sorted(changes, key=lambda one: (one[0], one[1].at))[:MOST_CHANGES]
        told = tuple(sorted((change for _, change in best), key=lambda one: one.at))
        return explanation.model_copy(update={"changes": told, "unseen": unseen})

    def _look(
        self, rise: CostIncrease, explanation: Explanation, *, into: list[tuple[tuple[bool, bool], Change]]
    ) -> str | None:
        """Why not everything was seen; None where it was."""
        if rise.sub_account_id is None:
            return "no account is charged for it"
        if self.today - rise.first_day >= timedelta(days=KEPT_DAYS):
            return f"its history has {KEPT_DAYS} days, and this began on {rise.first_day}"
        if self._is_over():
            return "not read: the seconds of this run were over"
        risen = _risen(explanation)
        sources = event_sources((part.service_name for part in risen), (part.resource_id for part in risen))
        names = _names(risen)
        whole = True
        for region in _regions(rise, risen):
            for event in self._events_of(rise.sub_account_id, region, first_day=rise.first_day):
                if event is None:
                    whole = False
                elif change := _change(event, region, sources=sources):
                    into.append((_rank(change, names), change))
        return None if whole else "there were more events than were read; these are of the newest"

    def _events_of(self, account: str, region: str, *, first_day: date) -> list[Mapping[str, Any] | None]:
        """Each place and day is read once: a stolen key is a burst, a new region and an anomaly at once."""
        place = (account, region, first_day)
        if place not in self._read:
            session = self.session_for(account)
            self._read[place] = list(self._events(session, region, first_day=first_day))
        return self._read[place]

    def _is_over(self) -> bool:
        now = self.clock()
        self._until = now + self.seconds if self._until is None else self._until
        return now >= self._until

    def _events(
        self, session: Session, region: str, *, first_day: date
    ) -> Iterator[Mapping[str, Any] | None]:
        """Events that did not only read, newest first; None at the end where there are more."""
        client = session.client("cloudtrail", region_name=region)
        midnight = datetime.combine(first_day, time_of_day(), tzinfo=UTC)
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
            "StartTime": midnight - timedelta(hours=HOURS_BEFORE),
            "EndTime": midnight + timedelta(days=1),
            "MaxResults": PAGE,
        }
        for _ in range(MOST_PAGES):
            page = client.lookup_events(**asked)
            yield from page.get("Events") or ()
            if not page.get("NextToken"):
                return
            if self._is_over():
                break
            asked["NextToken"] = page["NextToken"]
            self.sleep(PAUSE_SECONDS)
        yield None


def _risen(explanation: Explanation) -> list[CostDriver]:
    return [part for part in explanation.parts if part.excess >= 0]


def _regions(rise: CostIncrease, risen: Iterable[CostDriver]) -> list[str]:
    """Where it rose most; where the bill names no region, where such events are kept."""
    named = [rise.region_id] if rise.region_id else [part.region_id for part in risen]
    found = (region if region and region not in NO_REGIONS else HOME for region in named)
    return list(dict.fromkeys(found))[:MOST_REGIONS]


def _names(risen: Iterable[CostDriver]) -> set[str]:
    """Names by which events may call the resources: an ARN, and what stands at its end."""
    arns = {part.resource_id for part in risen if part.resource_id}
    return arns | {arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1] for arn in arns}


def _change(event: Mapping[str, Any], region: str, *, sources: frozenset[str]) -> Change | None:
    """The event in short; None where it is of another service, or was refused and changed nothing."""
    if sources and event.get("EventSource") not in sources:
        return None
    try:
        record = json.loads(event.get("CloudTrailEvent") or "{}")
    except (ValueError, RecursionError):  # whoever calls an API chooses what stands in it
        record = {}
    if not isinstance(record, dict) or record.get("errorCode"):
        return None
    resources = [one.get("ResourceName") for one in event.get("Resources") or ()]
    return Change(
        at=event["EventTime"],
        event=event.get("EventName") or "an event without a name",
        region_id=region,
        principal=_principal(record.get("userIdentity")) or event.get("Username") or "nobody named",
        resources=tuple(dict.fromkeys(name for name in resources if name))[:3],
    )


def _principal(identity: Any) -> str | None:
    """Who did it: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    if not isinstance(identity, dict):
        return None
    named = (identity.get(name) for name in ("arn", "invokedBy", "principalId"))
    return next((str(name) for name in named if name), None)


def _rank(change: Change, names: set[str]) -> tuple[bool, bool]:
    """First what names a resource that rose, then what makes something."""
    known = bool(names & set(change.resources))
    return not known, not change.event.startswith(MAKING)
