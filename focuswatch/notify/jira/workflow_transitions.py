"""Choose and apply the workflow transition that closes or reopens an issue: by name, or else by status category."""

from collections.abc import Sequence

from focuswatch.errors import Refused
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.parse_issue_changelog_and_available_transitions import Transition

NO_TRANSITION = (
    "the Jira workflow of the issue has no matching transition, or the transition has required fields"
)


def apply_transition(client: JiraClient, key: str, *, names: Sequence[str], done: bool) -> str | None:
    """Close (`done`) or reopen an issue. Return None, or the reason why the workflow does not allow it."""
    chosen = choose_transition(client.transitions(key), names=names, done=done)
    if chosen is None:
        return NO_TRANSITION
    try:
        client.transition_issue(key, chosen)
    except Refused as error:
        return str(error)
    return None


def choose_transition(
    offered: Sequence[Transition], *, names: Sequence[str], done: bool
) -> Transition | None:
    """Return the first available transition of `names`, or else any that leads to the status category.

    Transitions with required fields are never chosen; None if no other is available.
    """
    usable = [transition for transition in offered if not transition.needs]
    by_name = {transition.name.casefold(): transition for transition in reversed(usable)}
    named = (by_name[name.casefold()] for name in names if name.casefold() in by_name)
    return next(named, next((transition for transition in usable if transition.to_done == done), None))
