"""News of findings into Jira: one issue a finding, whatever fails.

Jira takes no key that makes a request happen once. So whoever tells has the finding's claim, writes down that an issue
is about to be made, and looks for it by its label wherever it is not known how that ended.

Whether news came in a digest plays no part: an issue is no message. What keeps issues few is their least severity.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from focuswatch.catalog.catalog import Catalog
from focuswatch.errors import TryLater
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.claims import RETRY_SECONDS, Claim, Claims
from focuswatch.notify.jira import issue_text
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.closed_by_user import EXCLUSION_DAYS
from focuswatch.notify.jira.daily_sweep import Sweep, SweepSummary
from focuswatch.notify.jira.find_or_create_issue import create_issue, find_issue, is_wanted
from focuswatch.notify.jira.issue_state import IssueState
from focuswatch.notify.jira.update_issue import IssueUpdate
from focuswatch.notify.queue_message import QueuedNotification
from focuswatch.owners.owners_file import Jira, Owners

CHANNEL = "jira"  # of Claims


def no_query(_: Finding) -> str | None:
    """There is nothing to link to."""
    return None


@dataclass
class JiraChannel:
    """Tells deliveries; `query_url` gives what a finding's issue links to, `clock` seconds since 1970."""

    claims: Claims[IssueState]
    ledger: Ledger
    owners: Owners
    catalog: Catalog
    client: JiraClient
    clock: Callable[[], float]
    query_url: Callable[[Finding], str | None] = no_query

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """What was done, in words for a log; None: nothing is to be done.

        Raises TryLater (nothing was made), Unsure (something may have been) or Refused; in each case the same again
        does no harm.
        """
        fingerprint, target = delivery.finding.fingerprint, self._target(delivery.finding)
        if target is None and not self._has_issue(fingerprint):
            return None
        with self.claims.held(fingerprint) as claim:
            return self._tell(claim, delivery, target=target)

    def flush(self) -> Mapping[str, Exception]:
        """Nothing is gathered."""
        return {}

    def sweep(self) -> SweepSummary:
        """Once a day: see what people closed, and close doubles."""
        return Sweep(self.client, self.claims, self.ledger, self.owners, self.clock)()

    def _tell(
        self, claim: Claim[IssueState], delivery: QueuedNotification, *, target: Jira | None
    ) -> str | None:
        state = claim.state or IssueState()
        turn = delivery.turn(state.told)
        if turn == "wait":
            raise TryLater(f"{delivery.news_id} comes before what it follows", seconds=RETRY_SECONDS)
        if turn == "done":
            return None
        telling = IssueUpdate(
            delivery=delivery,
            claim=claim,
            state=state,
            claims=self.claims,
            client=self.client,
            ledger=self.ledger,
            target=target or Jira(project=str(state.key).rpartition("-")[0]),
            description=self._description(delivery.finding),
            clock=self.clock,
        )
        issue = find_issue(telling)
        if issue:
            said = telling.follow(issue)
        else:
            makes = delivery.kind != "resolved" and is_wanted(delivery.finding, target)
            said = create_issue(telling) if makes else None
        telling.note(told=delivery.number)
        self.claims.settle(claim, telling.state)
        return said and f"{delivery.news_id}: {delivery.kind}, {said}"

    def _target(self, finding: Finding) -> Jira | None:
        """A detection on trial is told to FinOps alone, as what nobody owns."""
        detection = self.catalog.detections.get(finding.detection)
        on_trial = detection is not None and detection.header.status == "trial"
        return self.owners.jira(None if on_trial else finding.team)

    def _has_issue(self, fingerprint: str) -> bool:
        state = self.claims.state_of(fingerprint)
        return state is not None and state.key is not None

    def _description(self, finding: Finding) -> str:
        detection = self.catalog.detections.get(finding.detection)
        return issue_text.render_description(
            finding,
            header=detection.header if detection else None,
            query_url=self.query_url(finding),
            days=EXCLUSION_DAYS,
        )
