"""Render the root cause of a cost increase and the evidence of a finding as Slack rich text with bullet lists."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from focuswatch.findings.cost_increase_explanation_text import explanation_details, explanation_headline
from focuswatch.findings.evidence_labels_and_values_that_fill_placeholders import (
    display_values,
    evidence_label,
)
from focuswatch.findings.finding import Finding
from focuswatch.findings.limit_finding_bytes import whole_length
from focuswatch.notify.one_line_and_truncated_text import one_line, truncate
from focuswatch.notify.slack.block_kit_elements import Block, bullets, line_feed, rich, section, spaced, words

MOST_COLUMNS = 7
MOST_VALUES = 3
VALUE_CHARACTERS = 160
# Columns with the first and the last day of a period; `strange_…` are earlier names, still in stored findings.
DAYS = (("first_day", "last_day"), ("anomalous_from", "anomalous_until"), ("strange_from", "strange_until"))
SETTINGS = {"lookback_days", "history_days", "score"}  # parameters of the detection, not evidence
# Evidence that the explanation already states.
EXPLAINED = {
    "meter",
    "cause_region_id",
    "cause_resource_id",
    "operation",
    "moved",
    "cause",
    "causes",
}
MOST_REASONS = 12
REASON_CHARACTERS = 320
ACRONYMS = {"ai": "AI", "gb": "GB", "gpu": "GPU", "id": "ID", "ids": "IDs", "ocu": "OCU"}


def render_explanation(finding: Finding) -> Block | None:
    """Return the root cause: cost drivers, and what started, stopped or changed; None without an explanation."""
    if finding.explanation is None:
        return None
    headline = explanation_headline(finding.explanation, currency=finding.currency)
    lines = list(islice(explanation_details(finding.explanation, currency=finding.currency), MOST_REASONS))
    heading = section([words("Root cause", style="bold"), line_feed(), words(headline)])
    if not lines:
        return rich(heading)
    return rich(heading, bullets([words(line, most=REASON_CHARACTERS)] for line in lines))


def render_evidence(finding: Finding) -> Block | None:
    """Return the evidence that neither the reason nor the action already contains; None if there is none."""
    columns = list(_columns(finding))
    if not columns:
        return None
    most = MOST_COLUMNS if len(columns) > MOST_COLUMNS + 1 else len(columns)
    items = [[words(name), spaced(f": {value}")] for name, value in columns[:most]]
    if len(columns) > most:
        items.append([words(f"and {len(columns) - most} more")])
    return rich(section([words("Evidence", style="bold")]), bullets(items))


def _columns(finding: Finding) -> Iterator[tuple[str, str]]:
    evidence = {
        name: value
        for name, value in finding.evidence.items()
        if name not in SETTINGS and value not in (None, [], {}, "")
        if finding.explanation is None or name not in EXPLAINED
    }
    tags = evidence.pop("tags", None)
    for first, last in DAYS:
        if first in evidence and last in evidence and (until := evidence.pop(last)) != evidence[first]:
            evidence[first] = f"{evidence[first]} to {until}"
    for name, value in evidence.items():
        if not _is_in_text(value, finding):
            yield _label(name), _readable(value, column=name)
    if isinstance(tags, Mapping):
        yield "tags", _readable([f"{key}={value}" for key, value in sorted(tags.items())])


def _is_in_text(value: Any, finding: Finding) -> bool:
    """Return whether the reason or the action contains the value; False for a number, which needs its name."""
    if not isinstance(value, Sequence):
        return False
    text = display_values({"": value})[""]
    return text in finding.reason or text in finding.action


def _label(column: str) -> str:
    if column in dict(DAYS):
        return "days"
    column = evidence_label(column)
    return " ".join(ACRONYMS.get(word, word) for word in column.split("_"))


def _readable(value: Any, *, column: str = "") -> str:
    """Return a value as readable text; for a list, the first values and the number of the others."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        texts = [_readable(item) for item in islice(value, MOST_VALUES)]
        more = whole_length(value) - len(texts)
        return ", ".join(texts) + (f" and {more:,} more" if more else "")
    if isinstance(value, Mapping):
        return _readable([item if key == "…" else f"{key} {_readable(item)}" for key, item in value.items()])
    return truncate(one_line(display_values({column: value})[column]), VALUE_CHARACTERS) or "-"
