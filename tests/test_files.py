"""Files: what a save leaves on the disk, whatever stands there before and whatever happens meanwhile."""

import errno
import gzip
import itertools
import os
import re
import stat
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu import data, files, io

pytest.importorskip("safetensors.numpy")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
FORM = re.compile(r"\A[\w ]+: .+; .+; .+\Z", re.DOTALL)
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def ones(path):
    return io.load(path)["w"].tolist()


def save(path, n=1):
    io.save(path, {"w": np.ones(n)})


def python(program, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        **options,
    )


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_that_open_gives(tmp_path, monkeypatch, mask):
    before = os.umask(mask)
    try:
        (tmp_path / "theirs").touch()
        with monkeypatch.context() as m:
            m.setattr(os, "umask", lambda mask: pytest.fail("the umask is the whole process's"))
            save(tmp_path / "ours")
    finally:
        os.umask(before)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@posix
def test_an_old_file_keeps_its_mode(tmp_path):
    save(tmp_path / "w")
    (tmp_path / "w").chmod(0o640)
    save(tmp_path / "w", 2)
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o640


@posix
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_replaced(tmp_path, there):
    (tmp_path / "deep").mkdir()
    if there:
        save(tmp_path / "deep" / "w")
    (tmp_path / "middle").symlink_to("deep/w")
    (tmp_path / "link").symlink_to("middle")
    save(tmp_path / "link", 3)
    assert os.readlink(tmp_path / "link") == "middle"
    assert os.readlink(tmp_path / "middle") == "deep/w"
    assert not (tmp_path / "deep" / "w").is_symlink()
    assert ones(tmp_path / "deep" / "w") == [1.0] * 3


@posix
def test_a_pipe_and_a_device_are_written_to_and_stay(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    save(pipe)
    reader.join()
    (tmp_path / "w").write_bytes(got[0])
    assert ones(tmp_path / "w") == [1.0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    writer = threading.Thread(target=lambda: pipe.write_bytes(got[0]))
    writer.start()
    assert ones(pipe) == [1.0]
    writer.join()
    save(os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    program = 'import numpy as np; from tinygrad_edu import io; io.save("/dev/stdout", {"w": np.ones(1)})'
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, env=ENVIRONMENT)
    assert run.stdout == got[0], run.stderr


@posix
def test_what_is_no_place_for_a_file_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    cases = [
        (tmp_path / "folder", IsADirectoryError), (tmp_path / "loop", OSError), (tmp_path / "no" / "w", FileNotFoundError),
        (tmp_path / "file" / "w", NotADirectoryError), (tmp_path / ("n" * 256), OSError), ("", ValueError),
        ("a\0b", ValueError), (3, TypeError), (None, TypeError),
    ]  # fmt: skip
    for (path, kind), act in itertools.product(cases, (save, io.load)):
        with pytest.raises(kind) as caught:
            act(path)
        assert FORM.match(str(caught.value)), str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "loop"]


@posix
@pytest.mark.parametrize("name", ["n" * 255, "ä" * 127, "重み" * 42, "a b\n", "-x", ".hidden", "x.tmp", "\udcff"])
def test_names_of_every_kind_and_length(tmp_path, name):
    save(tmp_path / name)
    save(tmp_path / name, 2)
    assert ones(tmp_path / name) == [1.0, 1.0]
    save(os.fsencode(tmp_path / name))
    assert os.listdir(tmp_path) == [name]


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_what_is_read_only_stays(tmp_path):
    save(tmp_path / "w")
    (tmp_path / "w").chmod(0o444)
    with pytest.raises(PermissionError, match=r"save: the file must be writable; got .*; remove it first"):
        save(tmp_path / "w", 2)
    (tmp_path / "w").chmod(0o644)
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match=r"save: the path must be a writable place; got .*; check"):
            save(tmp_path / "w", 2)
        assert ones(tmp_path / "w") == [1.0]
    finally:
        tmp_path.chmod(0o755)


@posix
def test_as_another_user_what_is_read_only_stays(tmp_path):
    """The test above, for where the suite runs as root: in a process that gives its rights away."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    tmp_path.chmod(0o755)
    for parent in [p for p in tmp_path.parents if p.name.startswith(("pytest-", "popen-"))]:
        parent.chmod(0o755)
    save(tmp_path / "w")
    program = """
import os, sys
import numpy as np
from tinygrad_edu import io
import safetensors.numpy
os.setuid(65534)
try:
    io.save(sys.argv[1], {"w": np.ones(2)})
except PermissionError as error:
    print(error)
"""
    assert "save: the file must be writable; got" in python(program, tmp_path / "w").stdout
    (tmp_path / "w").chmod(0o666)
    assert "save: the path must be a writable place; got" in python(program, tmp_path / "w").stdout
    assert ones(tmp_path / "w") == [1.0]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, call, number):
    save(tmp_path / "w")

    def full(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match=r"save: the path must be a writable place; got .*; check") as caught:
        save(tmp_path / "w", 2)
    assert caught.value.errno == number
    assert ones(tmp_path / "w") == [1.0]
    assert os.listdir(tmp_path) == ["w"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_device_that_is_full_says_so():
    with pytest.raises(OSError, match="save: .*No space left on device") as caught:
        save("/dev/full")
    assert caught.value.errno == errno.ENOSPC


KILLED = """
import os, signal, sys
import numpy as np
from tinygrad_edu import io
os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
io.save(sys.argv[1], {"w": np.ones(9)})
"""


@posix
def test_what_killed_writers_leave_is_cleared_by_the_next_save(tmp_path):
    save(tmp_path / "w")
    for _ in range(2):
        assert python(KILLED, tmp_path / "w").returncode < 0
        assert len(os.listdir(tmp_path)) == 2  # the second writer has cleared what the first one left
    save(tmp_path / "other")
    assert sorted(os.listdir(tmp_path)) == ["other", "w"]
    assert ones(tmp_path / "w") == [1.0]


@posix
def test_what_a_living_writer_holds_is_left_alone(tmp_path, monkeypatch):
    """One save inside another, at its last moment: neither sees the other's file."""
    sync, deep = os.fsync, []

    def between(file):
        sync(file)
        if not deep and stat.S_ISREG(os.fstat(file).st_mode):
            deep.append(len([n for n in os.listdir(tmp_path) if n.startswith(files.PREFIX)]))
            run = python("import sys; from tinygrad_edu import io; io.save(sys.argv[1], {})", tmp_path / "other")
            assert not run.returncode, run.stderr
            save(tmp_path / "third")

    monkeypatch.setattr(os, "fsync", between)
    save(tmp_path / "w", 2)
    assert deep == [1]
    assert sorted(os.listdir(tmp_path)) == ["other", "third", "w"]
    assert ones(tmp_path / "w") == [1.0, 1.0]


@posix
def test_a_writer_whose_file_was_taken_for_left_behind_begins_again(tmp_path, monkeypatch):
    """Another process clears between the birth of the file and its lock: the narrowest gap."""
    held, gone = files._held, []

    def late(file, path):
        if len(gone) < 2:
            gone.append(path)
            files._clear(path.parent)
        return held(file, path)

    monkeypatch.setattr(files, "_held", late)
    save(tmp_path / "w", 2)
    assert len(set(gone)) == 2
    assert os.listdir(tmp_path) == ["w"]


MANY = """
import sys
import numpy as np
from tinygrad_edu import io
for i in range(40):
    io.save(sys.argv[1], {"w": np.full(1000, float(sys.argv[2]))})
    found = io.load(sys.argv[1])["w"].data
    assert found.shape == (1000,) and (found == found[0]).all()
"""


@posix
def test_threads_and_processes_may_save_at_once(tmp_path):
    path = tmp_path / "w"
    save(path, 1000)
    others = [
        subprocess.Popen([sys.executable, "-c", MANY, str(path), str(i)], env=ENVIRONMENT, stderr=subprocess.PIPE)
        for i in range(3)
    ]
    failures = []

    def work(i):
        try:
            for _ in range(40):
                io.save(path, {"w": np.full(1000, float(i))})
                found = io.load(path)["w"].data
                assert (found == found[0]).all()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [p.communicate()[1] for p in others] == [b""] * 3
    assert not failures
    assert os.listdir(tmp_path) == ["w"]


@posix
@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs the device")
def test_no_more_is_read_than_a_header_declares(tmp_path):
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    head = b'{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
    (tmp_path / "long").write_bytes(len(head).to_bytes(8, "little") + head + b"\1" * 4)
    os.truncate(tmp_path / "long", 2**40)
    far = head.replace(b"4", str(2**60).encode())
    (tmp_path / "far").write_bytes(len(far).to_bytes(8, "little") + far)
    (tmp_path / "wide").write_bytes((2**62).to_bytes(8, "little") + b"{}")
    for path in ("/dev/zero", *(tmp_path / name for name in ("sparse", "long", "far", "wide"))):
        tracemalloc.start()
        with pytest.raises(ValueError, match="load: the file must be a whole safetensors file"):
            io.load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**24, path


def idx(shape, content, kind=8, ndim=None):
    return bytes([0, 0, kind, len(shape) if ndim is None else ndim]) + np.array(shape, ">u4").tobytes() + content


def mnist(n=(6, 3), size=(4, 5), labels=None):
    """The four files of a small set, by their names."""
    made = {}
    for name, k in zip(("train", "t10k"), n):
        made[f"{name}-images-idx3-ubyte"] = idx((k, *size), bytes(k * size[0] * size[1]))
        made[f"{name}-labels-idx1-ubyte"] = idx((k,), bytes(i % 10 for i in range(k)))
    return made


def written(folder, made, zipped):
    folder.mkdir(exist_ok=True)
    for name, content in made.items():
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(content, 1) if zipped else content)
    return folder


NAMES = list(mnist())


def inconsistent():
    """Sets that do not hold together, by what is wrong with them."""
    good = mnist()
    for a, b in itertools.combinations(NAMES, 2):
        yield f"{a} and {b} swapped", {**good, a: good[b], b: good[a]}
    for name in NAMES:
        content, images = good[name], "images" in name
        for cut in (0, 1, 3, 4, 7, 8, len(content) - 1):
            yield f"{name} cut at {cut}", {**good, name: content[:cut]}
        for more in (b"\0", b"\n", bytes(100), content):
            yield f"{name} and {len(more)} bytes", {**good, name: content + more}
        for kind in (0, 1, 9, 0xB, 0xC, 0xD, 0xE, 0xFF):
            yield f"{name} of type {kind}", {**good, name: content[:2] + bytes([kind]) + content[3:]}
        for ndim in (0, 1, 2, 3, 4, 255):
            if ndim != content[3]:
                yield f"{name} of {ndim} axes", {**good, name: content[:3] + bytes([ndim]) + content[4:]}
        for at, bit in itertools.product((0, 1), (0, 7)):
            yield f"{name} magic {at}", {**good, name: content[:at] + bytes([1 << bit]) + content[at + 1 :]}
        shape = np.frombuffer(content[4 : 4 + 4 * content[3]], ">u4").tolist()
        for axis, by in itertools.product(range(len(shape)), (-1, 1, -shape[0], 2**31, 2**32 - 1 - shape[0])):
            other = [min(max(n + by * (i == axis), 0), 2**32 - 1) for i, n in enumerate(shape)]
            yield f"{name} declares {other}", {**good, name: idx(other, content[4 + 4 * len(shape) :])}
            if np.prod(other, dtype=float) < 1e4:  # whole in itself, but not one with the others
                yield f"{name} holds {other}", {**good, name: idx(other, bytes(int(np.prod(other))))}
        if not images:
            for label in (10, 11, 127, 128, 255):
                yield f"{name} with label {label}", {**good, name: content[:-1] + bytes([label])}
        yield f"{name} is little-endian", {**good, name: content[:4] + content[4:8][::-1] + content[8:]}
        yield f"{name} is missing", {k: v for k, v in good.items() if k != name}
        yield f"{name} is text", {**good, name: b"<html>not found</html>" * 9}


@pytest.mark.parametrize("zipped", [True, False])
def test_inconsistent_mnist_sets_are_refused(tmp_path, zipped):
    written(tmp_path / "good", mnist(), zipped)
    assert data.load_mnist(tmp_path / "good").test_images.shape == (3, 4, 5)
    found = {}
    for i, (what, made) in enumerate(inconsistent()):
        found[what] = refusal(lambda: data.load_mnist(written(tmp_path / str(i), made, zipped)))  # noqa: B023
    assert len(found) > 150
    assert [what for what, text in found.items() if not FORM.match(text)] == []


def refusal(act):
    """The words of the refusal; none if there is none."""
    try:
        act()
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return ""


@given(st.data())
def test_damaged_gzip_files_are_refused(tmp_path_factory, draw):
    folder = written(tmp_path_factory.mktemp("mnist"), mnist(), True)
    name = draw.draw(st.sampled_from(NAMES))
    content = (folder / f"{name}.gz").read_bytes()
    if draw.draw(st.booleans()):
        at = draw.draw(st.integers(10, len(content) - 1))  # what comes before is not checked by the format
        content = content[:at] + bytes([content[at] ^ 1 << draw.draw(st.integers(0, 7))]) + content[at + 1 :]
    else:
        content = content[: draw.draw(st.integers(0, len(content) - 1))]
    (folder / f"{name}.gz").write_bytes(content)
    if not (text := refusal(lambda: data.load_mnist(folder))):  # a bit that changes nothing
        assert data.load_mnist(folder).train_labels.tolist() == [0, 1, 2, 3, 4, 5]
    else:
        assert FORM.match(text), text


@pytest.mark.parametrize("declared", [(6, 4, 5), (2**31, 1, 1), (2**16, 2**16, 1), (2**20, 2**10, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_a_bomb_does_not_go_off(tmp_path, declared, name):
    shape = declared if "images" in name else declared[:1]
    bomb = gzip.compress(idx(shape, b"")) + gzip.compress(bytes(2**20), 9) * 256  # 256 MiB in 270 kB
    folder = written(tmp_path, mnist(), True)
    (folder / f"{name}.gz").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(ValueError, match="load_mnist: .*download"):
        data.load_mnist(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24 + 2**21 * ("labels" in name and declared[0] == 2**20)
