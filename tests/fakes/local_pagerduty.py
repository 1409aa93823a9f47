"""A PagerDuty that implements the documented Events API v2: alerts by routing key and dedup key.

https://developer.pagerduty.com/docs/events-api-v2-overview https://developer.pagerduty.com/docs/send-alert-event
"""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.local_json_service import Answer, Faults

MOST_BYTES = 512 * 1024


@dataclass
class Alert:
    """An alert of a service; `triggers` are the payloads of its trigger events, the first of which opened it."""

    service: str
    dedup_key: str
    triggers: list[dict[str, Any]]
    status: str = "triggered"

    @property
    def is_open(self) -> bool:
        return self.status != "resolved"


@dataclass
class LocalPagerDuty:
    """The names of services by their routing key, and their alerts, oldest first."""

    services: dict[str, str]
    alerts: list[Alert] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)  # follow-up events without an open alert
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    address: str = ""

    def of(self, service: str) -> list[Alert]:
        return [alert for alert in self.alerts if alert.service == service]

    def answer(self, path: str, body: bytes) -> Answer:
        if path != "/v2/enqueue":
            return 404, {}, "Not Found"
        if len(body) > MOST_BYTES:
            return 413, {}, "Request Entity Too Large"
        try:
            event = json.loads(body)
        except ValueError:
            return _invalid("the body is not JSON")
        if problems := self._problems(event):
            return _invalid(*problems)
        self._apply(event)
        return 202, {}, {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}

    def _problems(self, event: dict[str, Any]) -> list[str]:
        problems = []
        if len(event.get("routing_key", "")) != 32:
            problems.append("Length of 'routing_key' is incorrect (should be 32 characters)")
        elif event["routing_key"] not in self.services:
            problems.append("Invalid routing key")
        if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            problems.append("'event_action' is invalid")
        if not 0 < len(event.get("dedup_key", "")) <= 255:
            problems.append("Length of 'dedup_key' is incorrect")
        if event.get("event_action") == "trigger":
            payload = event.get("payload", {})
            if not 0 < len(payload.get("summary", "")) <= 1024:
                problems.append("Length of 'payload.summary' is incorrect")
            if payload.get("severity") not in ("critical", "error", "warning", "info"):
                problems.append("'payload.severity' is invalid (must be one of the following: 'critical', …)")
            if not payload.get("source"):
                problems.append("'payload.source' is missing or blank")
            if not all(link.get("href", "").startswith("https://") for link in event.get("links", [])):
                problems.append("'links' is invalid")
        return problems

    def _apply(self, event: dict[str, Any]) -> None:
        service, key = self.services[event["routing_key"]], event["dedup_key"]
        current = next((one for one in self.of(service) if one.dedup_key == key and one.is_open), None)
        match event["event_action"], current:
            case "trigger", None:
                self.alerts.append(Alert(service, key, [event["payload"]]))
            case "trigger", alert:
                alert.triggers.append(event["payload"])
            case _, None:
                self.dropped.append(event)
            case action, alert:
                alert.status = {"acknowledge": "acknowledged", "resolve": "resolved"}[action]


def _invalid(*errors: str) -> Answer:
    return 400, {}, {"status": "invalid event", "message": "Event object is invalid", "errors": list(errors)}
