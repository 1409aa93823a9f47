"""Lock the state folder of an export, so that only one scan of an export runs at a time."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from focuswatch.errors import ConfigError

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold the lock until the block ends. Raises ConfigError if another scan holds it, or the folder is read-only."""
    lock = FileLock(state / "lock", timeout=0)
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise ConfigError(
            f"Another scan of this export is running and has locked {state}. Wait until the other scan ends, "
            "or specify another folder with --state."
        ) from error
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        raise ConfigError(
            f"{state} is read-only, but this command writes to it. Make the folder writable, or copy the folder "
            "and specify the copy with --state. `focuswatch findings` does not require write access."
        ) from error
    try:
        yield
    finally:
        lock.release()
