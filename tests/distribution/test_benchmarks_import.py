"""Every benchmark can be imported under the name that the commands in benchmarks/results use."""

import subprocess
import sys
from pathlib import Path

from tests.given.deployments import ROOT

BENCHMARKS = ROOT / "benchmarks"
ALL_IMPORTED = "all imported"


def test_every_benchmark_imports() -> None:
    names = [import_name(path) for path in sorted(BENCHMARKS.rglob("*.py"))]
    statements = [f"import {name}" for name in names]
    code = "\n".join(
        ["import sys", "sys.path[:0] = ['.', 'benchmarks']", *statements, f"print({ALL_IMPORTED!r})"]
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0 and ran.stdout.endswith(f"{ALL_IMPORTED}\n"), ran.stderr
    assert {"scale", "scaling.findings", "benchmarks.cost"} <= set(names)


def import_name(path: Path) -> str:
    """Return the name under which a command imports it: `python benchmarks/scale.py`, `python -m benchmarks.cost`."""
    within = ".".join(path.relative_to(BENCHMARKS).with_suffix("").parts)
    is_script = f"python benchmarks/{path.name}" in path.read_text(encoding="utf-8")
    return within if is_script or within.startswith("scaling") else f"benchmarks.{within}"
