"""What is lost and what is doubled on the way to Slack and Jira, whatever fails.

    python -m benchmarks.delivery_faults --seeds 1 2 3 --burst 5000

Everything between is real: the ledger and the claims on DynamoDB (moto's; for the burst a table in memory that is
tested to do the same), publishing, batches, HTTP to a local Slack and a local Jira. Each cell lives four runs of a bill
(found, grown, gone, back) and lets a fault befall them; at its end what Slack and Jira show is held against what was
published. The same seed gives the same cell again.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.delivery_world import Count, Fault, ThrottledError, World, counted, story, world
from tests.given.slack import Killed, Steps

FINDINGS = 12
HOUR = 3600.0


@dataclass
class Nothing:
    """No fault at all."""

    def begin(self, world: World) -> None: ...

    def between_runs(self, world: World) -> None: ...

    def before_batch(self, world: World) -> None: ...


@dataclass
class Reordered(Nothing):
    """So many of a hundred messages come twice, and all in any order."""

    doubles: int = 66

    def begin(self, world: World) -> None:
        world.queue.shuffled, world.queue.doubles = True, self.doubles


@dataclass
class Down(Nothing):
    """From the second run on nobody answers for an hour: the gateway says 503."""

    until: float | None = None
    began: bool = False

    def between_runs(self, world: World) -> None:
        self.until = world.now + 86_400 + HOUR if self.until is None else self.until

    def before_batch(self, world: World) -> None:
        is_down = self.until is not None and world.now < self.until
        world.slack.server.faults.clear()
        world.jira.faults.clear()
        if is_down:
            world.slack.server.fault("down", times=10**9)
            world.jira.fail("503", times=10**9, seconds=0)


@dataclass
class CutAfterSuccess(Nothing):
    """In every other batch a call is done, and its answer never comes."""

    def before_batch(self, world: World) -> None:
        world.slack.server.faults.clear()
        world.jira.faults.clear()
        if world.rng.random() < 0.5:
            world.slack.server.fault("dropped", "chat.postMessage")
        if world.rng.random() < 0.5:
            world.slack.server.fault("dropped", "chat.update")
        if world.rng.random() < 0.5:
            world.jira.fail("lost", "POST")
        if world.rng.random() < 0.3:
            world.jira.fail("after 500", "PUT")


@dataclass
class TimesOut(Nothing):
    """Some calls are done, and their answers come after the client has given up."""

    left: int = 4

    def before_batch(self, world: World) -> None:
        if self.left and world.rng.random() < 0.4:
            self.left -= 1
            world.slack.server.fault("silent", "chat.postMessage")
            world.jira.fail("slow", "POST", seconds=1.5)


@dataclass
class TableThrottledError(Nothing):
    """One call of DynamoDB in six is refused, one in twelve is done and not answered."""

    def begin(self, world: World) -> None:
        def befall(moment: str) -> None:
            if world.rng.random() < (1 / 6 if moment == "before" else 1 / 12):
                raise ThrottledError

        world.table.befall = befall


@dataclass
class TableAskedAgain(Nothing):
    """Of one call of DynamoDB in three the answer is lost, and botocore asks again by itself."""

    def begin(self, world: World) -> None:
        world.table.asked_again = lambda: world.rng.random() < 1 / 3


@dataclass
class RowsLost(Nothing):
    """After the first run a third of all rows are gone: of the ledger, and of what is known to be told."""

    done: bool = False

    def between_runs(self, world: World) -> None:
        if self.done:
            return
        self.done = True
        table = world.table.real
        for kind in ("entry", f"told in {world.channel}"):
            found = table.query(
                KeyConditionExpression="#kind = :kind", ExpressionAttributeNames={"#kind": "kind"},
                ExpressionAttributeValues={":kind": kind},
            )["Items"]  # fmt: skip
            for item in found:
                if world.rng.random() < 1 / 3:
                    table.delete_item(Key={"kind": item["kind"], "id": item["id"]})


@dataclass
class ClockJumps(Nothing):
    """Before each batch the clock is off by up to two hours, either way."""

    def before_batch(self, world: World) -> None:
        world.now += world.rng.uniform(-2 * HOUR, 2 * HOUR)


@dataclass
class ManyWorkers(Nothing):
    """Four functions tell at once what comes twice and in any order."""

    def begin(self, world: World) -> None:
        world.queue.shuffled, world.queue.doubles, world.workers, world.batch = True, 66, 4, 4


FAULTS: dict[str, Callable[[], Fault]] = {
    "nothing fails": Nothing,
    "doubled and reordered": Reordered,
    "down for an hour": Down,
    "connection cut after success": CutAfterSuccess,
    "time-out after success": TimesOut,
    "throttled DynamoDB": TableThrottledError,
    "DynamoDB asked again after success": TableAskedAgain,
    "lost rows": RowsLost,
    "clock jumps": ClockJumps,
    "four at once": ManyWorkers,
}
KILLED, BURST = "killed between any two steps", "burst"
CELLS = [*FAULTS, KILLED, BURST]
CHANNELS: tuple[Any, ...] = ("slack", "jira")


@dataclass
class Cell:
    """Sums over the worlds of one fault and one channel."""

    worlds: int = 0
    counts: list[Count] = field(default_factory=list)
    seconds: float = 0.0

    def line(self, fault: str, channel: str) -> str:
        """A line of the table."""
        sums = [
            sum(getattr(one, name) for one in self.counts)
            for name in ("published", "lost", "doubled", "buried")
        ]
        return (
            f"| {fault} | {channel} | {len(self.counts)} | " + " | ".join(f"{one:,}" for one in sums) + " |"
        )


def lived(channel: Any, fault: Callable[[], Fault], *, seed: int, findings: int = FINDINGS) -> Count:
    """One world, and what came of it."""
    with world(channel, seed=seed) as there:
        there.live(story(findings), fault())
        return counted(there)


@dataclass
class KilledAt(Nothing):
    """The process is gone at one step of the table, of Slack or of Jira."""

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
    """A world for each step at which a process may be killed, before it and after it."""
    whole = KilledAt()
    lived(channel, lambda: whole, seed=seed, findings=findings)
    counts = []
    for number in range(1, whole.steps.taken + 1, every):
        for moment in ("kill_before", "kill_after"):
            at = KilledAt(Steps(**{moment: number}))
            counts.append(lived(channel, lambda at=at: at, seed=seed, findings=findings))
    return counts


def burst(channel: Any, *, seed: int, findings: int) -> Count:
    """One run that finds so many at once, in batches as the deployment's queues have them."""
    with world(channel, seed=seed, quick=True) as there:
        there.batch = 50
        there.live(story(findings)[:1], Reordered(doubles=10))
        return counted(there)


def main() -> None:
    """Print a line for each cell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--burst", type=int, default=5000)
    parser.add_argument("--every", type=int, default=1, help="kill at every so many steps")
    parser.add_argument(
        "--cells", nargs="+", default=CELLS, choices=CELLS, metavar="CELL", help="these alone"
    )
    given = parser.parse_args()
    print(
        "| fault | channel | worlds | published | lost | doubled | dead letters |\n|---|---|---|---|---|---|---|"
    )
    for channel in CHANNELS:
        for name, fault in FAULTS.items():
            if name not in given.cells:
                continue
            cell = Cell(counts=[lived(channel, fault, seed=seed) for seed in given.seeds])
            print(cell.line(name, channel), flush=True)
        if KILLED in given.cells:
            cell = Cell(counts=killed_everywhere(channel, seed=given.seeds[0], findings=2, every=given.every))
            print(cell.line(KILLED, channel), flush=True)
        if BURST in given.cells:
            started = time.monotonic()
            cell = Cell(counts=[burst(channel, seed=given.seeds[0], findings=given.burst)])
            print(cell.line(f"a burst of {given.burst:,}, doubled and reordered", channel), flush=True)
            print(f"<!-- the burst took {time.monotonic() - started:.0f} s -->", flush=True)


if __name__ == "__main__":
    main()
