"""Plan operational events near planted incidents: some coincide with one, most are unrelated and must not be shown.

The module draws no random numbers, so the rest of the bill stays the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Literal

from focuswatch.simulate.simulated_truth_models_and_json_file import Incident

DETECTIONS = ("cost_anomaly", "token_burst")
Relation = Literal[
    "coincides", "other account", "other service", "other day", "other region", "names nothing"
]
DEPLOYMENTS: Mapping[str, str] = {
    "AWS Lambda": "UpdateFunctionCode",
    "Amazon Elastic Container Service": "UpdateService",
    "Amazon SageMaker AI": "UpdateEndpoint",
}
OTHER_SERVICES = ("AWS Step Functions", "Amazon Elastic Container Registry")


@dataclass(frozen=True)
class PlantedEvent:
    """A row of the events file.

    `relation` states how the event relates to an incident, which `beside` identifies by account and service.
    """

    occurred_at: datetime
    sub_account_id: str
    region_id: str | None
    service_name: str | None
    kind: str
    reference: str
    relation: Relation
    beside: tuple[str, str]

    @property
    def row(self) -> dict[str, str | None]:
        """Return the columns of the events file."""
        return {
            "occurred_at": f"{self.occurred_at:%Y-%m-%d %H:%M:%S}",
            "sub_account_id": self.sub_account_id,
            "region_id": self.region_id,
            "service_name": self.service_name,
            "resource_id": None,
            "kind": self.kind,
            "reference": self.reference,
        }

    @property
    def truth(self) -> dict[str, Any]:
        """Return the row, with the incident and how the event relates to it."""
        account, service = self.beside
        beside = {"sub_account_id": account, "service_name": service}
        return self.row | {"relation": self.relation, "beside": beside}


def plan_events(incidents: Iterable[Incident], *, accounts: Sequence[str]) -> list[PlantedEvent]:
    """Return the events near the incidents that name an account and a service, sorted by time.

    `accounts` are those of the organization. Events with the relation `other account` are in accounts without an
    incident.
    """
    planted = [one for one in incidents if one.detection in DETECTIONS]
    involved = {incident.identity[0] for incident in planted}
    calm = [account for account in accounts if account not in involved]
    events = [
        event
        for number, incident in enumerate(planted)
        for event in _beside(incident, number=number, other_account=calm[number % len(calm)])
    ]
    return sorted(events, key=lambda event: (event.occurred_at, event.sub_account_id, event.reference))


def _beside(incident: Incident, *, number: int, other_account: str) -> Iterator[PlantedEvent]:
    account, region, service, _ = incident.identity
    if not account or not service:
        return
    start = incident.start
    is_alarm = number % 3 == 2
    named = "errors" if is_alarm else DEPLOYMENTS.get(service, "release")
    other_service = OTHER_SERVICES[service == OTHER_SERVICES[0]]
    rows: list[tuple[Relation, str, date, str | None, str | None]] = [
        ("coincides", account, start, region, service),
        ("other account", other_account, start, region, service),
        ("other service", account, start, region, other_service),
        ("other day", account, start - timedelta(days=3), region, service),
        ("names nothing", account, start, None, None),
    ]
    if region:
        rows.append(("other region", account, start, _other(region), service))
    for place, (relation, at_account, day, at_region, of_service) in enumerate(rows):
        yield PlantedEvent(
            datetime.combine(day, time_of_day(14, 20)),
            at_account,
            at_region,
            of_service,
            kind="alarm" if is_alarm else "deployment",
            reference=f"{named} 1.{number + 1}.{place}" + (" to ALARM" if is_alarm else ""),
            relation=relation,
            beside=(account, service),
        )


def _other(region: str) -> str:
    return "ap-southeast-2" if region != "ap-southeast-2" else "us-east-1"
