"""The lock on the state folder of an export."""

import errno
import os

import pytest
from filelock import FileLock

from focuswatch.bill.state_lock import locked
from focuswatch.errors import ConfigError


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_error_for_a_read_only_state_says_what_to_do(tmp_path, monkeypatch, number):
    """Tests may run as root, who can write anywhere, so the test raises the error of the operating system."""

    def refused(self):
        raise OSError(number, os.strerror(number), str(tmp_path / "lock"))

    monkeypatch.setattr(FileLock, "acquire", refused)
    with pytest.raises(ConfigError, match=r"is read-only.*--state") as raised, locked(tmp_path):
        pass
    assert str(tmp_path) in str(raised.value)


def test_another_error_of_the_file_system_is_not_hidden(tmp_path, monkeypatch):
    """A full disk is not reported as a missing permission."""

    def full(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileLock, "acquire", full)
    with pytest.raises(OSError, match="No space left"), locked(tmp_path):
        pass


def test_error_names_a_running_scan_as_the_reason(tmp_path):
    """It is not reported as a missing permission."""
    refusal = pytest.raises(ConfigError, match="Another scan of this export is running")
    with locked(tmp_path), refusal, locked(tmp_path):
        pass
