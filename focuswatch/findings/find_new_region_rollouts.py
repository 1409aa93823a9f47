"""Find rollouts: the same services that start in new Regions of many accounts. Pure.

In a rollout, the same services start in new Regions of at least five accounts within three days. The accounts may have
different owners. A finding with any other service is not part of it, so that a rollout cannot hide the charges of an
intruder.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from focuswatch.findings.finding_charges_and_overlap import StatedCharges

ROLLOUT_ACCOUNTS = 5  # minimum number of accounts; below it, each account is notified separately
NEAR = timedelta(days=3)


@dataclass(frozen=True)
class RolloutGroup:
    """The fingerprints of the findings of a rollout, and its services."""

    fingerprints: frozenset[str]
    services: frozenset[str]


def find_rollouts(charges: Iterable[StatedCharges]) -> list[RolloutGroup]:
    """Return the rollouts among findings, the largest first."""
    started = [one for one in charges if one.is_first and one.finding.region_id]
    rolled_out = _rolled_out_services(started)
    groups: dict[str, set[str]] = defaultdict(set)
    members: dict[str, set[str]] = defaultdict(set)
    for one in started:
        days = {service: rolled_out.get(service) for service in one.services}
        if days and all(span and span[0] <= one.first_day <= span[1] for span in days.values()):
            name = min(days)
            groups[name] |= one.services
            members[name].add(one.finding.fingerprint)
    merged = _merged_by_services(groups, members)
    return sorted(merged, key=lambda group: (-len(group.fingerprints), sorted(group.services)))


def fits_rollout(stated: StatedCharges | None, services: Collection[str]) -> bool:
    """Return whether all services of a finding are services of a rollout."""
    return stated is not None and bool(stated.services) and stated.services <= set(services)


def _rolled_out_services(started: Sequence[StatedCharges]) -> dict[str, tuple[date, date]]:
    """Return the services that started in new Regions of enough accounts within three days, with these days.

    Later starts belong to the rollout as long as each follows the previous one within three days.
    """
    starts: dict[str, list[tuple[date, str | None]]] = defaultdict(list)
    for one in started:
        for service in one.services:
            starts[service].append((one.first_day, one.finding.sub_account_id))
    spans = ((service, _rollout_days(found)) for service, found in starts.items())
    return {service: span for service, span in spans if span}


def _rollout_days(starts: Sequence[tuple[date, str | None]]) -> tuple[date, date] | None:
    days = sorted({day for day, _ in starts})
    for first in days:
        accounts = {account for day, account in starts if first <= day <= first + NEAR}
        if len(accounts) < ROLLOUT_ACCOUNTS:
            continue
        last = first
        for day in days:
            last = day if last < day <= last + NEAR else last
        return first, last
    return None


def _merged_by_services(
    groups: Mapping[str, set[str]], members: Mapping[str, set[str]]
) -> Iterator[RolloutGroup]:
    """Merge the groups that share a service into one rollout, and yield the rollouts."""
    left = {name: (set(services), set(members[name])) for name, services in groups.items()}
    while left:
        services, fingerprints = left.pop(min(left))
        while near := [name for name, (others, _) in left.items() if others & services]:
            for name in near:
                more, found = left.pop(name)
                services |= more
                fingerprints |= found
        yield RolloutGroup(frozenset(fingerprints), frozenset(services))
