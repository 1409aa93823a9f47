"""Findings and rows as JSON and CSV."""

import csv as csv_module
import io
import json
from collections.abc import Iterable, Sequence

from focuswatch.engine import Row
from focuswatch.findings import Finding, plain


def findings(found: Iterable[Finding]) -> str:
    """A JSON list of findings, as docs/finding.schema.json describes each."""
    listed = [finding.model_dump(mode="json", by_alias=True) for finding in found]
    return json.dumps(listed, indent=2, ensure_ascii=False)


def rows(found: Sequence[Row]) -> str:
    """A JSON list of objects keyed by column."""
    return json.dumps(
        [{key: plain(value) for key, value in row.items()} for row in found], indent=2, ensure_ascii=False
    )


def csv(found: Sequence[Row]) -> str:
    """CSV with a header line; null is empty."""
    text = io.StringIO()
    if found:
        writer = csv_module.DictWriter(text, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: plain(value) for key, value in row.items()} for row in found)
    return text.getvalue()
