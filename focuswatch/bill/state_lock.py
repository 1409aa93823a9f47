"""A lock on the folder of an export's state, so that one scan of an export runs at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from focuswatch.errors import ConfigError


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold the lock until the block ends. Raises ConfigError if another scan holds it."""
    state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(state / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ConfigError(
            f"Another scan of this export is running and has locked {state}. Wait until it ends, or specify another "
            "--state."
        ) from error
    try:
        yield
    finally:
        lock.release()
