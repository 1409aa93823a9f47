"""Count roles that were paused without a record, or resumed by mistake, under injected faults.

    python -m benchmarks.pause_faults --seeds 1 2 3

Records and claims (on a table in memory that is tested to be equivalent to moto's), decisions and reviews are the
product's; roles behave like IAM's. Each simulation lives one story (Pause spending, Resume, the cap that pauses by
itself, expiry) with one kind of fault. Whenever a role changes, the record stored at this moment must say so; in the
end, the role must be in the state of the last decision. The same seed gives the same result.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from focuswatch.controls.apply_button_press import apply_button_press
from focuswatch.controls.carry_out_use_case_pauses import CLAIMS
from focuswatch.errors import TryLater
from tests.fakes.delivery_world import ThrottledError
from tests.fakes.pause_world import APPROVER, OTHER_APPROVER, STRANGER, USE_CASE, PauseWorld, owners_with
from tests.given.slack_world import Steps

Story = Callable[[PauseWorld], bool]  # returns whether the roles must be paused at the end
Fault = Callable[[PauseWorld], None]
HOUR, DAY = 3600.0, 86_400.0


def paused(world: PauseWorld) -> bool:
    """An approver presses Pause; Resume by someone who is no approver has no effect."""
    world.press("pause")
    world.press("resume", user=STRANGER)
    return True


def resumed(world: PauseWorld) -> bool:
    """Two approvers press Pause at the same time, and one presses Resume later."""
    world.press("pause")
    world.press("pause", user=OTHER_APPROVER)
    world.deliver()
    world.now += HOUR
    world.press("resume", user=OTHER_APPROVER)
    return False


def paused_again(world: PauseWorld) -> bool:
    """Pause, Resume and Pause are all pressed before the function runs."""
    world.press("pause")
    world.press("resume")
    world.press("pause", user=OTHER_APPROVER)
    return True


def capped(world: PauseWorld) -> bool:
    """The cap pauses automatically; further reviews change nothing."""
    world.owners = owners_with("pause")
    for _ in range(3):
        world.review()
        world.now += HOUR
    return True


def resumed_from_cap(world: PauseWorld) -> bool:
    """The cap pauses automatically, and an approver's Resume remains in effect for the rest of the month."""
    capped(world)
    world.press("resume")
    world.deliver()
    for _ in range(3):
        world.now += HOUR
        world.review()
    return False


def expired(world: PauseWorld) -> bool:
    """A pause ends automatically after `pause_days`."""
    world.press("pause")
    world.deliver()
    world.now += world.pause_days * DAY + HOUR
    return False


STORIES: dict[str, Story] = {
    one.__name__.replace("_", " "): one
    for one in (paused, resumed, paused_again, capped, resumed_from_cap, expired)
}


def nothing(world: PauseWorld) -> None:
    """Set no fault."""


def duplicated_and_reordered(world: PauseWorld) -> None:
    """Deliver every press up to three times, in random order."""
    original_press = world.press

    def press(verb: str, *, user: str = APPROVER, at: float | None = None) -> object:
        response = original_press(verb, user=user, at=at)
        world.queue += [response] * world.rng.randint(0, 2)
        world.rng.shuffle(world.queue)
        return response

    world.press = press  # type: ignore[assignment,method-assign]


def iam_outage(world: PauseWorld) -> None:
    """Let about one IAM call in three fail; half of these have an effect nevertheless."""

    def outage(_moment: str) -> None:
        if world.rng.random() < 1 / 6:
            raise TryLater("ServiceUnavailable", seconds=60)

    world.roles.outage = outage


def throttled_table(world: PauseWorld) -> None:
    """Let about one DynamoDB call in six fail; half of these have an effect nevertheless."""

    def befall(_moment: str) -> None:
        if world.rng.random() < 1 / 12:
            raise ThrottledError

    world.befall_table = befall


FAULTS: dict[str, Fault] = {
    "no fault": nothing,
    "button presses duplicated and reordered": duplicated_and_reordered,
    "IAM calls fail, also after success": iam_outage,
    "DynamoDB calls fail, also after success": throttled_table,
}
KILLED, RACE, LOST = (
    "process killed between two steps",
    "Resume pressed during the pause",
    "ledger record lost",
)
CELLS = [*FAULTS, KILLED, RACE, LOST]


@dataclass
class Cell:
    """The results of the simulations of one fault and one story."""

    worlds: int = 0
    wrongs: list[str] = field(default_factory=list)

    def add(self, wrongs: list[str]) -> None:
        """Add the outcome of a simulation."""
        self.worlds += 1
        self.wrongs += wrongs


def lived(story: Story, fault: Fault, *, seed: int, steps: Steps | None = None) -> PauseWorld:
    """Run one story with a fault, and then a review without it; return the world to compare with the expected state."""
    world = PauseWorld(seed=seed, steps=steps or Steps())
    fault(world)
    world.expected = story(world)
    world.deliver()
    world.review()
    world.roles.outage = world.befall_table = lambda _moment: None
    world.now += HOUR
    world.review()
    return world


def outcome(world: PauseWorld) -> list[str]:
    """Return the problems of a world whose story has ended."""
    return world.wrongs(expected=world.expected)


def killed_everywhere(story: Story, *, seed: int) -> Cell:
    """Run a story twice for each step: with the process killed before it, and after it."""
    cell, counted_steps = Cell(), Steps()
    lived(story, nothing, seed=seed, steps=counted_steps)
    for number in range(1, counted_steps.taken + 1):
        for moment in ("kill_before", "kill_after"):
            cell.add(outcome(lived(story, nothing, seed=seed, steps=Steps(**{moment: number}))))
    return cell


@dataclass
class Interrupted(Steps):
    """Executes another run after one step of the first."""

    at: int = 0
    work: Callable[[], None] = lambda: None

    def _step(self, call: Callable[..., object]) -> Callable[..., object]:
        stepped = super()._step(call)

        def interrupted(*args: object, **named: object) -> object:
            returned = stepped(*args, **named)
            if self.taken == self.at:
                self.at = 0  # so that the steps of the other run are not interrupted
                self.work()
            return returned

        return interrupted


def raced_everywhere(*, seed: int) -> Cell:
    """For each step of carrying out a pause, let another run process Resume after this step."""
    cell, counted_steps = Cell(), Steps()
    lived(paused, nothing, seed=seed, steps=counted_steps)
    for number in range(1, counted_steps.taken + 1):
        cell.add(outcome(raced(number, seed=seed)))
    return cell


def raced(number: int, *, seed: int) -> PauseWorld:
    """Return a world in which the other run works after step `number`."""
    steps = Interrupted(at=number)
    world = PauseWorld(seed=seed, steps=steps)

    def other_run() -> None:
        response = world.press("resume", user=OTHER_APPROVER)
        try:
            apply_button_press(response, caps=world.caps())
        except TryLater:
            return  # the press stays in the queue
        world.queue.remove(response)

    steps.work = other_run
    world.press("pause")
    world.deliver()
    world.now += HOUR
    world.review()
    world.deliver()
    world.expected = steps.at != 0  # if the step raised, there was no other run, and so no Resume
    return world


def lost(*, seed: int) -> Cell:
    """The record of a pause is lost: the role stays paused and is reported, until an approver presses Resume."""
    cell, world = Cell(), PauseWorld(seed=seed)
    world.press("pause")
    world.deliver()
    roles = set(world.paused)
    world.table.delete_item(Key={"kind": f"told in {CLAIMS}", "id": USE_CASE})
    reported = set(world.review().unrecorded)
    wrongs = [] if reported == roles == world.paused else [f"reported {reported} of {roles}"]
    world.now += HOUR
    world.press("resume")
    world.deliver()
    cell.add([*wrongs, *world.wrongs(expected=False)])
    return cell


def cells(seeds: list[int]) -> Iterator[tuple[str, str, Cell]]:
    """Yield every cell of the matrix: fault, story and outcome."""
    for fault_name, fault in FAULTS.items():
        for name, story in STORIES.items():
            cell = Cell()
            for seed in seeds:
                cell.add(outcome(lived(story, fault, seed=seed)))
            yield fault_name, name, cell
    for name, story in STORIES.items():
        yield KILLED, name, killed_everywhere(story, seed=seeds[0])
    yield RACE, "paused, resumed", raced_everywhere(seed=seeds[0])
    yield LOST, "paused, resumed", lost(seed=seeds[0])


def main() -> None:
    """Print a row for each cell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 21)))
    arguments = parser.parse_args()
    print("| fault | scenario | simulations | wrong simulations |\n|---|---|---|---|")
    for fault, story, cell in cells(arguments.seeds):
        print(f"| {fault} | {story} | {cell.worlds:,} | {len(cell.wrongs)} |", flush=True)


if __name__ == "__main__":
    main()
