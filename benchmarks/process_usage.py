"""Measure a command as a whole process: wall and CPU seconds and peak memory, as the operating system counts them."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """The measurement of one run."""

    wall_seconds: float
    cpu_seconds: float
    peak_gib: float


def measure(command: Sequence[str]) -> Measured:
    """Run `command` to its end and discard its output. Raise RuntimeError if it fails."""
    started = time.monotonic()
    # Python may write bytecode, so that later runs do not include compilation.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024**2)
