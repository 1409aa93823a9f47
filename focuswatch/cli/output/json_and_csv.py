"""Format findings, report rows and explanations as JSON or CSV, safe for terminals and spreadsheets."""

import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

import typer

from focuswatch.engines import Row
from focuswatch.findings.cost_increase_explanation_models import Explanation
from focuswatch.findings.finding import Finding
from focuswatch.findings.replace_control_characters import UNSEEN, escaped_json, visible
from focuswatch.findings.value_as_json import json_value

# Characters that start a spreadsheet formula. The last four are full-width forms.
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
PRINTED_AT_ONCE = 500  # findings, each of a few kilobytes
LINE = "\n"
SKIPPED = re.compile(rf"\A(?:\s|{UNSEEN.pattern})+")  # a spreadsheet may ignore these before a formula


def print_findings_json(findings: Iterable[Finding]) -> None:
    """Print a JSON list of findings with the schema docs/finding.schema.json.

    The list is printed in chunks, because the JSON of very many findings does not fit into one string.
    """
    parts = findings_json(findings)
    while some := list(islice(parts, PRINTED_AT_ONCE)):
        typer.echo("".join(some), nl=False)
    typer.echo()


def findings_json(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the parts of a JSON list of findings."""
    separator = "["
    for finding in findings:
        text = _printable(finding.model_dump_json(by_alias=True, indent=2))
        yield f"{separator}\n  {text.replace(LINE, LINE + '  ')}"
        separator = ","
    yield "[]" if separator == "[" else "\n]"


def rows_json(rows: Sequence[Row]) -> str:
    """Return a JSON list of objects keyed by column."""
    return json_text([{key: json_value(value) for key, value in row.items()} for row in rows])


def report_json(rows: Sequence[Row], *, head: dict[str, Any]) -> str:
    """Return a JSON object with the keys of `head`, and the key `rows` with a list of objects keyed by column."""
    listed = [{key: json_value(value) for key, value in row.items()} for row in rows]
    return json_text({**{key: json_value(value) for key, value in head.items()}, "rows": listed})


def explanation_json(finding: Finding, explanation: Explanation) -> str:
    """Return a JSON object with the finding's fingerprint and its explanation, as in docs/finding.schema.json."""
    identity = {"fingerprint": finding.fingerprint, "currency": finding.currency}
    return json_text(identity | explanation.model_dump(mode="json"))


def json_text(document: Any) -> str:
    """Return JSON that stdout can encode: characters that its encoding lacks become equivalent `\\u…` escapes."""
    return _printable(json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False))


def _printable(text: str) -> str:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), indent=2, allow_nan=False)
    return escaped_json(text)


def finite(value: Any) -> Any:
    """Return `value` with None for every NaN and infinity, which JSON cannot represent: RFC 8259, section 6."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
    return value


def rows_csv(rows: Sequence[Row], *, columns: Sequence[str], exact: bool = False) -> str:
    """Return CSV with a header line, even without rows; null becomes an empty field.

    With `exact`, decimals keep all their digits: 12.10 instead of 12.1.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {
            key: value if exact and isinstance(value, Decimal) else _cell(json_value(value))
            for key, value in row.items()
        }
        for row in rows
    )
    return text.getvalue()


def _cell(value: object) -> object:
    """Return a cell that a spreadsheet does not read as a formula: https://owasp.org/www-community/attacks/CSV_Injection."""
    if not isinstance(value, str):
        return value
    first = SKIPPED.sub("", value)[:1]
    return visible(f"'{value}" if first in FORMULA or value[:1] in ("\t", "\r", "\n") else value)
