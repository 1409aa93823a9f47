"""Determine which input of a detection or report a bill lacks, and the sentence or command that provides it.

The [needs] section of each file's header states the input that it needs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from focuswatch.catalog.sql_catalog import Detection, Report
from focuswatch.catalog.sql_header_models import InputFile, NeedsHeader, OwnersSetting
from focuswatch.engines import Engine
from focuswatch.owners.owners_file import Owners

IS_FILLED = {
    "ResourceId": "ResourceId IS NOT NULL",
    "ConsumedQuantity": "ConsumedQuantity IS NOT NULL",
}
FILL_COLUMN = {
    "ResourceId": "Include resource IDs in the export. The FOCUS 1.2 export of AWS Data Exports contains resource IDs.",
    "ConsumedQuantity": "Include the columns ConsumedQuantity and ConsumedUnit in the export.",
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
class MissingInput:
    """The input that a detection or report lacks."""

    reasons: list[str] = field(default_factory=list)
    fixes: list[str] = field(default_factory=list)

    def add(self, reason: str, fix: str) -> None:
        self.reasons.append(reason)
        self.fixes.append(fix)


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


def missing_input(id: str, needs: NeedsHeader, *, facts: BillFacts, as_of: date, kind: str) -> MissingInput:
    """Return the input that the bill lacks of what a detection or report with this id `needs`."""
    missing = MissingInput()
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
