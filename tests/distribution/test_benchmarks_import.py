"""Every benchmark can be imported, as the commands in benchmarks/results run it."""

import subprocess
import sys

from tests.given.deployments import ROOT

IMPORT_ALL = """
import importlib, pathlib, sys
sys.path[:0] = [".", "benchmarks"]  # `python -m benchmarks.cost` and `python benchmarks/scale.py`
failed = []
for path in sorted(pathlib.Path("benchmarks").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts)
    try:
        importlib.import_module(name.removeprefix("benchmarks.") if "scaling" in name or name in {direct} else name)
    except Exception as error:
        failed.append(f"{{path}}: {{error}}")
sys.exit("\\n".join(failed) or 0)
"""


def test_every_benchmark_imports() -> None:
    direct = {
        f"benchmarks.{path.stem}"
        for path in (ROOT / "benchmarks").glob("*.py")
        if f"python benchmarks/{path.name}" in path.read_text(encoding="utf-8")
    }
    command = [sys.executable, "-c", IMPORT_ALL.format(direct=direct)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
