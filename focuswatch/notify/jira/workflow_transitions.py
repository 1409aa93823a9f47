"""Choose and apply workflow transitions: by name, else by the status category that they lead to."""

from collections.abc import Sequence

from focuswatch.errors import Refused
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.parse_jira_issue import Transition

NO_TRANSITION = (
    "the Jira workflow of the issue has no matching transition, or the transition has required fields"
)


def apply_transition(client: JiraClient, key: str, *, names: Sequence[str], done: bool) -> str | None:
    """Close or reopen an issue. Return None, or the reason why the workflow does not allow it."""
    chosen = choose_transition(client.transitions(key), names=names, done=done)
    if chosen is None:
        return NO_TRANSITION
    try:
        client.move(key, chosen)
    except Refused as error:
        return str(error)
    return None


def choose_transition(
    offered: Sequence[Transition], *, names: Sequence[str], done: bool
) -> Transition | None:
    """Return the first available of `names`, else any that leads to the category; never one with required fields."""
    usable = [transition for transition in offered if not transition.needs]
    by_name = {transition.name.casefold(): transition for transition in reversed(usable)}
    named = (by_name[name.casefold()] for name in names if name.casefold() in by_name)
    return next(named, next((transition for transition in usable if transition.to_done == done), None))
