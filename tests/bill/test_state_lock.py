"""The lock on the folder of an export's state."""

import errno
import os

import pytest
from filelock import FileLock

from focuswatch.bill.state_lock import locked
from focuswatch.errors import ConfigError


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_read_only_state_is_refused_in_one_sentence_with_what_to_do(tmp_path, monkeypatch, number):
    """Tests may run as root, who can write anywhere: the error is the operating system's own."""

    def refused(self):
        raise OSError(number, os.strerror(number), str(tmp_path / "lock"))

    monkeypatch.setattr(FileLock, "acquire", refused)
    with pytest.raises(ConfigError, match=r"is read-only.*--state") as raised, locked(tmp_path):
        pass
    assert str(tmp_path) in str(raised.value)


def test_another_error_of_the_file_system_is_not_hidden(tmp_path, monkeypatch):
    """A full disk is no question of permissions."""

    def full(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileLock, "acquire", full)
    with pytest.raises(OSError, match="No space left"), locked(tmp_path):
        pass


def test_a_scan_that_is_running_is_named_as_the_reason(tmp_path):
    """And not taken for a permission."""
    another = pytest.raises(ConfigError, match="Another scan of this export is running")
    with locked(tmp_path), another, locked(tmp_path):
        pass
