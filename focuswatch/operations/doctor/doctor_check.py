"""What a check says, and what it looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.request import Request

from focuswatch.operations.deployment_config import Deployment

Reach = Callable[[Request], tuple[int, bytes]]  # status and body; raises OSError where nobody answers


@dataclass(frozen=True)
class Check:
    """`noted` is worth knowing and no fault; `mend` is one sentence, there where it failed."""

    name: str
    state: Literal["ok", "noted", "failed"]
    found: str
    mend: str = ""


@dataclass(frozen=True)
class DoctorContext:
    """The deployment that is looked at, by way of a boto3 session; `now` is the only clock."""

    deployment: Deployment
    session: Any
    now: datetime
    reach: Reach

    def client(self, service: str, *, region: str | None = None) -> Any:
        """A client in the pipeline's region, or in another."""
        return self.session.client(service, region_name=region or self.deployment.accounts.region)

    def hours_since(self, moment: datetime) -> float:
        """How long ago it was."""
        return (self.now - moment).total_seconds() / 3600


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, "ok", found)


def noted(name: str, found: str) -> Check:
    """Worth knowing."""
    return Check(name, "noted", found)


def failed(name: str, found: str, *, mend: str) -> Check:
    """Something is wrong; `mend` is a sentence that says what to do."""
    return Check(name, "failed", found, mend)
