"""Once a day over all issues of ours: what people closed becomes an exclusion, and doubles are closed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from focuswatch.errors import DeliveryError
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.claims import Claims
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.closed_by_user import is_closed_by_person, record_exclusion
from focuswatch.notify.jira.duplicate_issues import close_duplicate
from focuswatch.notify.jira.issue_state import Issue, IssueState, label_of
from focuswatch.owners.owners_file import Jira, Owners


@dataclass
class SweepSummary:
    """Keys of issues that people closed, of doubles that were retired, and what failed by key, in words."""

    excluded: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sweep:
    """What a sweep works with; `clock` gives seconds since 1970."""

    client: JiraClient
    claims: Claims[IssueState]
    ledger: Ledger
    owners: Owners
    clock: Callable[[], float]

    def __call__(self) -> SweepSummary:
        """What was found; one issue that fails stops no other. Raises TryLater or Refused where none can be read."""
        swept, done = SweepSummary(), self.client.recently_done()
        for issue in done:
            if issue.fingerprint and self._taken_for_open(issue.fingerprint):
                self._each(issue.key, swept, partial(self._exclude, issue.key, issue.fingerprint, swept))
        for fingerprint, keys in self._with_strangers([*self.client.open_issues(), *done]).items():
            self._each(keys[-1], swept, partial(self._retire_doubles, fingerprint, swept))
        return swept

    def _each(self, key: str, swept: SweepSummary, do: Callable[[], None]) -> None:
        try:
            do()
        except DeliveryError as error:
            swept.failed[key] = str(error)

    def _taken_for_open(self, fingerprint: str) -> bool:
        state = self.claims.state_of(fingerprint)
        return state is None or state.open

    def _exclude(self, key: str, fingerprint: str, swept: SweepSummary) -> None:
        with self.claims.held(fingerprint) as claim:
            issue, state = self.client.get(key), claim.state or IssueState(key=key)
            closing = issue.closing if issue and state.key == key else None
            if issue is None or closing is None or not is_closed_by_person(closing, state):
                return
            today = datetime.fromtimestamp(self.clock(), UTC).date()
            after = record_exclusion(
                state, issue=issue, fingerprint=fingerprint, ledger=self.ledger, today=today
            )
            self.claims.settle(claim, after)
            swept.excluded.append(key)

    def _with_strangers(self, issues: Iterable[Issue]) -> dict[str, list[str]]:
        """Keys by fingerprint, where one of them is not the one that is written down; a double may be half retired."""
        keys: dict[str, list[str]] = {}
        for issue in issues:
            if issue.fingerprint:
                keys.setdefault(issue.fingerprint, []).append(issue.key)
        known = {fingerprint: self.claims.state_of(fingerprint) for fingerprint in keys}
        return {
            fingerprint: ours
            for fingerprint, ours in keys.items()
            if any(key != (state.key if (state := known[fingerprint]) else None) for key in ours)
        }

    def _retire_doubles(self, fingerprint: str, swept: SweepSummary) -> None:
        with self.claims.held(fingerprint) as claim:
            oldest, *doubles = self.client.with_label(label_of(fingerprint)) or [""]
            for key in doubles:
                refused = close_duplicate(self.client, key, kept=oldest, target=self._target(key))
                swept.duplicates.append(key)
                if refused:
                    swept.failed[key] = refused
            known = claim.state
            if known and doubles and known.key in doubles:
                self.claims.keep(claim, known.model_copy(update={"key": oldest}))

    def _target(self, key: str) -> Jira:
        """The section whose transitions an issue of this project is closed by."""
        project = key.rpartition("-")[0]
        sections = (self.owners.routing.jira, *(team.jira for team in self.owners.teams.values()))
        return next((one for one in sections if one and one.project == project), Jira(project=project))
