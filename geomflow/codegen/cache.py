r"""Generated source on disk: text, keyed by what determines it, that is noticed when it is damaged and made anew.

A file of the cache is Python that a person can read:

    # geomflow generated text 1
    # key: {"key":{...},"versions":{...}}
    # sha256: <of everything below this line>

It is trusted no further than its hash and key reach, never half written, and of bounded number. The text is run by
those who ask for it, so the folder must belong to its user alone.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import re
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sympy

import geomflow
from geomflow.core.errors import OutputError
from geomflow.core.provenance import canonical_json
from geomflow.core.store import atomic_write

#: Files that are kept; beyond that those that were not used for the longest time are removed.
MOST_FILES = 500

_FIRST = "# geomflow generated text 1"
_NAME = re.compile(r"[0-9a-f]{32}\.py")
#: Seconds after which a temporary file is one that a killed process left behind.
_ABANDONED = 3600


@dataclass(frozen=True)
class Entry:
    r"""A file of the cache: where it is, the canonical JSON of its key, its size in bytes, when it was last used."""

    path: Path
    key: str
    size: int
    used: float


def sources_hash() -> str:
    r"""Return the sha256 of the sources of `geomflow.codegen` and `geomflow.symbolic`: all that decides on a text."""
    root = Path(geomflow.__file__).parent
    digest = hashlib.sha256()
    for room in ("codegen", "symbolic"):
        for path in sorted((root / room).rglob("*.py")):
            source = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(source)}\n".encode())
            digest.update(source)
    return digest.hexdigest()


#: Taken when the generator is imported (some milliseconds), so that it is the hash of the code that runs, even if the
#: files change later.
VERSIONS = {
    "geomflow": geomflow.__version__,
    "sympy": sympy.__version__,
    "python-flint": importlib.metadata.version("python-flint"),
    "sources": sources_hash(),
}


def cache_folder() -> Path | None:
    r"""Return the folder of the cache: `GEOMFLOW_CACHE`, or `geomflow` in `XDG_CACHE_HOME` or `~/.cache`.

    Returns:
        None if the environment says `GEOMFLOW_CACHE=off`, or if there is no home.
    """
    given = os.environ.get("GEOMFLOW_CACHE", "")
    if given.lower() == "off":
        return None
    try:
        if given:
            return Path(given).expanduser()
        shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
        return (shared if shared.is_absolute() else Path.home() / ".cache") / "geomflow"
    except RuntimeError:  # no home folder
        _warn_once("Generated functions are not kept, as there is no home folder. Set GEOMFLOW_CACHE to a folder.")
        return None


def cached(key: Mapping[str, Any], make: Callable[[], str], folder: str | os.PathLike[str] | None = None) -> str:
    r"""Return the text that belongs to a key, from the cache or made now and kept.

    Several processes may do this at once: each finds a whole file or none. A file that is damaged or of another key is
    replaced, with a warning; a folder that cannot be written means no cache, with one warning.

    Args:
        key: what determines the text (structure, quantity, options), in JSON's types. The versions of geomflow, SymPy
            and python-flint and the hash of the generator's sources are added to it.
        make: makes the text.
        folder: that of `cache_folder` by default.

    Raises:
        ArgumentError: the key holds what JSON cannot.
    """
    place = cache_folder() if folder is None else Path(folder)
    if place is None:
        return make()
    whole = canonical_json({"key": key, "versions": VERSIONS})
    path = place / f"{hashlib.sha256(whole.encode()).hexdigest()[:32]}.py"
    text = _read(path, whole)
    if text is not None:
        return text
    text = make()
    try:
        _ensure_folder(place)
        atomic_write(path, _with_header(whole, text))
    except OutputError as error:
        why = _reason(error.__cause__) if isinstance(error.__cause__, OSError) else "unknown"
        _warn_once(
            f"Generated functions are not kept, as the folder `{place}` cannot be written ({why}). Free space, or set "
            "GEOMFLOW_CACHE to another folder, or to off."
        )
    else:
        with contextlib.suppress(OSError):  # the folder was removed meanwhile
            _shrink(place, keep=path)
    return text


def entries(folder: str | os.PathLike[str] | None = None) -> list[Entry]:
    r"""Return the files of the cache, the last used first."""
    found = []
    for path in _files(folder):
        with contextlib.suppress(OSError):  # removed by another process
            parts = path.read_bytes().split(b"\n", 2)
            status = path.stat()
            key = parts[1].removeprefix(b"# key: ").decode(errors="replace") if len(parts) == 3 else ""
            found.append(Entry(path, key, status.st_size, status.st_mtime))
    return sorted(found, key=lambda e: e.used, reverse=True)


def clear(folder: str | os.PathLike[str] | None = None) -> int:
    r"""Remove the files of the cache, nothing else in its folder, and return how many there were."""
    count = 0
    for path in _files(folder):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            count += 1
    return count


def _ensure_folder(folder: Path) -> None:
    # that only its user may enter: what it holds is run
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder `{folder}` cannot be created ({_reason(error)}). Choose another folder.", path=folder
        ) from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _with_header(key: str, text: str) -> bytes:
    body = text.encode()
    return f"{_FIRST}\n# key: {key}\n# sha256: {hashlib.sha256(body).hexdigest()}\n".encode() + body


def _read(path: Path, key: str) -> str | None:
    try:
        data = path.read_bytes()
    except OSError:  # not there; or not to be read, and then the attempt to write it says what is wrong
        return None
    body = data.split(b"\n", 3)[-1]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if data != _with_header(key, text):
        ours = data.startswith(f"{_FIRST}\n# key: {key}\n".encode())
        why = "is cut short or was edited" if ours else "is damaged or belongs to another key"
        warnings.warn(f"`{path}` of the cache {why}: it is made anew.", stacklevel=3)
        return None
    with contextlib.suppress(OSError):  # it was used now; a folder that only reads may not say so
        os.utime(path)
    return text


def _files(folder: str | os.PathLike[str] | None) -> list[Path]:
    place = cache_folder() if folder is None else Path(folder)
    if place is None or not place.is_dir():
        return []
    return [path for path in place.iterdir() if _NAME.fullmatch(path.name)]


def _shrink(folder: Path, keep: Path) -> None:
    files = [(used, path) for path in _files(folder) if path != keep and (used := _used(path))]
    surplus = sorted(files)[: max(0, len(files) + 1 - MOST_FILES)]
    parts = [path for path in folder.glob(".*.tmp") if 0 < _used(path) < time.time() - _ABANDONED]
    for path in [path for _, path in surplus] + parts:
        with contextlib.suppress(OSError):
            path.unlink()


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # removed by another process
        return 0.0


@functools.cache
def _warn_once(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=4)
