"""Limit the size of a finding to the limits of DynamoDB and SNS, and mark omitted text and values.

An item of the ledger holds a finding once for the entry and once for each pending notification; the limit of DynamoDB
is 400 KB per item. The limit of SNS is 256 KB per message; a message about a new Region holds its finding twice.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from focuswatch.findings.count_text import count_text
from focuswatch.findings.fast_model_copy import copy_with

if TYPE_CHECKING:
    from focuswatch.findings.finding import Finding

FINDING_BYTES = 32_000  # size of a finding's JSON
PLACES = ("sub_account_id", "sub_account_name", "region_id", "resource_id", "service_name")
TEXTS = (*PLACES, "currency", "title", "reason", "action")
MORE = re.compile(r"… and ([\d,]+) more\Z")


class Limits(NamedTuple):
    """Maximum characters of a finding's texts and of a text in its evidence; maximum values of a list or map there."""

    text: int
    evidence: int
    values: int


# Tried in this order, from limits that no real finding reaches to the tightest.
LIMITS = (Limits(4_000, 4_000, 100), Limits(4_000, 1_000, 25), Limits(4_000, 200, 5), Limits(400, 200, 5))


def limit_size(finding: "Finding") -> "Finding":
    """Return the finding with long texts and evidence cut; the fingerprint does not change."""
    for limits in LIMITS:
        texts = {name: _cut(getattr(finding, name), limits.text) for name in TEXTS}
        evidence = {
            _cut(name, limits.evidence): _short(one, limits) for name, one in finding.evidence.items()
        }
        shorter = copy_with(finding, {**texts, "evidence": evidence})
        if _size(shorter) <= FINDING_BYTES:
            return shorter
    return _with_fewer_columns(shorter)


def whole_length(values: Sequence[Any]) -> int:
    """Return the number of values that a list had before `limit_size` cut it."""
    marker = MORE.match(values[-1]) if values and isinstance(values[-1], str) else None
    return len(values) - 1 + int(marker[1].replace(",", "")) if marker else len(values)


def _short(value: Any, limits: Limits) -> Any:
    match value:
        case str():
            return _cut(value, limits.evidence)
        case list() | tuple():
            kept = [_short(one, limits) for one in value[: limits.values]]
            return kept + [_more(value, limits)] * (len(value) > limits.values)
        case dict():
            names = list(value)[: limits.values]
            some = {_cut(str(name), limits.evidence): _short(value[name], limits) for name in names}
            return some | ({"…": _more(value, limits)} if len(value) > limits.values else {})
    return value


def _more(value: Any, limits: Limits) -> str:
    return f"… and {len(value) - limits.values:,} more"


def _cut(text: Any, most: int) -> Any:
    """Return `text`, or its beginning and the number of characters left out; other values are unchanged."""
    if not isinstance(text, str) or len(text) <= most:
        return text
    return f"{text[:most]}… ({len(text) - most:,} more characters)"


def _with_fewer_columns(finding: "Finding") -> "Finding":
    """Return the finding with the first evidence columns, as many as fit."""
    room = FINDING_BYTES - _size(copy_with(finding, {"evidence": {"…": f"{2**31:,} more columns"}}))
    kept: dict[str, Any] = {}
    for name, value in finding.evidence.items():
        room -= len(json.dumps({name: value}, ensure_ascii=True, default=str))
        if room < 0:
            break
        kept[name] = value
    more = len(finding.evidence) - len(kept)
    kept["…"] = f"and {count_text(more, 'more column')}"
    return copy_with(finding, {"evidence": kept})


def _size(finding: "Finding") -> int:
    return len(finding.model_dump_json(by_alias=True).encode())
