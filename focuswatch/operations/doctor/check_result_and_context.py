"""The result of a check of `focuswatch doctor`, and the input of checks: the deployment, AWS clients, the time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.request import Request

from focuswatch.operations.deployment_config import Deployment

# Returns the status and the body; raises OSError if the host does not respond.
HttpGet = Callable[[Request], tuple[int, bytes]]


@dataclass(frozen=True)
class Check:
    """The result of one check. `noted` needs no fix; `fix` is one sentence, set only if the check failed."""

    name: str
    state: Literal["ok", "noted", "failed"]
    found: str
    fix: str = ""


@dataclass(frozen=True)
class DoctorContext:
    """The deployment to check, a boto3 session, the current time, and a function that calls Slack and Jira."""

    deployment: Deployment
    session: Any
    now: datetime
    http_get: HttpGet

    def client(self, service: str, *, region: str | None = None) -> Any:
        """Return a client in `region`, by default in the pipeline's Region."""
        return self.session.client(service, region_name=region or self.deployment.accounts.region)

    def hours_since(self, moment: datetime) -> float:
        """Return the hours between `moment` and now."""
        return (self.now - moment).total_seconds() / 3600


def ok(name: str, found: str) -> Check:
    """Return a check that passed."""
    return Check(name, "ok", found)


def noted(name: str, found: str) -> Check:
    """Return a check with a result worth knowing that needs no fix."""
    return Check(name, "noted", found)


def failed(name: str, found: str, *, fix: str) -> Check:
    """Return a check that failed; `fix` is a sentence that says what to do."""
    return Check(name, "failed", found, fix)
