r"""Checkpoints: a folder of named parts, so that a run that was interrupted goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geomflow.core.errors import ResultFileError
from geomflow.core.provenance import plain, settings_hash
from geomflow.core.store import Arrays, atomic_write, check_name, ensure_writable, load, save

_SUFFIX = ".part.npz"
_MISSING = object()


def _flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(settings, dict):
        return {prefix: settings}
    return {k: v for key, value in settings.items() for k, v in _flat(value, f"{prefix}.{key}".lstrip(".")).items()}


def _difference(old: Any, new: Any) -> str:
    before, after = _flat(old), _flat(new)

    def word(value: Any) -> str:
        return "not set" if value is _MISSING else json.dumps(value, ensure_ascii=False)

    changed = [
        f"`{key}` was {word(before.get(key, _MISSING))} and is now {word(after.get(key, _MISSING))}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key, _MISSING) != after.get(key, _MISSING)
    ]
    return "; ".join(changed[:3]) + (f"; and {len(changed) - 3} more" if len(changed) > 3 else "")


class Checkpoint:
    r"""A folder of named parts, each a result file computed with the same settings.

    Every part is written whole or not at all, so Ctrl-C loses only the part being computed, and processes that share
    the folder at worst compute the same part twice.

    Args:
        folder: where the parts live; created if need be.
        settings: everything the parts depend on (anything `provenance.plain` accepts).
        resume: keep the parts that are there; with False they are removed first, whatever their settings.

    Raises:
        OutputError: the folder cannot be written.
        ResultFileError: the parts in the folder were computed with other settings; the sentence says which differ.

    Good values: one part per unit of work that takes between a second and a few minutes.
    """

    def __init__(self, folder: str | os.PathLike[str], settings: Mapping[str, Any], *, resume: bool = True):
        self.folder = ensure_writable(folder)
        self.settings = plain(settings)
        self._hash = settings_hash(self.settings)
        record = self.folder / "settings.json"
        if not resume:
            for part in self.folder.glob(f"*{_SUFFIX}"):
                part.unlink(missing_ok=True)
            record.unlink(missing_ok=True)
        if record.exists():
            self._compare(record)
        else:
            text = json.dumps(self.settings, indent=2, ensure_ascii=False) + "\n"
            atomic_write(record, text.encode())

    def _compare(self, record: Path) -> None:
        try:
            old = json.loads(record.read_bytes())
        except (OSError, ValueError) as error:
            raise ResultFileError(
                f"The record of settings `{record}` is damaged. Delete the folder `{self.folder}` to start afresh.",
                path=record,
            ) from error
        self._refuse_other(old, record)

    def _refuse_other(self, old: Any, path: Path) -> None:
        if settings_hash(old) != self._hash:
            raise ResultFileError(
                f"`{path}` belongs to a run with other settings: {_difference(old, self.settings)}. "
                "Use the old settings, choose another output folder, or run without resuming.",
                path=path,
            )

    def path(self, name: str) -> Path:
        r"""Return the file of the part `name`."""
        check_name(name, "a part")
        return self.folder / f"{name}{_SUFFIX}"

    def done(self, name: str) -> bool:
        r"""Say whether the part is there; `get` says whether it is sound."""
        return self.path(name).exists()

    def get(self, name: str) -> tuple[Arrays, dict[str, Any]]:
        r"""Return the arrays and the header of a part.

        Raises:
            ResultFileError: the part is missing, damaged, or was computed with other settings.
        """
        path = self.path(name)
        try:
            arrays, header = load(path)
            settings, info = header["settings"], header["info"]
        except (ResultFileError, KeyError) as error:
            if not path.exists():
                raise
            raise ResultFileError(
                f"The part `{path}` is damaged or not a part of this run: delete it to recompute.", path=path
            ) from error
        self._refuse_other(settings, path)
        return arrays, info

    def put(self, name: str, arrays: Mapping[str, Any], header: Mapping[str, Any]) -> None:
        r"""Write a part, replacing an older one of the same name."""
        save(self.path(name), arrays, {"settings": self.settings, "info": header})

    def run(
        self, name: str, compute: Callable[[], tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> tuple[Arrays, dict[str, Any]]:
        r"""Return the part `name`, computing it with `compute() -> (arrays, info)` only if it is not there.

        The part is returned as read back from disk, so a fresh run and a resumed one see the same types and bits.
        """
        if not self.done(name):
            self.put(name, *compute())
        return self.get(name)
