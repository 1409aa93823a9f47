"""Explanations into findings: those that are news are asked for, the others keep what they were told with."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Protocol

from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.explain.cost_increase import CostIncrease, cost_increase_of
from focuswatch.detect.explain.driver_queries import explain_cost_increases
from focuswatch.engines import Engine
from focuswatch.errors import QueryError
from focuswatch.findings.explanation import Explanation
from focuswatch.findings.finding import Finding
from focuswatch.ledger import DetectionRun, Ledger, decide

MOST_EXPLAINED = 100  # of one run's news, costliest first: more at once is a bill that begins, and no rise


class ChangeHistory(Protocol):
    """Whoever knows what was created or changed in an account, and by whom."""

    def with_changes(self, rise: CostIncrease, explanation: Explanation) -> Explanation:
        """The explanation with its changes; raises nothing of AWS's, but says in it what could not be seen."""
        ...


def attach_explanations(
    run: DetectionRun,
    *,
    engine: Engine,
    catalog: Catalog,
    ledger: Ledger,
    progress: Callable[[str], None],
    change_history: ChangeHistory | None = None,
) -> DetectionRun:
    """`run` with explanations in its findings. A statement that fails is said, and costs the explanations alone."""
    rises = {one.fingerprint: rise for one in run.findings.values() if (rise := cost_increase_of(one))}
    if not rises:
        return run
    known = ledger.entries()
    kept = {
        fingerprint: known[fingerprint].finding.explanation for fingerprint in rises.keys() & known.keys()
    }
    news = [
        one
        for one in decide(known, ledger.suppressions(), run).notifications
        if one.kind in ("new", "changed")
    ]
    asked = [rises[id] for one in news if (id := one.finding.fingerprint) in rises][:MOST_EXPLAINED]
    fresh: Mapping[str, Explanation] = {}
    if asked:
        progress(f"Explaining {len(asked)} rises")
        fresh = _asked(
            asked,
            engine=engine,
            catalog=catalog,
            as_of=run.as_of,
            progress=progress,
            change_history=change_history,
        )
    found = {
        fingerprint: _with(finding, fresh.get(fingerprint) or kept.get(fingerprint))
        for fingerprint, finding in run.findings.items()
    }
    return replace(run, findings=found)


def _asked(
    rises: list[CostIncrease],
    *,
    engine: Engine,
    catalog: Catalog,
    as_of: date,
    progress: Callable[[str], None],
    change_history: ChangeHistory | None,
) -> Mapping[str, Explanation]:
    try:
        found = explain_cost_increases(rises, engine=engine, catalog=catalog, as_of=as_of)
    except QueryError as error:
        progress(f"Nothing is explained: {error}")
        return {}
    if change_history is None:
        return found
    return {
        rise.fingerprint: change_history.with_changes(rise, found[rise.fingerprint])
        for rise in rises
        if rise.fingerprint in found
    }


def _with(finding: Finding, explanation: Explanation | None) -> Finding:
    return finding.model_copy(update={"explanation": explanation}) if explanation else finding
