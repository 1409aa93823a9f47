"""The document as one HTML file: style, scripts and data inside, nothing fetched, nothing that a name could start.

The data is compressed JSON in base64 (5,000 findings would be 7 MB as they are), an alphabet in which no tag can be
closed. A strict Content-Security-Policy allows the style and the scripts that stand here, by their hashes, and no more.
"""

import base64
import gzip
import hashlib
import json
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).parent
# One scope over several files, in the order in which they use each other.
SCRIPT = ("words", "elements", "charts", "layers", "days", "tables", "plan", "findings", "page")
# Observable Plot 0.6 gives each chart a <style> of its own; its class is set in script/charts.js.
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


def html(document: dict[str, Any]) -> str:
    """The page. The same document gives the same text."""
    style = _read("page.css")
    libraries = [_read(f"vendor/{name}.min.js") for name in ("d3", "plot.umd")]
    script = "".join(
        ("'use strict';\n(() => {\n", *(_read(f"script/{name}.js") for name in SCRIPT), "})();\n")
    )
    scripts = [*libraries, script]
    return Template(_read("page.html")).substitute(
        policy=_policy(styles=[style, PLOT_STYLE], scripts=scripts),
        style=style,
        data=_packed(document),
        scripts="\n".join(f"<script>{one}</script>" for one in scripts),
    )


def _policy(*, styles: list[str], scripts: list[str]) -> str:
    """https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Content-Security-Policy"""
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


def _packed(document: dict[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
