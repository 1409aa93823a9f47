"""The result of a check of `focuswatch doctor`, and the input of checks: the deployment, AWS clients, the time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from urllib.request import Request

from focuswatch.operations.function_run_heartbeats import Heartbeat, heartbeats
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

# Returns the status and the body; raises OSError if the host does not respond.
HttpGet = Callable[[Request], tuple[int, bytes]]
MAX_SHOWN = 5  # maximum number of failures in a text


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

    @cached_property
    def heartbeats(self) -> dict[str, Heartbeat]:
        """The last run of each Lambda function."""
        resource = self.session.resource("dynamodb", region_name=self.deployment.accounts.region)
        return heartbeats(resource.Table(self.deployment.ledger))

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


def restore_command(stack: str) -> str:
    """Return the command that deploys a stack and undoes manual changes, which CloudFormation otherwise does not see.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
    """
    return f"npx cdk deploy --revert-drift {stack}"


def failures_text(failures: dict[str, str]) -> str:
    """Return the first failures with their reasons, and the number of the others."""
    listed = [f"{name} ({reason})" for name, reason in sorted(failures.items())[:MAX_SHOWN]]
    more = len(failures) - MAX_SHOWN
    return "; ".join(listed) + (f"; and {more} more" if more > 0 else "")
