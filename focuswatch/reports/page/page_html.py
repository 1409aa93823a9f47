"""Render the page's document as one HTML file that contains its style, scripts and data, and fetches nothing.

The data is gzipped JSON in base64: 5,000 findings are 7 MB uncompressed, and base64 text cannot close an HTML tag. A
strict Content-Security-Policy allows only the page's own style and scripts, by their hashes.
"""

import base64
import gzip
import hashlib
import json
from pathlib import Path
from string import Template
from typing import Any

FOLDER = Path(__file__).parent
# Scripts that share one scope, each after the scripts that it uses.
SCRIPT = (
    "format",
    "elements",
    "charts",
    "spend",
    "forecast",
    "ai",
    "finding_chart",
    "finding_row",
    "findings",
    "gpus",
    "spend_rate",
    "weekly_changes",
    "unallocated",
    "savings",
    "coverage",
    "portfolio",
    "page",
)
# The <style> that Observable Plot 0.6 adds to each chart; its class is set in script/charts.js.
# https://github.com/observablehq/plot/blob/v0.6.17/src/plot.js
PLOT_STYLE = """:where(.chart) {
  --plot-background: white;
  display: block;
  height: auto;
  height: intrinsic;
  max-width: 100%;
}
:where(.chart text),
:where(.chart tspan) {
  white-space: pre;
}"""


def render_page(document: dict[str, Any]) -> str:
    """Return the HTML of the page. The same document always gives the same text."""
    style = _read("page.css")
    libraries = [_read(f"vendor/{name}.min.js") for name in ("d3", "plot.umd")]
    script = "".join(
        ("'use strict';\n(() => {\n", *(_read(f"script/{name}.js") for name in SCRIPT), "})();\n")
    )
    scripts = [*libraries, script]
    return Template(_read("page.html")).substitute(
        policy=_policy(styles=[style, PLOT_STYLE], scripts=scripts),
        style=style,
        data=_compressed(document),
        scripts="\n".join(f"<script>{source}</script>" for source in scripts),
    )


def _policy(*, styles: list[str], scripts: list[str]) -> str:
    """Return the Content-Security-Policy: https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy"""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _compressed(document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
