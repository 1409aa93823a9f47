"""Incidents in a world of tests/fakes/delivery_world.py: count per incident what each channel shows."""

from collections import Counter

from focuswatch.findings.finding import Finding
from tests.fakes.delivery_world import RAN, TEAMS, Count, World
from tests.given.one_line_findings import finding


def incident_story(incidents: int) -> list[list[Finding]]:
    """Return the findings of four runs: one, a second one for the same endpoint, the first resolves, the second too.

    Every other incident starts with both findings, and stays open.
    """
    first, second = (
        [
            finding(
                detection=detection,
                resource=f"r-{number}",
                cost=str(1000 + number),
                team=TEAMS[number % len(TEAMS)],
            )
            for number in range(incidents)
        ]
        for detection in RAN
    )
    ending, staying = slice(0, None, 2), slice(1, None, 2)
    steady = [*first[staying], *second[staying]]
    return [
        [*first[ending], *steady],
        [*first[ending], *second[ending], *steady],
        [*second[ending], *steady],
        first[staying],
    ]


def counted_by_incident(world: World) -> Count:
    """Return how many incidents are missing or shown in a wrong state, and how much is shown more than once."""
    audits = {"slack": _slack, "jira": _jira, "teams": _teams, "pagerduty": _pagerduty}
    lost, doubled = audits[world.channel](world)
    return Count(sum(map(len, world.published.values())), lost, doubled, len(world.queue.buried))


def ended_incidents(world: World) -> set[str]:
    """Return the incidents whose findings are all resolved, by the last notification of each."""
    last = {fingerprint: each[max(each)][0] for fingerprint, each in world.published.items()}
    return {
        incident
        for incident, notifications in world.incidents.items()
        if all(last[one.fingerprint] == "resolved" for one in notifications.values())
    }


def _slack(world: World) -> tuple[int, int]:
    roots, replies, ended_texts = Counter[str](), Counter[str](), set[str]()
    for channel in world.slack.server.workspace.channels.values():
        for message in channel.shown:
            incident = message.metadata["event_payload"]["incident"]
            roots[incident] += 1
            if "Resolved" in message.text:
                ended_texts.add(incident)
            replies.update(
                one.metadata["event_payload"]["news_id"] for one in message.replies if not one.deleted
            )
    lost, doubled = _once_each(world, roots)
    lost += len(ended_texts ^ ended_incidents(world))
    return lost, doubled + sum(count - 1 for count in replies.values())


def _jira(world: World) -> tuple[int, int]:
    issues = {incident: world.jira.with_label(f"focuswatch-{incident}") for incident in world.incidents}
    issue_keys = {issue.key for each in issues.values() for issue in each}
    lost, doubled = _once_each(world, Counter({one: len(each) for one, each in issues.items()}))
    done = {incident for incident, each in issues.items() if each and each[0].done}
    repeated = sum(len(one.bodies) - len(set(one.bodies)) for each in issues.values() for one in each)
    others = sum(issue.key not in issue_keys for issue in world.jira.issues)
    return lost + len(done ^ ended_incidents(world)), doubled + repeated + others


def _pagerduty(world: World) -> tuple[int, int]:
    alerts = Counter[str](one.dedup_key.rpartition("-")[2] for one in world.pagerduty.alerts)
    closed = {one.dedup_key.rpartition("-")[2] for one in world.pagerduty.alerts if not one.is_open}
    lost, doubled = _once_each(world, alerts)
    return lost + len(closed ^ ended_incidents(world)), doubled


def _teams(world: World) -> tuple[int, int]:
    """Expect one message for each notification outside an incident; messages in Teams are never edited."""
    texts = Counter[str](
        card["body"][-1]["inlines"][-1]["text"].rpartition(" ")[2] for _, card in world.teams.shown
    )
    due = Counter[str]()
    for notifications in world.incidents.values():
        due.update(one.fingerprint for one in notifications.values() if not one.in_incident)
    return sum((due - texts).values()), sum((texts - due).values())


def _once_each(world: World, shown: Counter[str]) -> tuple[int, int]:
    """Return how many incidents are not shown, and how many messages are too many."""
    lost = sum(not shown[incident] for incident in world.incidents)
    return lost, sum(max(count - 1, 0) if one in world.incidents else count for one, count in shown.items())
