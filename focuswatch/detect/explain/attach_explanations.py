"""Attach explanations to findings: a new one if the finding is notified, otherwise the previous one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.explain_cost_increases import explain_cost_increases
from focuswatch.detect.explain.hourly_onset import HourlyCharges
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease, cost_increase_of
from focuswatch.engines import Engine
from focuswatch.errors import QueryError
from focuswatch.findings.cost_increase_explanation_models import Explanation
from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.findings.finding import Finding
from focuswatch.ledger import Decision, LedgerEntry

# Maximum per run, highest cost first. More at once mean that the bill is new, not that so many costs increased.
MAX_EXPLAINED = 100


class ChangeHistory(Protocol):
    """The source of what was created or changed in an account, and by whom."""

    def with_changes(self, rise: CostIncrease, explanation: Explanation) -> Explanation:
        """Return the explanation with its changes. AWS errors are stated in the explanation and not raised."""
        ...


def attach_explanations(
    decision: Decision,
    *,
    previous: Mapping[str, LedgerEntry],
    engine: Engine,
    catalog: Catalog,
    as_of: date,
    progress: Callable[[str], None],
    change_history: ChangeHistory | None = None,
    hourly: HourlyCharges | None = None,
) -> Decision:
    """Return the decision with explanations in the findings that state a cost increase.

    A failed query is reported to `progress` and does not raise; only the new explanations are then missing.
    """
    increases = {
        entry.fingerprint: increase
        for entry in decision.entries
        if entry.state == "open" and (increase := cost_increase_of(entry.finding, catalog=catalog))
    }
    if not increases:
        return decision
    explanations = {
        fingerprint: explanation
        for fingerprint in increases.keys() & previous.keys()
        if (explanation := previous[fingerprint].finding.explanation)
    }
    if notified := _notified_increases(decision, increases):
        progress(f"Analyzing {len(notified)} cost increase{'' if len(notified) == 1 else 's'}")
        explanations |= _explain(
            notified,
            engine=engine,
            catalog=catalog,
            as_of=as_of,
            progress=progress,
            change_history=change_history,
            hourly=hourly,
        )
    return _with_explanations(decision, explanations, previous=previous)


def _notified_increases(decision: Decision, increases: Mapping[str, CostIncrease]) -> list[CostIncrease]:
    return [
        increases[notification.finding.fingerprint]
        for notification in decision.notifications
        if notification.kind in ("new", "changed") and notification.finding.fingerprint in increases
    ][:MAX_EXPLAINED]


def _explain(
    increases: Sequence[CostIncrease],
    *,
    engine: Engine,
    catalog: Catalog,
    as_of: date,
    progress: Callable[[str], None],
    change_history: ChangeHistory | None,
    hourly: HourlyCharges | None,
) -> Mapping[str, Explanation]:
    try:
        explanations = explain_cost_increases(
            increases, engine=engine, catalog=catalog, as_of=as_of, hourly=hourly
        )
    except QueryError as error:
        progress(f"Root causes are not available: {error}")
        return {}
    if change_history is None:
        return explanations
    return {
        increase.fingerprint: change_history.with_changes(increase, explanations[increase.fingerprint])
        for increase in increases
        if increase.fingerprint in explanations
    }


def _with_explanations(
    decision: Decision, explanations: Mapping[str, Explanation], *, previous: Mapping[str, LedgerEntry]
) -> Decision:
    def explained(finding: Finding) -> Finding:
        explanation = explanations.get(finding.fingerprint)
        return copy_with(finding, {"explanation": explanation}) if explanation else finding

    entries = (
        copy_with(entry, {"finding": explained(entry.finding)}) if entry.state == "open" else entry
        for entry in decision.entries
    )
    return replace(
        decision,
        entries=tuple(entry for entry in entries if entry != previous.get(entry.fingerprint)),
        notifications=tuple(
            copy_with(notification, {"finding": explained(notification.finding)})
            for notification in decision.notifications
        ),
    )
