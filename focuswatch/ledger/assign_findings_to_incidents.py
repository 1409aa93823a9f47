"""Assign open findings to incidents: a finding stays in its incident; a new finding joins or starts one. Pure.

Two incidents that were notified are never merged, because each has its own message and issue.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from focuswatch.findings.find_new_region_rollouts import (
    ROLLOUT_ACCOUNTS,
    RolloutGroup,
    find_rollouts,
    fits_rollout,
)
from focuswatch.findings.finding import Finding
from focuswatch.findings.lead_order_and_incident_properties_of_detections import IncidentRules
from focuswatch.findings.same_cause import SameCause, connected


@dataclass(frozen=True)
class OpenIncident:
    """The open findings of an incident, the lead first; `rollout` is empty unless the incident is a rollout."""

    id: str
    findings: tuple[Finding, ...]
    rollout: tuple[Finding, ...] = ()

    @property
    def lead(self) -> Finding:
        """The finding that messages are about."""
        return self.findings[0]


@dataclass(frozen=True)
class _Membership:
    cause: SameCause
    rules: IncidentRules
    assigned: Mapping[str, str]  # fingerprint to incident id, for findings that have one
    used_ids: Collection[str]
    rollouts: tuple[RolloutGroup, ...]

    def incident_ids(self) -> dict[str, str]:
        """Return the incident id of every finding, by fingerprint."""
        rollout_of = {one: group for group in self.rollouts for one in group.fingerprints}
        pairs = [pair for pair in self.cause.pairs() if self._fits_rollouts(pair, rollout_of)]
        ids = dict(self.assigned)
        for group in self.rollouts:
            if known := self._known_rollout(group):
                ids |= dict.fromkeys(group.fingerprints - ids.keys(), known)
        free = sorted(self.cause.findings.keys() - ids.keys())
        chains = (sorted(group.fingerprints & set(free)) for group in self.rollouts)
        links = [link for chain in chains for link in pairwise(chain)]
        near = _neighbors(pairs)
        for component in connected(free, [*links, *pairs]):
            is_rollout = any(one in rollout_of for one in component)
            known = None if is_rollout else _most_linked(component, near, ids)
            ids |= dict.fromkeys(component, known or self._new_id(component))
        return ids

    def _fits_rollouts(self, pair: tuple[str, str], rollout_of: Mapping[str, RolloutGroup]) -> bool:
        """Return whether a pair does not link a rollout to a finding with other services."""
        return all(
            rollout_of[mine] is rollout_of.get(other)
            or fits_rollout(self.cause.charges.get(other), rollout_of[mine].services)
            for mine, other in (pair, pair[::-1])
            if mine in rollout_of
        )

    def _known_rollout(self, group: RolloutGroup) -> str | None:
        """Return the incident under which a rollout was already notified; None if there is none."""
        accounts: dict[str, set[str | None]] = defaultdict(set)
        for one in group.fingerprints & self.assigned.keys():
            accounts[self.assigned[one]].add(self.cause.findings[one].sub_account_id)
        known = [id for id, named in accounts.items() if len(named) >= ROLLOUT_ACCOUNTS]
        return max(known, key=lambda id: (len(accounts[id]), id), default=None)

    def _new_id(self, component: frozenset[str]) -> str:
        """Return the fingerprint of the lead; if an open incident already has this id, another id."""
        lead = min((self.cause.findings[one] for one in component), key=self.rules.precedence)
        if lead.fingerprint not in self.used_ids:
            return lead.fingerprint
        return hashlib.sha256(f"{lead.fingerprint} {lead.first_seen}".encode()).hexdigest()[:20]


def _neighbors(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    near: dict[str, list[str]] = defaultdict(list)
    for one, other in pairs:
        near[one].append(other)
        near[other].append(one)
    return near


def _most_linked(
    component: Iterable[str], near: Mapping[str, Sequence[str]], ids: Mapping[str, str]
) -> str | None:
    """Return the incident to which most pairs link a group; None if there are no links."""
    links = Counter(ids[other] for one in component for other in near.get(one, ()) if other in ids)
    return max(links, key=lambda id: (links[id], id), default=None)


def open_incidents(
    cause: SameCause, *, assigned: Mapping[str, str], rules: IncidentRules
) -> Iterator[OpenIncident]:
    """Yield the incidents of the findings of `cause`; `assigned` maps open findings to their current incidents."""
    rollouts = tuple(find_rollouts(cause.charges.values()))
    known = {one: id for one, id in assigned.items() if one in cause.findings}
    ids = _Membership(cause, rules, known, set(assigned.values()), rollouts).incident_ids()
    members: dict[str, list[Finding]] = defaultdict(list)
    for fingerprint, id in ids.items():
        members[id].append(cause.findings[fingerprint])
    for id, found in members.items():
        ordered = tuple(sorted(found, key=rules.precedence))
        yield OpenIncident(id, ordered, _rollout_of(ordered, rollouts, cause))


def _rollout_of(
    findings: tuple[Finding, ...], rollouts: Iterable[RolloutGroup], cause: SameCause
) -> tuple[Finding, ...]:
    """Return the findings of an incident's rollout, including findings that were notified before it was a rollout."""
    own = {one.fingerprint for one in findings}
    group = next((group for group in rollouts if findings[0].fingerprint in group.fingerprints), None)
    if group is None or len(own & group.fingerprints) < 2:
        return ()
    return tuple(cause.findings[one] for one in sorted(group.fingerprints))
