"""Deliver security findings to Security Hub: for each finding of a batch its newest state, active or archived.

Findings of other categories are ignored.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import DeliveryError, TryLater
from focuswatch.ledger.notification_and_pending_notification_models import OVER
from focuswatch.notify.delivery_claims_and_state import RETRY_SECONDS, Claim, ClaimLost, Claims
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.security.asff_finding import SecurityHubAccount, asff_finding
from focuswatch.notify.security.security_hub_client import SecurityHub

STEP = timedelta(milliseconds=1)  # Security Hub ignores an update that is not later than the previous one


class SecurityHubState(BaseModel):
    """The number of a finding's last imported notification, and the `UpdatedAt` that it was imported with."""

    model_config = ConfigDict(frozen=True)
    last_number: int
    updated_at: AwareDatetime


@dataclass
class SecurityHubChannel:
    """Collects the notifications of a batch, and imports them at the end of the batch."""

    hub: SecurityHub
    account: SecurityHubAccount
    claims: Claims[SecurityHubState]
    clock: Callable[[], float]
    catalog: Catalog
    _collected: dict[str, list[QueuedNotification]] = field(default_factory=lambda: defaultdict(list))

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Collect the notification of a security finding for `flush`. Return a log line; None for other categories."""
        if delivery.finding.category != "security":
            return None
        self._collected[delivery.finding.fingerprint].append(delivery)
        return f"{delivery.notification_id}: {delivery.kind}, queued for Security Hub"

    def flush(self) -> Mapping[str, Exception]:
        """Import the collected notifications. Return the errors by notification id."""
        collected, self._collected = dict(self._collected), defaultdict(list)
        failed: dict[str, Exception] = {}
        try:
            with ExitStack() as claimed:
                self._import(collected, claimed=claimed, failed=failed)
        except Exception as error:  # after any error, nothing in the batch counts as delivered
            every = (delivery.notification_id for deliveries in collected.values() for delivery in deliveries)
            failed = {**dict.fromkeys(every, error), **failed}
        return failed

    def _import(
        self,
        collected: Mapping[str, list[QueuedNotification]],
        *,
        claimed: ExitStack,
        failed: dict[str, Exception],
    ) -> None:
        due: dict[str, tuple[Claim[SecurityHubState], QueuedNotification]] = {}
        for fingerprint, deliveries in collected.items():
            try:
                claim = claimed.enter_context(self.claims.held(fingerprint))
            except TryLater as error:
                failed.update(dict.fromkeys((delivery.notification_id for delivery in deliveries), error))
                continue
            if newest := _newest(deliveries, state=claim.state, failed=failed):
                due[fingerprint] = claim, newest
        findings = {
            fingerprint: asff_finding(
                delivery.finding,
                hub=self.account,
                is_open=delivery.kind not in OVER,
                types=self.catalog.security_types(delivery.finding.detection),
                updated_at=self._updated_at(claim),
            )
            for fingerprint, (claim, delivery) in due.items()
        }
        errors = self.hub.put(list(findings.values()))
        for fingerprint, (claim, delivery) in due.items():
            try:
                if failure := errors.get(findings[fingerprint]["Id"]):
                    raise failure
                updated_at = datetime.fromisoformat(findings[fingerprint]["UpdatedAt"])
                self.claims.settle(
                    claim, SecurityHubState(last_number=delivery.number, updated_at=updated_at)
                )
            except (DeliveryError, ClaimLost) as error:
                failed.update(dict.fromkeys((one.notification_id for one in collected[fingerprint]), error))

    def _updated_at(self, claim: Claim[SecurityHubState]) -> datetime:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return max(now, claim.state.updated_at + STEP) if claim.state else now


def _newest(
    deliveries: list[QueuedNotification],
    *,
    state: SecurityHubState | None,
    failed: dict[str, Exception],
) -> QueuedNotification | None:
    """Return the newest notification that can be delivered now; None if there is none.

    Notifications that arrived before their predecessors are added to `failed`.
    """
    last, newest = state.last_number if state else None, None
    for delivery in sorted(deliveries, key=lambda delivery: delivery.number):
        match delivery.when_to_deliver(last):
            case "now":
                last, newest = delivery.number, delivery
            case "wait":
                failed[delivery.notification_id] = TryLater(
                    f"{delivery.notification_id} arrived before the previous notification of the same finding",
                    seconds=RETRY_SECONDS,
                )
    return newest
