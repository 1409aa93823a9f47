"""Steps of a workflow: chosen by name, else by where they lead; what cannot be done is said and tried no more."""

from collections.abc import Sequence

from focuswatch.errors import Refused
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.issue_state import Transition

NO_STEP = "it offers no transition that leads there without more to fill in"


def apply_transition(client: JiraClient, key: str, *, names: Sequence[str], done: bool) -> str | None:
    """Close or reopen an issue; None where it was done, else in words why not: no repetition mends a workflow."""
    step = choose_transition(client.transitions(key), names=names, done=done)
    if step is None:
        return NO_STEP
    try:
        client.move(key, step)
    except Refused as error:
        return str(error)
    return None


def choose_transition(
    offered: Sequence[Transition], *, names: Sequence[str], done: bool
) -> Transition | None:
    """The first of `names` that is on offer, else any that leads to the category; never one that demands fields."""
    able = [one for one in offered if not one.needs]
    by_name = {one.name.casefold(): one for one in reversed(able)}
    named = (by_name[name.casefold()] for name in names if name.casefold() in by_name)
    return next(named, next((one for one in able if one.to_done == done), None))
