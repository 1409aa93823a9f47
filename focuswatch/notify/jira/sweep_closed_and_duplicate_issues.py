"""Sweep the focuswatch issues once a day: exclude findings whose issue a person closed, and close duplicate issues."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from focuswatch.errors import DeliveryError
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.close_duplicate_issue import close_duplicate
from focuswatch.notify.jira.exclude_when_person_closes_issue import is_closed_by_person, record_exclusion
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import label_of
from focuswatch.notify.jira.parse_issue_changelog_and_available_transitions import Issue
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.teams_and_routing_sections import Jira


@dataclass
class SweepSummary:
    """The result of a sweep: keys of the issues that people closed, keys of the duplicates, and errors by issue key."""

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
        """Run the sweep; errors of single issues do not stop it. Raises TryLater or Refused if Jira cannot be read."""
        summary, done = SweepSummary(), self.client.recently_done()
        for issue in done:
            if issue.incident_id and self._is_open_in_state(issue.incident_id):
                self._each(issue.key, summary, partial(self._exclude, issue.key, issue.incident_id, summary))
        for incident_id, keys in self._with_other_issues([*self.client.open_issues(), *done]).items():
            self._each(keys[-1], summary, partial(self._close_duplicates, incident_id, summary))
        return summary

    def _each(self, key: str, summary: SweepSummary, do: Callable[[], None]) -> None:
        try:
            do()
        except DeliveryError as error:
            summary.failed[key] = str(error)

    def _is_open_in_state(self, incident_id: str) -> bool:
        state = self.claims.state_of(incident_id)
        return state is None or state.open

    def _exclude(self, key: str, incident_id: str, summary: SweepSummary) -> None:
        with self.claims.held(incident_id) as claim:
            issue, state = self.client.get(key), claim.state or IssueState(key=key)
            closing = issue.closing if issue and state.key == key else None
            if issue is None or closing is None or not is_closed_by_person(closing, state):
                return
            today = datetime.fromtimestamp(self.clock(), UTC).date()
            after = record_exclusion(
                state, issue=issue, incident=incident_id, ledger=self.ledger, today=today
            )
            self.claims.settle(claim, after)
            summary.excluded.append(key)

    def _with_other_issues(self, issues: Iterable[Issue]) -> dict[str, list[str]]:
        """Return issue keys by incident id, for incidents with an issue that is not the stored one (a duplicate)."""
        keys: dict[str, list[str]] = {}
        for issue in issues:
            if issue.incident_id:
                keys.setdefault(issue.incident_id, []).append(issue.key)
        states = {incident_id: self.claims.state_of(incident_id) for incident_id in keys}
        return {
            incident_id: found_keys
            for incident_id, found_keys in keys.items()
            if any(key != (state.key if (state := states[incident_id]) else None) for key in found_keys)
        }

    def _close_duplicates(self, incident_id: str, summary: SweepSummary) -> None:
        with self.claims.held(incident_id) as claim:
            oldest, *duplicates = self.client.keys_with_label(label_of(incident_id)) or [""]
            for key in duplicates:
                refused = close_duplicate(self.client, key, kept=oldest, target=self._target(key))
                summary.duplicates.append(key)
                if refused:
                    summary.failed[key] = refused
            state = claim.state
            if state and state.key in duplicates:
                self.claims.keep(claim, state.model_copy(update={"key": oldest}))

    def _target(self, key: str) -> Jira:
        """Return the Jira section of owners.toml for the project of `key`, which names its closing transitions."""
        project = key.rpartition("-")[0]
        sections = (self.owners.routing.jira, *(team.jira for team in self.owners.teams.values()))
        return next(
            (section for section in sections if section and section.project == project), Jira(project=project)
        )
