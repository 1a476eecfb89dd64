"""The text cache: damage is noticed, processes do not disturb each other, an old generator is not served."""

import errno
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

import geomflow
from geomflow.codegen import cache
from geomflow.codegen.cache import cache_folder, cached, clear, entries
from geomflow.core.errors import ArgumentError

TEXT = 'def f(x):\n    """ℝ, with\r\na strange end of line."""\n    return x\n'
KEY = {"metric": "dr^2 + r^2*dθ^2", "quantity": "ricci"}


def fail():
    raise AssertionError("the text should come from the cache")


def numbered(i, folder):
    return cached({"i": i}, lambda: f"{i}\n", folder)


@pytest.fixture(autouse=True)
def strict():
    """A warning that a test does not expect is an error, and no sentence was said before."""
    cache._warn_once.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def only_file(folder):
    (path,) = folder.glob("*.py")
    return path


def test_a_text_is_made_once_and_comes_back_to_the_letter(tmp_path):
    folder = tmp_path / "a" / "b"
    assert cached(KEY, lambda: TEXT, folder) == TEXT
    assert cached(dict(reversed(KEY.items())), fail, folder) == TEXT
    assert cached({**KEY, "quantity": "scalar"}, lambda: "x = 1\n", folder) == "x = 1\n"
    assert len(list(folder.iterdir())) == 2


def test_the_file_is_python_that_says_what_it_is(tmp_path):
    cached(KEY, lambda: TEXT, tmp_path)
    path = only_file(tmp_path)
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0] == "# geomflow generated text 1"
    assert "dr^2 + r^2*dθ^2" in lines[1]
    assert geomflow.__version__ in lines[1]
    assert lines[2].startswith("# sha256: ")
    assert path.read_bytes().endswith(TEXT.encode())
    names = {}
    exec(compile(path.read_bytes(), path.name, "exec"), names)
    assert names["f"](3) == 3


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_folder_belongs_to_its_user_alone(tmp_path):
    cached(KEY, lambda: TEXT, tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


DAMAGE = {
    "cut in half": (lambda data: data[: len(data) // 2], "damaged|cut short"),
    "cut by one letter": (lambda data: data[:-1], "is cut short or was edited"),
    "longer by a line": (lambda data: data + b"import os\n", "is cut short or was edited"),
    "edited": (lambda data: data.replace(b"return x", b"return y"), "is cut short or was edited"),
    "of a wrong hash": (lambda data: data.replace(b"# sha256: ", b"# sha256: 0"), "is cut short or was edited"),
    "empty": (lambda data: b"", "is damaged or belongs to another key"),
    "its header alone": (lambda data: b"\n".join(data.split(b"\n")[:3]), "is cut short or was edited"),
    "without a header": (lambda data: TEXT.encode(), "is damaged or belongs to another key"),
    "no text": (lambda data: bytes(range(256)), "is damaged or belongs to another key"),
    "of a newer format": (lambda data: data.replace(b"text 1", b"text 2"), "is damaged or belongs to another key"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_noticed_and_made_anew(tmp_path, kind):
    spoil, sentence = DAMAGE[kind]
    cached(KEY, lambda: TEXT, tmp_path)
    path = only_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    with pytest.warns(UserWarning, match=sentence):
        assert cached(KEY, lambda: TEXT, tmp_path) == TEXT
    assert path.read_bytes() == whole
    assert cached(KEY, fail, tmp_path) == TEXT


def test_a_file_of_another_key_is_not_served(tmp_path):
    """As if two keys had one hash: the file is whole, but says that it belongs to the other."""
    cached(KEY, lambda: TEXT, tmp_path)
    path = only_file(tmp_path)
    cached({"other": 1}, lambda: "y = 2\n", tmp_path)
    (other,) = set(tmp_path.glob("*.py")) - {path}
    path.write_bytes(other.read_bytes())
    with pytest.warns(UserWarning, match="belongs to another key"):
        assert cached(KEY, lambda: TEXT, tmp_path) == TEXT
    assert cached(KEY, fail, tmp_path) == TEXT
    assert cached({"other": 1}, fail, tmp_path) == "y = 2\n"


@pytest.mark.parametrize("what", ["geomflow", "sympy", "python-flint", "sources"])
def test_another_version_is_another_text(tmp_path, monkeypatch, what):
    cached(KEY, lambda: TEXT, tmp_path)
    monkeypatch.setitem(cache.VERSIONS, what, "0")
    assert cached(KEY, lambda: "new\n", tmp_path) == "new\n"
    monkeypatch.undo()
    assert cached(KEY, fail, tmp_path) == TEXT


def test_the_versions_are_those_that_run():
    from importlib.metadata import version

    import sympy

    assert cache.VERSIONS["geomflow"] == geomflow.__version__
    assert cache.VERSIONS["sympy"] == sympy.__version__
    assert cache.VERSIONS["python-flint"] == version("python-flint")
    assert len(cache.VERSIONS["sources"]) == 64


def test_the_hash_of_the_sources_sees_every_change(tmp_path, monkeypatch):
    monkeypatch.setattr(geomflow, "__file__", str(tmp_path / "__init__.py"))
    for room in ("codegen", "symbolic/charts", "flows"):
        (tmp_path / room).mkdir(parents=True)
        (tmp_path / room / "a.py").write_text("a = 1\n")
    found = [cache.sources_hash()]
    (tmp_path / "flows" / "a.py").write_text("a = 2\n")
    assert cache.sources_hash() == found[0]  # not of the generator
    (tmp_path / "codegen" / "a.py").write_text("a = 2\n")
    found.append(cache.sources_hash())
    (tmp_path / "symbolic" / "charts" / "a.py").write_text("a = 2\n")
    found.append(cache.sources_hash())
    (tmp_path / "symbolic" / "charts" / "a.py").rename(tmp_path / "symbolic" / "charts" / "b.py")
    found.append(cache.sources_hash())
    (tmp_path / "codegen" / "new.py").write_text("")
    found.append(cache.sources_hash())
    assert len(set(found)) == 5


# --- folders -----------------------------------------------------------------------------------------------------


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("GEOMFLOW_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "geomflow"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "geomflow"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the standard
    assert cache_folder() == tmp_path / ".cache" / "geomflow"
    monkeypatch.setenv("GEOMFLOW_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    cached(KEY, lambda: TEXT)
    assert only_file(tmp_path / "mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GEOMFLOW_CACHE", "~/texts")
    assert cache_folder() == tmp_path / "texts"


@pytest.mark.parametrize("word", ["off", "OFF"])
def test_the_cache_can_be_off(tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEOMFLOW_CACHE", word)
    assert cache_folder() is None
    made = []
    for _ in range(2):
        assert cached(KEY, lambda: made.append(1) or TEXT) == TEXT
    assert len(made) == 2
    assert entries() == []
    assert clear() == 0
    assert list(tmp_path.iterdir()) == []


def test_without_a_home_there_is_one_warning(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("GEOMFLOW_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.warns(UserWarning, match="no home folder") as told:
        assert [cached(KEY, lambda: TEXT) for _ in range(3)] == [TEXT] * 3
    assert len(told) == 1


def test_a_folder_that_cannot_be_written_means_one_warning_and_no_cache(tmp_path):
    """A file stands where the folder should be: nobody can write there, not even root."""
    (tmp_path / "file").write_text("mine")
    with pytest.warns(UserWarning, match="set GEOMFLOW_CACHE to another folder, or to off") as told:
        assert [numbered(i, tmp_path / "file") for i in range(3)] == ["0\n", "1\n", "2\n"]
    assert len(told) == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_means_one_warning_and_no_cache(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="no space left on device") as told:
        assert [numbered(i, tmp_path) for i in range(3)] == ["0\n", "1\n", "2\n"]
    assert len(told) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_file_is_survived(tmp_path):
    cached(KEY, lambda: TEXT, tmp_path)
    path = only_file(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match="is a directory"):
        assert cached(KEY, lambda: TEXT, tmp_path) == TEXT


def test_what_making_raises_is_raised_and_nothing_is_kept(tmp_path):
    with pytest.raises(ZeroDivisionError):
        cached(KEY, lambda: str(1 / 0), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_key_must_be_plain(tmp_path):
    with pytest.raises(ArgumentError, match="setting must be"):
        cached({"f": fail}, lambda: TEXT, tmp_path)


# --- size --------------------------------------------------------------------------------------------------------


def test_the_cache_is_bounded_and_keeps_what_was_used(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "MOST_FILES", 4)
    (tmp_path / "notes.py").write_text("mine")
    half = tmp_path / ".half.tmp"
    fresh = tmp_path / ".fresh.tmp"
    half.write_text("left by a killed process")
    fresh.write_text("being written")
    os.utime(half, (1.0, 1.0))
    start = time.time() - 1000
    for i in range(4):
        numbered(i, tmp_path)
        newest = max(entries(tmp_path), key=lambda e: e.used)
        os.utime(newest.path, (start + i, start + i))
    cached({"i": 0}, fail, tmp_path)  # used now, so 1 is the oldest
    for i in (4, 5):
        numbered(i, tmp_path)
    left = {int(e.key.split('"i":')[1].split("}")[0]) for e in entries(tmp_path)}
    assert left == {0, 3, 4, 5}
    assert (tmp_path / "notes.py").exists()
    assert fresh.exists()
    assert not half.exists()


def test_listing_and_clearing(tmp_path):
    assert entries(tmp_path / "none") == []
    cached(KEY, lambda: TEXT, tmp_path)
    cached({"i": 1}, lambda: "1\n", tmp_path)
    os.utime(entries(tmp_path)[0].path, (5.0, 5.0))
    first, last = entries(tmp_path)
    assert (last.used, last.size) == (5.0, last.path.stat().st_size)
    assert {'"i":1' in first.key, '"i":1' in last.key} == {True, False}
    (tmp_path / "notes.py").write_text("mine")
    assert clear(tmp_path) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["notes.py"]
    assert clear(tmp_path) == 0


# --- two processes -----------------------------------------------------------------------------------------------

WRITER = """
import random, sys, time, warnings
from pathlib import Path
from geomflow.codegen import cache

warnings.simplefilter("error")
cache.MOST_FILES = 3
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
chance, made = random.Random(seed), 0
(folder / f"ready{seed}").touch()
while not (folder / f"ready{1 - seed}").exists():
    time.sleep(0.001)
for _ in range(200):
    i = chance.randrange(5)
    expected = f"# {i}\\n" * 200_000
    def make():
        global made
        made += 1
        return expected
    assert cache.cached({"i": i}, make, folder / "cache") == expected, i
    if chance.random() < 0.2:
        cache.clear(folder / "cache")
print(made)
"""


def test_two_processes_fill_one_cache_at_once(tmp_path):
    """Both write, read, remove and clear the same files; a half-written one would be a warning, which is an error."""
    run = [sys.executable, "-c", WRITER, str(tmp_path)]
    both = [
        subprocess.Popen([*run, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for seed in (0, 1)
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert 30 < int(out) < 195  # some were found
    kept = entries(tmp_path / "cache")
    assert len(kept) <= 4
    assert all(path.suffix == ".py" for path in (tmp_path / "cache").iterdir())
    for entry in kept:
        i = int(entry.key.split('"i":')[1].split("}")[0])
        assert entry.path.read_bytes() == cache._with_header(entry.key, f"# {i}\n" * 200_000)
