"""Machine code on the disk: what was kept is found, and nothing else ever runs."""

import os
import threading

import numpy as np
import pytest

from tinygrad_edu.compiler import cache, native
from tinygrad_edu.compiler.execute import Executor

from ..program.test_reading import read


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_EDU_CACHE", str(tmp_path / "kept"))
    cache._key.cache_clear()
    yield tmp_path / "kept"
    cache._key.cache_clear()


def test_what_was_kept_is_found_under_its_name_only(place):
    assert cache.found("a") is None
    cache.keep("a", b"code")
    assert cache.found("a") == b"code"
    (place / "a.code").rename(place / "b.code")
    assert cache.found("b") is None
    assert cache.name_of("ab", "c") != cache.name_of("a", "bc")


SPOILT = {
    "tampered": lambda content: content[:-1] + b"!",
    "torn": lambda content: content[:20],
    "longer": lambda content: content + b"!",
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_files_are_not_used_and_are_written_again(place, name):
    cache.keep("a", b"some code")
    path = place / "a.code"
    path.write_bytes(SPOILT[name](path.read_bytes()))
    assert cache.found("a") is None
    cache.keep("a", b"some code")
    assert cache.found("a") == b"some code"


def test_files_of_another_key_are_not_used(place):
    cache.keep("a", b"code")
    (place / "key").write_bytes(bytes(cache.SIZE))
    cache._key.cache_clear()
    assert cache.found("a") is None


def test_a_folder_that_others_write_to_keeps_nothing(place):
    if not hasattr(os, "getuid"):
        return  # Windows: folders belong to their user
    place.mkdir()
    place.chmod(0o777)
    cache.keep("a", b"code")
    assert os.listdir(place) == []


def test_what_was_used_longest_ago_goes_first(place, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 3 * (1000 + cache.SIZE))
    for k, name in enumerate("abc"):
        cache.keep(name, bytes(1000))
        os.utime(place / f"{name}.code", (k, k))
    assert cache.found("a") is not None  # it is the newest now
    cache.keep("d", bytes(1000))
    assert [name for name in "abcd" if cache.found(name)] == ["a", "c", "d"]


def test_nothing_is_kept_where_that_is_switched_off_or_impossible(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for named in ("off", str(tmp_path / "file" / "kept")):
        monkeypatch.setenv("TINYGRAD_EDU_CACHE", named)
        cache._key.cache_clear()
        cache.keep("a", b"code")
        assert cache.found("a") is None


def test_writers_at_once_leave_whole_files(place):
    found = []

    def work(k):
        for i in range(5):
            cache._key.cache_clear()  # as another process would
            cache.keep("a", bytes([k]) * 5000)
            found.append(cache.found("a"))
            cache.keep(f"{k} {i}", b"code")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(code in [bytes([k]) * 5000 for k in range(4)] for code in found)
    assert all(cache.found(f"{k} {i}") == b"code" for k in range(4) for i in range(5))


@pytest.mark.skipif(not native.available(), reason="machine code needs llvmlite")
def test_a_program_that_was_compiled_is_not_compiled_again(place, monkeypatch):
    x = np.linspace(-1, 1, 50)
    program = read(lambda x: np.tanh(x) * 3 + np.sum(x), x)
    expected = Executor(program)([x])[0]
    monkeypatch.setattr(native, "_code", None)
    again = read(lambda x: np.tanh(x) * 3 + np.sum(x), x)
    assert np.array_equal(Executor(again)([x])[0], expected)
