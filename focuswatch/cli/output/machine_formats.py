"""Findings and rows as JSON and CSV."""

import csv as csv_module
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from focuswatch.engines import Row
from focuswatch.findings.explanation import Explanation
from focuswatch.findings.finding import Finding, json_value
from focuswatch.findings.visible_text import UNSEEN, escaped_json, visible

# Signs that begin a formula, of full width too; and all that a spreadsheet may pass over before one.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
NOTHING = re.compile(rf"\A(?:\s|{UNSEEN.pattern})+")


def findings(found: Iterable[Finding]) -> str:
    """A JSON list of findings, as docs/finding.schema.json describes each."""
    listed = [finding.model_dump(mode="json", by_alias=True) for finding in found]
    return written(listed)


def rows(found: Sequence[Row]) -> str:
    """A JSON list of objects keyed by column."""
    listed = [{key: json_value(value) for key, value in row.items()} for row in found]
    return written(listed)


def explanation(finding: Finding, explained: Explanation) -> str:
    """A JSON object: whose explanation it is, and its fields as docs/finding.schema.json describes them."""
    told = {
        "fingerprint": finding.fingerprint,
        "currency": finding.currency,
        **explained.model_dump(mode="json"),
    }
    return written(told)


def written(document: Any) -> str:
    """Return JSON in the characters of stdout: what its encoding lacks is written as `\\u…`, and means the same."""
    document = finite(document)
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2, allow_nan=False)
    return escaped_json(text)


def finite(value: Any) -> Any:
    """Return `value` with null for every NaN and infinity, which JSON does not have: RFC 8259, section 6."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: finite(one) for key, one in value.items()}
        case list() | tuple():
            return [finite(one) for one in value]
    return value


def csv(found: Sequence[Row], *, columns: Sequence[str]) -> str:
    """CSV with a header line, also where there are no rows; null is empty."""
    text = io.StringIO()
    writer = csv_module.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(json_value(value)) for key, value in row.items()} for row in found)
    return text.getvalue()


def _cell(value: object) -> object:
    """Text that a spreadsheet takes for text and not for a formula: https://owasp.org/www-community/attacks/CSV_Injection."""
    if not isinstance(value, str):
        return value
    begins = NOTHING.sub("", value)[:1]
    return visible(f"'{value}" if begins in FORMULA or value[:1] in ("\t", "\r", "\n") else value)
