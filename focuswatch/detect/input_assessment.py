"""Assess a bill: which detections and reports can evaluate it, which cannot and why, and the command that fixes it.

The [needs] section of each file's header states the input that it needs. Detections that have this input run once,
without a ledger, so that the assessment includes their findings and the resources that could not be evaluated.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from focuswatch.bill.bill_protocol import Bill
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.catalog.sql_header_fields import DetectionHeader, InputFile, NeedsHeader, OwnersSetting
from focuswatch.detect.run_detection import DetectionInput, first_new_day, run_detection
from focuswatch.engines import Engine
from focuswatch.owners.owners_file_and_assignment import Owners

State = Literal["evaluated", "partly evaluated", "no charges", "not evaluated"]
STATES: tuple[State, ...] = ("evaluated", "partly evaluated", "not evaluated", "no charges")
IS_FILLED = {
    "ResourceId": "ResourceId IS NOT NULL",
    "ConsumedQuantity": "ConsumedQuantity IS NOT NULL",
}
FILL_COLUMN = {
    "ResourceId": "Export charges with resource IDs. The FOCUS 1.2 export of AWS Data Exports contains resource IDs.",
    "ConsumedQuantity": "Export charges with ConsumedQuantity and ConsumedUnit.",
}
COLLECT = "Collect CloudWatch activity, and pass the file: focuswatch scan EXPORT --activity FILE"
DAYS = """
SELECT min(charge_date) AS first_day, max(settled_days) AS settled_days
FROM completeness
"""
NAMESPACES = "SELECT DISTINCT namespace FROM activity"
FILES = """
SELECT
    (SELECT count(*) FROM principal_charges) AS principals,
    (SELECT count(*) FROM recommendations) AS recommendations,
    (SELECT count(*) FROM invocation_tokens) AS invocations,
    (SELECT count(*) FROM token_hours) AS token_hours
"""
GIVE_FILE: dict[InputFile, str] = {
    "principals": "Export the IAM principals that call Bedrock (docs/attribution.md): "
    "focuswatch scan EXPORT --principals FILE",
    "recommendations": "Export the recommendations from AWS Cost Optimization Hub: "
    "focuswatch scan EXPORT --recommendations FILE",
    "invocations": "Collect tokens from model invocation logs (docs/executions.md): "
    "focuswatch scan EXPORT --invocations FILE",
    "token_hours": "Collect hourly token counts (docs/spend-rate.md): focuswatch scan EXPORT --token-hours FILE",
}
SET_BY: dict[OwnersSetting, str] = {
    "monthly_budget": "team or use case with monthly_budget",
    "use_cases": "use case ([use_cases.NAME])",
    "principal_budgets": "[principal_budgets.NAME]",
    "experiments": 'use case with intent = "experiment"',
    "spend_caps": "use case with on_cap",
    "usage_policies": "use case with models, batch or regions",
}


@dataclass(frozen=True)
class Assessment:
    """The assessment of one detection or report.

    `findings` is the number of findings; None if it did not run. `fixes` are sentences or commands that make it
    evaluate more of the bill.
    """

    id: str
    kind: Literal["detection", "report"]
    title: str
    state: State
    reasons: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    findings: int | None = None
    not_evaluated: int = 0
    not_evaluated_monthly_cost: Decimal = Decimal(0)

    @property
    def runs(self) -> bool:
        """Whether to run the detection; also if only activity is missing, to count the resources that need it."""
        return self.state == "evaluated" or set(self.fixes) == {COLLECT}


@dataclass(frozen=True)
class BillFacts:
    """The input that a bill has; `matching` counts charges by id, and `filled` by id and column."""

    first_day: date | None
    settled_days: int
    matching: dict[str, int]
    filled: dict[tuple[str, str], int]
    namespaces: frozenset[str]
    files: frozenset[str]
    owners: frozenset[OwnersSetting]


@dataclass
class _Missing:
    """The input that a detection or report lacks."""

    reasons: list[str] = field(default_factory=list)
    fixes: list[str] = field(default_factory=list)

    def add(self, reason: str, fix: str) -> None:
        self.reasons.append(reason)
        self.fixes.append(fix)


def assess(
    bill: Bill, *, catalog: Catalog, owners: Owners, progress: Callable[[str], None] = lambda _: None
) -> list[Assessment]:
    """Return the assessment of each detection and report, in the order of `STATES`. Raises QueryError."""
    entries: list[Detection | Report] = [*catalog.live, *catalog.reports.values()]
    progress("Checking which charges the bill contains")
    facts = {
        on: bill_facts(on, entries=of_engine, owners=owners)
        for on in {id(bill.engine): bill.engine, id(bill.aws_engine): bill.aws_engine}.values()
        if (of_engine := [entry for entry in entries if engine_for(entry, bill=bill) is on])
    }
    inputs = DetectionInput(
        as_of=bill.as_of,
        first_new_day=first_new_day(bill.as_of, evaluated_until=None),
        required_tags=tuple(owners.routing.required_tags),
        per_usd=float(bill.summary.rate(owners).per_usd),
    )
    assessments = []
    for entry in entries:
        progress(f"Assessing {entry.id}")
        on = engine_for(entry, bill=bill)
        assessed = assess_input(entry, facts=facts[on], as_of=bill.as_of, kind=_kind_of(entry, catalog))
        if assessed.runs and entry.id in catalog.detections:
            assessed = _with_outcome(
                assessed, catalog.detections[entry.id], engine=on, catalog=catalog, inputs=inputs
            )
        assessments.append(assessed)
    return sorted(assessments, key=lambda one: (one.kind, STATES.index(one.state), one.id))


def engine_for(entry: Detection | Report, *, bill: Bill) -> Engine:
    """Return the engine over the charges that an entry evaluates: AWS charges for a detection of AWS, otherwise all."""
    header = entry.header
    if isinstance(header, DetectionHeader) and header.providers == "AWS":
        return bill.aws_engine
    return bill.engine


def bill_facts(engine: Engine, *, entries: Sequence[Detection | Report], owners: Owners) -> BillFacts:
    """Return the input that the bill on `engine` has, reading the charges once for all entries. Raises QueryError."""
    (days,) = engine.query(DAYS, label="assess")
    counts = {name: condition for entry in entries for name, condition in _counted(entry)}
    selected = ",\n    ".join(
        f"count(CASE WHEN {condition} THEN 1 END) AS c{number}"
        for number, condition in enumerate(counts.values())
    )
    (row,) = engine.query(f"SELECT\n    {selected}\nFROM daily_charges", label="assess")
    counted = dict(zip(counts, row.values(), strict=True))
    (files,) = engine.query(FILES, label="assess")
    return BillFacts(
        first_day=days["first_day"],
        settled_days=days["settled_days"] or 0,
        matching={id: count for (id, column), count in counted.items() if not column},
        filled={(id, column): count for (id, column), count in counted.items() if column},
        namespaces=frozenset(row["namespace"] for row in engine.query(NAMESPACES, label="assess")),
        files=frozenset(name for name, rows in files.items() if rows),
        owners=frozenset(_settings_of(owners)),
    )


def assess_input(
    entry: Detection | Report, *, facts: BillFacts, as_of: date, kind: Literal["detection", "report"]
) -> Assessment:
    """Return whether the bill has the input that `entry` needs, without running it."""
    needs, title = entry.header.needs, entry.header.title
    if not facts.matching[entry.id]:
        reason = f"the bill has no charges that this {kind} evaluates"
        return Assessment(entry.id, kind, title, "no charges", reasons=(reason,))
    missing = _missing(entry.id, needs, facts=facts, as_of=as_of, kind=kind)
    state: State = "not evaluated" if missing.reasons else "evaluated"
    return Assessment(entry.id, kind, title, state, tuple(missing.reasons), tuple(missing.fixes))


def _kind_of(entry: Detection | Report, catalog: Catalog) -> Literal["detection", "report"]:
    return "detection" if entry.id in catalog.detections else "report"


def _counted(entry: Detection | Report) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the conditions to count for an entry: its charges, and its charges with a value in each needed column."""
    charges = f"({entry.header.needs.charges or 'charges > 0'})"
    yield (entry.id, ""), charges
    for column in entry.header.needs.columns:
        yield (entry.id, column), f"{charges} AND {IS_FILLED[column]}"


def _settings_of(owners: Owners) -> Iterator[OwnersSetting]:
    settings: dict[OwnersSetting, Any] = {
        "monthly_budget": [plan for plan in owners.plans if plan.monthly_budget is not None],
        "use_cases": owners.use_cases,
        "principal_budgets": owners.principal_budgets,
        "experiments": [one for one in owners.use_cases.values() if one.intent == "experiment"],
        "usage_policies": owners.policy_rules,
        "spend_caps": [one for one in owners.use_cases.values() if one.on_cap],
    }
    yield from (name for name, values in settings.items() if values)


def _missing(id: str, needs: NeedsHeader, *, facts: BillFacts, as_of: date, kind: str) -> _Missing:
    missing = _Missing()
    for column in needs.columns:
        if not facts.filled[id, column]:
            missing.add(f"{column} is empty in all charges that this {kind} evaluates", FILL_COLUMN[column])
    if facts.settled_days < needs.history_days:
        wait = timedelta(days=needs.history_days - facts.settled_days)
        missing.add(
            f"this {kind} needs {needs.history_days} days of history, but the bill has {facts.settled_days} "
            f"complete day{'' if facts.settled_days == 1 else 's'}",
            f"Scan again on {as_of + wait} or later, or add older files to the export.",
        )
    if needs.activity and not facts.namespaces.intersection(needs.activity):
        missing.add(
            f"no CloudWatch activity for {' or '.join(needs.activity)} was collected",
            COLLECT,
        )
    for file in needs.files:
        if file not in facts.files:
            missing.add(f"no {file.replace('_', ' ')} file was provided", GIVE_FILE[file])
    for setting in needs.owners:
        if setting not in facts.owners:
            missing.add(
                f"owners.toml has no {SET_BY[setting]}",
                f"Add a {SET_BY[setting]} to owners.toml, and pass the file: "
                "focuswatch scan EXPORT --owners owners.toml",
            )
    return missing


def _with_outcome(
    assessed: Assessment, detection: Detection, *, engine: Engine, catalog: Catalog, inputs: DetectionInput
) -> Assessment:
    """Run the detection; return the assessment with its findings and the resources that it could not evaluate."""
    outcome = run_detection(detection, engine=engine, catalog=catalog, inputs=inputs)
    cost = sum((Decimal(str(row["monthly_cost"] or 0)) for row in outcome.not_evaluated), Decimal(0))
    count = len(outcome.not_evaluated)
    if outcome.lacks_input:
        return replace(assessed, state="not evaluated", reasons=(outcome.lacks_input,))
    reasons = list(assessed.reasons)
    if count:
        reasons.append(f"{count:,} {'resource has' if count == 1 else 'resources have'} no activity data")
    if outcome.error:
        reasons.append(outcome.error)
    partly: State = "partly evaluated" if reasons else "evaluated"
    return replace(
        assessed,
        state=partly if assessed.state == "evaluated" else assessed.state,
        reasons=tuple(reasons),
        fixes=(COLLECT,) if count else assessed.fixes,
        findings=len(outcome.rows),
        not_evaluated=count,
        not_evaluated_monthly_cost=cost,
    )
