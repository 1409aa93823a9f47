"""Count lost and duplicate notifications in each channel under injected faults.

    python -m benchmarks.delivery_faults --seeds 1 2 3 --burst 5000

Ledger, claims (on moto's DynamoDB; for the burst on a table in memory that is tested to be equivalent), publishing,
batches and HTTP to local servers are the product's. Each simulation runs four scans (findings created, grown, resolved,
reopened) with one kind of fault, and compares what the channel shows with what was published. The same seed gives the
same result.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.delivery_world import Count, Fault, ThrottledError, World, counted, story, world
from tests.fakes.incident_world import counted_by_incident, incident_story
from tests.given.slack_world import Killed, Steps

FINDINGS = 12
HOUR = 3600.0


@dataclass
class Nothing:
    """No fault."""

    def begin(self, world: World) -> None: ...

    def between_runs(self, world: World) -> None: ...

    def before_batch(self, world: World) -> None: ...


@dataclass
class Reordered(Nothing):
    """`doubles` percent of the messages arrive twice, and all arrive in random order."""

    doubles: int = 66

    def begin(self, world: World) -> None:
        world.queue.shuffled, world.queue.doubles = True, self.doubles


@dataclass
class Down(Nothing):
    """The channel responds with 503 for an hour, from the second run on."""

    until: float | None = None

    def between_runs(self, world: World) -> None:
        self.until = world.now + 86_400 + HOUR if self.until is None else self.until

    def before_batch(self, world: World) -> None:
        is_down = self.until is not None and world.now < self.until
        world.slack.server.faults.clear()
        world.jira.faults.clear()
        world.teams.faults.always = world.pagerduty.faults.always = "down" if is_down else None
        if world.target:
            world.target.befall("down" if is_down else None)
        if is_down:
            world.slack.server.fault("down", times=10**9)
            world.jira.fail("503", times=10**9, seconds=0)


@dataclass
class CutAfterSuccess(Nothing):
    """In about every other batch, a call succeeds but its response never arrives."""

    def before_batch(self, world: World) -> None:
        world.slack.server.faults.clear()
        world.jira.faults.clear()
        if world.rng.random() < 0.5:
            world.slack.server.fault("dropped", "chat.postMessage")
        if world.rng.random() < 0.5:
            world.slack.server.fault("dropped", "chat.update")
        if world.rng.random() < 0.5:
            world.jira.fail("lost", "POST")
        if world.target and world.rng.random() < 0.5:
            world.target.befall("cut")
        if world.rng.random() < 0.3:
            world.jira.fail("after 500", "PUT")
        for service in (world.teams, world.pagerduty):
            service.faults.queued = ["dropped"] if world.rng.random() < 0.5 else []


@dataclass
class TimesOut(Nothing):
    """Some calls succeed, but their responses arrive after the client has timed out."""

    left: int = 4

    def before_batch(self, world: World) -> None:
        if self.left and world.rng.random() < 0.4:
            self.left -= 1
            world.slack.server.fault("silent", "chat.postMessage")
            world.jira.fail("slow", "POST", seconds=1.5)
            world.teams.faults.queued, world.pagerduty.faults.queued = ["silent"], ["silent"]
            if world.target:
                world.target.befall("slow")


@dataclass
class ThrottledTable(Nothing):
    """One DynamoDB call in six is throttled, and one in twelve is reported as throttled although it succeeded."""

    def begin(self, world: World) -> None:
        def befall(moment: str) -> None:
            if world.rng.random() < (1 / 6 if moment == "before" else 1 / 12):
                raise ThrottledError

        world.table.befall = befall


@dataclass
class RepeatedTableCalls(Nothing):
    """The response of one DynamoDB call in three is lost, and botocore repeats the call."""

    def begin(self, world: World) -> None:
        world.table.is_repeated = lambda: world.rng.random() < 1 / 3


@dataclass
class RowsLost(Nothing):
    """After the first run, a third of the rows is lost, of the findings and of the delivery state."""

    done: bool = False

    def between_runs(self, world: World) -> None:
        if self.done:
            return
        self.done = True
        table = world.table.real
        for kind in ("entry", f"told in {world.channel}"):
            items = table.query(
                KeyConditionExpression="#kind = :kind",
                ExpressionAttributeNames={"#kind": "kind"},
                ExpressionAttributeValues={":kind": kind},
            )["Items"]
            for item in items:
                if world.rng.random() < 1 / 3:
                    table.delete_item(Key={"kind": item["kind"], "id": item["id"]})


@dataclass
class ClockJumps(Nothing):
    """Before each batch, the clock jumps by up to two hours, forward or back."""

    def before_batch(self, world: World) -> None:
        world.now += world.rng.uniform(-2 * HOUR, 2 * HOUR)


@dataclass
class ManyWorkers(Nothing):
    """Four concurrent function runs deliver messages that may arrive twice and in random order."""

    def begin(self, world: World) -> None:
        world.queue.shuffled, world.queue.doubles, world.workers, world.batch = True, 66, 4, 4


FAULTS: dict[str, Callable[[], Fault]] = {
    "no fault": Nothing,
    "messages duplicated and reordered": Reordered,
    "channel down for an hour": Down,
    "connection closed after success": CutAfterSuccess,
    "timeout after success": TimesOut,
    "throttled DynamoDB": ThrottledTable,
    "DynamoDB call retried after success": RepeatedTableCalls,
    "ledger rows lost": RowsLost,
    "clock jumps": ClockJumps,
    "four processes at once": ManyWorkers,
}
# With this fault, a finding can return in a new incident, with another finding of the same cause, because the lost row
# had the incident's id.
NEW_INCIDENT = "ledger rows lost"
KILLED, BURST = "process killed between two steps", "burst"
CELLS = [*FAULTS, KILLED, BURST]
CHANNELS: tuple[Any, ...] = (
    *("slack", "jira", "teams", "pagerduty"),
    *("webhook", "email", "securityhub", "ocsf"),
)
BY_INCIDENT = ("slack", "jira", "teams", "pagerduty")  # they show one message, issue or alert per incident
# Webhooks of Teams and SES have no idempotency key, and the messages that they sent cannot be read. So a message with
# an unknown outcome is sent again.
AT_LEAST_ONCE = {
    (channel, fault)
    for channel in ("teams", "email")
    for fault in ("connection closed after success", "timeout after success", "throttled DynamoDB", KILLED)
}


@dataclass
class Cell:
    """Sums over the simulations of one fault and one channel."""

    counts: list[Count]

    def line(self, fault: str, channel: str) -> str:
        """Return a row of the table."""
        sums = [
            sum(getattr(one, name) for one in self.counts)
            for name in ("published", "lost", "doubled", "buried")
        ]
        return (
            f"| {fault} | {channel} | {len(self.counts)} | " + " | ".join(f"{one:,}" for one in sums) + " |"
        )


def lived(channel: Any, fault: Callable[[], Fault], *, seed: int, findings: int = FINDINGS) -> Count:
    """Run one simulation and return its counts."""
    with world(channel, seed=seed) as simulation:
        simulation.live(story(findings), fault())
        return counted(simulation)


def lived_incidents(channel: Any, fault: Callable[[], Fault], *, seed: int, incidents: int) -> Count:
    """Run one simulation with two findings per incident, and return the counts per incident."""
    with world(channel, seed=seed) as simulation:
        simulation.live(incident_story(incidents), fault())
        return counted_by_incident(simulation)


@dataclass
class KilledAt(Nothing):
    """The process is killed at one step: a call of the table or of the channel."""

    steps: Steps = field(default_factory=Steps)

    def begin(self, world: World) -> None:
        world.slack.steps = self.steps

        def befall(moment: str) -> None:
            if moment == "before":
                self.steps.taken += 1
            if self.steps.taken == (self.steps.kill_before if moment == "before" else self.steps.kill_after):
                self.steps.taken += 1
                raise Killed

        world.table.befall = befall


def killed_everywhere(channel: Any, *, seed: int, findings: int, every: int) -> list[Count]:
    """Run two simulations for every n-th step: one kills the process before it, one after it."""
    counting_run = KilledAt()
    lived(channel, lambda: counting_run, seed=seed, findings=findings)
    counts = []
    for number in range(1, counting_run.steps.taken + 1, every):
        for moment in ("kill_before", "kill_after"):
            fault = KilledAt(Steps(**{moment: number}))
            counts.append(lived(channel, lambda fault=fault: fault, seed=seed, findings=findings))
    return counts


def burst(channel: Any, *, seed: int, findings: int) -> Count:
    """Run one scan with many findings, in batches as in the deployment's queues."""
    with world(channel, seed=seed) as simulation:
        simulation.batch = 50
        simulation.live(story(findings)[:1], Reordered(doubles=10))
        return counted(simulation)


def main() -> None:
    """Print a row for each cell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--burst", type=int, default=5000)
    parser.add_argument("--every", type=int, default=1, help="kill at every n-th step")
    parser.add_argument("--cells", nargs="+", default=CELLS, choices=CELLS, metavar="CELL", help="only these")
    parser.add_argument("--channels", nargs="+", default=CHANNELS, choices=CHANNELS, metavar="CHANNEL")
    arguments = parser.parse_args()
    print(
        "| fault | channel | simulations | notifications published | lost | duplicate | dead letters |\n"
        "|---|---|---|---|---|---|---|"
    )
    for channel in arguments.channels:
        for name, fault in FAULTS.items():
            if name not in arguments.cells:
                continue
            cell = Cell(counts=[lived(channel, fault, seed=seed) for seed in arguments.seeds])
            print(cell.line(name, channel), flush=True)
            if channel in BY_INCIDENT:
                counts = [
                    lived_incidents(channel, fault, seed=seed, incidents=FINDINGS // 2)
                    for seed in arguments.seeds
                ]
                print(Cell(counts=counts).line(f"{name}, incidents", channel), flush=True)
        if KILLED in arguments.cells:
            cell = Cell(
                counts=killed_everywhere(channel, seed=arguments.seeds[0], findings=2, every=arguments.every)
            )
            print(cell.line(KILLED, channel), flush=True)
        if BURST in arguments.cells:
            started = time.monotonic()
            cell = Cell(counts=[burst(channel, seed=arguments.seeds[0], findings=arguments.burst)])
            print(
                cell.line(f"{arguments.burst:,} findings, messages duplicated and reordered", channel),
                flush=True,
            )
            print(f"<!-- the burst took {time.monotonic() - started:.0f} s -->", flush=True)


if __name__ == "__main__":
    main()
