"""Machine code on the disk, so that what was compiled once starts at once in the next process.

A file is named by a digest of all that the code follows from, and begins with a keyed digest (HMAC-SHA256) of its name
and content, with a key that only this user can read. A file that is torn, tampered with, or of another key is taken for
none: the code is compiled again. Files are written whole; the oldest go where there are too many bytes.

The folder is `TINYGRAD_EDU_CACHE`, or one where the system keeps such things; `TINYGRAD_EDU_CACHE=off` keeps nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import sys
from functools import cache
from pathlib import Path

from ..files import write_whole

LIMIT = 256 << 20  # bytes of all files
SIZE = hashlib.sha256().digest_size
ENDING = ".code"


def folder() -> Path | None:
    """Where machine code is kept; None where it is not."""
    named = os.environ.get("TINYGRAD_EDU_CACHE")
    if named == "off":
        return None
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "tinygrad_edu" if base and not base.startswith("~") else None


def name_of(*parts: str) -> str:
    """The name of what follows from these texts alone."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def found(name: str) -> bytes | None:
    """The code that was kept under a name, if it is what was kept."""
    place = folder()
    key = _key(place) if place is not None else None
    if place is None or key is None:
        return None
    path = place / (name + ENDING)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if not hmac.compare_digest(content[:SIZE], _digest(key, name, content[SIZE:])):
        return None
    with contextlib.suppress(OSError):  # the oldest go first
        os.utime(path)
    return content[SIZE:]


def keep(name: str, code: bytes) -> None:
    """Keep code under a name. A folder that cannot be written to keeps nothing: it is there to save time."""
    place = folder()
    key = _key(place) if place is not None else None
    if place is None or key is None:
        return
    with contextlib.suppress(OSError):
        write_whole("compile", place / (name + ENDING), _digest(key, name, code) + code)
        _bound(place)


def _digest(key: bytes, name: str, code: bytes) -> bytes:
    return hmac.digest(key, name.encode() + b"\n" + code, "sha256")


@cache
def _key(place: Path) -> bytes | None:
    """The key of a folder, made with it; None where others could write into the folder, or nobody can."""
    path = place / "key"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _private(place):
            return None
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                if len(key := path.read_bytes()) == SIZE and _private(path):
                    return key
                path.unlink()
            _new_key(path)
        return None
    except OSError:
        return None


def _new_key(path: Path) -> None:
    """Give a new key the name, unless another process was first."""
    part = path.with_name(f"key-{secrets.token_hex(8)}")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, secrets.token_bytes(SIZE))
    finally:
        os.close(file)
    try:
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()


def _private(path: Path) -> bool:
    """Whether it belongs to this user, and no other may write to it."""
    if not hasattr(os, "getuid"):
        return True
    now = path.stat()
    return now.st_uid == os.getuid() and not now.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _bound(place: Path) -> None:
    """Remove the files that were used longest ago, until there is room."""
    files = []
    for path in place.glob(f"*{ENDING}"):
        with contextlib.suppress(OSError):  # another process has removed it
            now = path.stat()
            files.append((now.st_mtime, now.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= LIMIT:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
