"""Files: paths as users give them, a new file that is written whole or not at all, and streams read no further
than they say."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import DTypeError

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows, where an open file can be neither moved nor removed
    fcntl = None

PREFIX, SUFFIX = ".tinygrad_edu-", ".tmp"  # of files that are being written
CALLS = {"save": "tg.save('w.st', state), the path first", "load": "tg.load('w.st')"}
STALE = 3600  # seconds after which such a file is taken for left behind, where files cannot be locked
CHUNK = 1 << 20


def as_path(who: str, path: object) -> Path:
    """A path as users name it: a text, bytes or a Path."""
    if not isinstance(path, str | bytes | os.PathLike):
        call = CALLS.get(who, "'w.st'")
        raise DTypeError(f"{who}: the path must be a text or a Path; got {type(path).__name__}; write such as {call}")
    text = os.fsdecode(path)
    if not text or "\0" in text:
        raise ValueError(f"{who}: the path must name a file; got {text!r}; write such as 'w.st'")
    return Path(text)


@contextmanager
def told(who: str, path: Path, must: str) -> Iterator[None]:
    """Errors of the file system keep their class and number, and say in this package's words what was refused."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # one of ours
            raise
        said = type(error)(
            f"{who}: the path must {must}; got {str(path)!r} ({error.strerror}); check the folder, its permissions "
            "and the room on the disk"
        )
        said.errno = error.errno
        raise said from error


def write_whole(who: str, path: object, content: bytes) -> None:
    """Write `content` beside `path`, bring it to the disk, and only then give it the name.

    The file has the mode that `open()` would give it. A link stays, and what it points to is replaced. A pipe or a
    device is written to. What a writer that was killed has left in the folder is removed.
    """
    path = as_path(who, path)
    with told(who, path, "be a writable place"):
        try:
            old = os.stat(path)
        except FileNotFoundError:
            old = None
        if old is None or stat.S_ISREG(old.st_mode):
            _replace(who, Path(os.path.realpath(path)), old, content)
        elif stat.S_ISFIFO(old.st_mode) or stat.S_ISCHR(old.st_mode):
            with open(path, "wb") as file:
                file.write(content)
        else:
            kind = "a folder" if stat.S_ISDIR(old.st_mode) else "a socket or a disk"
            raise IsADirectoryError(f"{who}: the path must name a file; got {str(path)!r}, {kind}; add a name")


def _replace(who: str, path: Path, old: os.stat_result | None, content: bytes) -> None:
    if old is not None and not os.access(path, os.W_OK):
        raise PermissionError(f"{who}: the file must be writable; got {str(path)!r}, read-only; remove it first")
    _clear(path.parent)
    while not _written(path, old, content):  # its file was taken for left behind before it was locked
        continue
    _sync_folder(path.parent)


def _written(path: Path, old: os.stat_result | None, content: bytes) -> bool:
    temporary = path.parent / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"  # short, whatever the name of `path`
    try:
        with open(temporary, "xb") as file:
            if not _held(file.fileno(), temporary):
                return False
            if old is not None:
                _take_over(file.fileno(), old)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:  # while it is locked, so that nobody takes it for left behind
                os.replace(temporary, path)
        if fcntl is None:
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return True


def _held(file: int, path: Path) -> bool:
    """Lock a new file until it is closed, also by the death of the process; False if it has been removed."""
    if fcntl is not None:
        with contextlib.suppress(OSError):  # a file system that cannot lock: then nobody removes it either
            fcntl.flock(file, fcntl.LOCK_EX)
    return path.exists()


def _take_over(file: int, old: os.stat_result) -> None:
    """The owner, as far as that is allowed, and the mode of the file to be replaced."""
    if hasattr(os, "fchown"):
        new = os.fstat(file)
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            with contextlib.suppress(OSError):
                os.fchown(file, old.st_uid, old.st_gid)
        os.fchmod(file, stat.S_IMODE(old.st_mode))


def _dead(file: int) -> bool:
    """Whether the writer of a file is dead: nobody holds it, or, where files cannot be locked, it is old."""
    if fcntl is None:
        return time.time() - os.fstat(file).st_mtime > STALE
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system that cannot lock
        return False
    return True


def _clear(folder: Path) -> None:
    """Remove what writers that are dead have left: files that can be locked and still have their name."""
    with contextlib.suppress(OSError):
        names = [n for n in os.listdir(folder) if n.startswith(PREFIX) and n.endswith(SUFFIX)]
        for name in names:
            with contextlib.suppress(OSError):
                _clear_one(folder / name)


def _clear_one(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        dead = stat.S_ISREG(os.fstat(file).st_mode) and _dead(file)
        if dead and fcntl is not None:  # while it is locked: a new writer waits, and sees that it is gone
            os.unlink(path)
    finally:
        os.close(file)
    if dead and fcntl is None:
        os.unlink(path)


def _sync_folder(folder: Path) -> None:
    """So that the new name, too, outlasts a power cut, where folders can be brought to the disk."""
    if hasattr(os, "O_DIRECTORY"):
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def read_exactly(stream: Any, size: int, after: bytes = b"") -> bytes | None:
    """`after` and the next `size` bytes of a stream, None if there are fewer. Memory is taken as they come."""
    parts, rest = [after], size
    while rest and (part := stream.read(min(rest, CHUNK))):
        parts.append(part)
        rest -= len(part)
    return None if rest else b"".join(parts)
