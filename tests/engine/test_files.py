"""Reading within limits and writing whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from mechproof.engine.files import (
    CannotWrite,
    FileEmpty,
    FileMissing,
    FileTooLarge,
    FileUnreadable,
    NotAFile,
    atomic_write,
    read_bytes,
    write_together,
)


def test_reads_what_is_there(tmp_path):
    """A file of exactly the limit's size is read whole."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    assert read_bytes(path, 3) == read_bytes(str(path), 10) == b"abc"


def test_limit_is_exact(tmp_path):
    """One byte over the limit is refused, with both sizes in the error."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"abcd")
    with pytest.raises(FileTooLarge) as caught:
        read_bytes(path, 3)
    assert (caught.value.limit, caught.value.found) == (3, 4)
    assert str(caught.value) == f"{path}: expected at most 3 bytes, found 4"


def test_growing_file_is_bounded():
    """A file whose reported size is 0 and whose content is not is still held to the limit."""
    path = "/proc/self/status"
    if not os.path.isfile(path):
        pytest.skip("no /proc on this system")
    with pytest.raises(FileTooLarge):
        read_bytes(path, 3)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda path: None, FileMissing),
        (lambda path: path.mkdir(), NotAFile),
        (lambda path: os.mkfifo(path), NotAFile),
        (lambda path: path.touch(), FileEmpty),
        (lambda path: path.symlink_to(path), FileUnreadable),
        (lambda path: path.symlink_to("nowhere"), FileMissing),
    ],
    ids=["missing", "directory", "pipe", "empty", "loop", "dangling"],
)
def test_each_kind_of_bad_path_has_its_error(tmp_path, make, error):
    """No bad path blocks or raises anything but its own named error, whose sentence names the file."""
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(error) as caught:
        read_bytes(path, 100)
    assert str(caught.value).startswith(f"{path}: expected ")


def test_null_character_in_a_path():
    """A path that no system call takes is an unreadable file, not a crash, and prints on one line."""
    with pytest.raises(FileUnreadable) as caught:
        read_bytes("a\0b", 100)
    assert "\0" not in str(caught.value)


def test_write_then_read(tmp_path):
    """The written bytes replace older ones and no temporary file is left."""
    path = tmp_path / "out.bin"
    atomic_write(path, b"old content")
    atomic_write(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_written_file_has_ordinary_permissions(tmp_path):
    """The file is as readable as any the user creates, which temporary files often are not."""
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    atomic_write(tmp_path / "written", b"x")
    mode = stat.S_IMODE(os.stat(tmp_path / "written").st_mode)
    assert mode == stat.S_IMODE(os.stat(ordinary).st_mode)


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch, call):
    """When the system fails at any step, the old content stays and nothing lies beside it."""

    def fail(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "out.bin"
    atomic_write(path, b"old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(CannotWrite) as caught:
        atomic_write(path, b"new")
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    """An interrupt passes through, and the half-written file is gone."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "out.bin", b"new")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["no/such/folder/out.bin", "a\0b"])
def test_unwritable_paths(tmp_path, name):
    """A path that cannot be written ends in a named error."""
    with pytest.raises(CannotWrite):
        atomic_write(tmp_path / name, b"x")


def test_writing_onto_a_folder(tmp_path):
    """A folder is not replaced by a file."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite):
        atomic_write(tmp_path / "folder", b"x")
    assert os.listdir(tmp_path) == ["folder"]


def test_files_that_belong_together_are_written_together(tmp_path, monkeypatch):
    """When there is no room for the second, the first is as it was; nothing lies beside them."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    flush, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        flush(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CannotWrite) as caught:
            write_together({first: b"new", second: b"new"})
    assert caught.value.file == str(second)
    assert os.listdir(tmp_path) == ["a"] and first.read_bytes() == b"old"
    write_together({first: b"new", second: b"newer"})
    assert (first.read_bytes(), second.read_bytes()) == (b"new", b"newer")


@pytest.mark.parametrize("name", ["pipe", "folder", "link"])
def test_what_is_no_regular_file_is_not_replaced(tmp_path, name):
    """A device, a pipe or a folder stays what it is: --values /dev/full must not put a file in the device's place."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(CannotWrite, match="not a regular file"):
        write_together({tmp_path / "other": b"x", tmp_path / name: b"x"})
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode) and (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["folder", "link", "pipe"]


def test_a_link_stays_a_link(tmp_path):
    """What it points to is replaced, in the folder where that is."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("there/real")
    atomic_write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "there" / "real").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["link", "there"] and os.listdir(tmp_path / "there") == ["real"]
