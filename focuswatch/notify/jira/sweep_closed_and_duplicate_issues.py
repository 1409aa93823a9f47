"""Daily sweep over our issues: turn closings by people into exclusions, and close duplicates."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from focuswatch.errors import DeliveryError
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.close_duplicate_issue import close_duplicate
from focuswatch.notify.jira.exclusion_for_closed_issue import is_closed_by_person, record_exclusion
from focuswatch.notify.jira.parse_jira_issue import Issue, label_of
from focuswatch.notify.jira.stored_issue_state import IssueState
from focuswatch.owners.owners_file_and_assignment import Jira, Owners


@dataclass
class SweepSummary:
    """Keys of issues that people closed, keys of closed duplicates, and errors by key."""

    excluded: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sweep:
    """The daily sweep; `clock` returns seconds since 1970."""

    client: JiraClient
    claims: Claims[IssueState]
    ledger: Ledger
    owners: Owners
    clock: Callable[[], float]

    def __call__(self) -> SweepSummary:
        """Run the sweep; a failed issue does not stop the others. Raises TryLater or Refused if Jira cannot be read."""
        summary, done = SweepSummary(), self.client.recently_done()
        for issue in done:
            if issue.fingerprint and self._is_open_in_state(issue.fingerprint):
                self._each(issue.key, summary, partial(self._exclude, issue.key, issue.fingerprint, summary))
        for fingerprint, keys in self._with_other_issues([*self.client.open_issues(), *done]).items():
            self._each(keys[-1], summary, partial(self._close_duplicates, fingerprint, summary))
        return summary

    def _each(self, key: str, summary: SweepSummary, do: Callable[[], None]) -> None:
        try:
            do()
        except DeliveryError as error:
            summary.failed[key] = str(error)

    def _is_open_in_state(self, fingerprint: str) -> bool:
        state = self.claims.state_of(fingerprint)
        return state is None or state.open

    def _exclude(self, key: str, fingerprint: str, summary: SweepSummary) -> None:
        with self.claims.held(fingerprint) as claim:
            issue, state = self.client.get(key), claim.state or IssueState(key=key)
            closing = issue.closing if issue and state.key == key else None
            if issue is None or closing is None or not is_closed_by_person(closing, state):
                return
            today = datetime.fromtimestamp(self.clock(), UTC).date()
            after = record_exclusion(
                state, issue=issue, incident=fingerprint, ledger=self.ledger, today=today
            )
            self.claims.settle(claim, after)
            summary.excluded.append(key)

    def _with_other_issues(self, issues: Iterable[Issue]) -> dict[str, list[str]]:
        """Return keys by fingerprint, of those with an issue that is not in our state: it may be a duplicate."""
        keys: dict[str, list[str]] = {}
        for issue in issues:
            if issue.fingerprint:
                keys.setdefault(issue.fingerprint, []).append(issue.key)
        states = {fingerprint: self.claims.state_of(fingerprint) for fingerprint in keys}
        return {
            fingerprint: found_keys
            for fingerprint, found_keys in keys.items()
            if any(key != (state.key if (state := states[fingerprint]) else None) for key in found_keys)
        }

    def _close_duplicates(self, fingerprint: str, summary: SweepSummary) -> None:
        with self.claims.held(fingerprint) as claim:
            oldest, *duplicates = self.client.with_label(label_of(fingerprint)) or [""]
            for key in duplicates:
                refused = close_duplicate(self.client, key, kept=oldest, target=self._target(key))
                summary.duplicates.append(key)
                if refused:
                    summary.failed[key] = refused
            state = claim.state
            if state and state.key in duplicates:
                self.claims.keep(claim, state.model_copy(update={"key": oldest}))

    def _target(self, key: str) -> Jira:
        """Return the section of owners.toml whose transitions close issues of the project of `key`."""
        project = key.rpartition("-")[0]
        sections = (self.owners.routing.jira, *(team.jira for team in self.owners.teams.values()))
        return next(
            (section for section in sections if section and section.project == project), Jira(project=project)
        )
