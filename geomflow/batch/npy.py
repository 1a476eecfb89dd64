r"""An .npy file written block by block, in any order of memory, that an interrupted run can go on with."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geomflow.core.errors import OutputError, ResultFileError
from geomflow.core.provenance import plain, settings_hash
from geomflow.core.store import atomic_write, ensure_writable


class NpyWriter:
    r"""Writes the values of a stream of points into `path`, which appears only when all of them are there.

    Until then they are in `path.part`; `path.json` records the settings and how many points are safely on disk.

    Args:
        path: the file, `*.npy`.
        shape: of the whole array.
        dtype: of its numbers.
        axis: the axis along which the points come.
        settings: everything the numbers depend on; a file begun with others is not gone on with.

    Raises:
        OutputError: the folder cannot be written or has not enough space.
        ResultFileError: there is a file already that is not this run's.
    """

    def __init__(
        self, path: str | os.PathLike[str], shape: tuple[int, ...], dtype: Any, axis: int, settings: Mapping[str, Any]
    ):
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        self.record = self.path.with_name(self.path.name + ".json")
        self.dtype, axis = np.dtype(dtype), axis % len(shape)
        self.rows, self.count = int(np.prod(shape[:axis])), shape[axis]
        self.width = int(np.prod(shape[axis + 1 :])) * self.dtype.itemsize  # bytes of one point in one row
        self.settings = plain({**settings, "shape": shape, "dtype": self.dtype.str})
        header = io.BytesIO()
        np.lib.format.write_array_header_2_0(
            header, {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        )
        self.offset = header.tell()
        ensure_writable(self.path.parent)
        self.done = self._found()
        self.file = None
        if self.done == self.count and self.path.exists():
            return
        missing = self.offset + self.rows * self.count * self.width - (self.part.stat().st_size if self.done else 0)
        free = shutil.disk_usage(self.path.parent).free
        if missing > free:
            raise OutputError(
                f"`{self.path}` needs {missing / 1e9:.3g} GB, but {free / 1e9:.3g} GB are free. Choose another folder.",
                path=self.path,
                needed=missing,
                free=free,
            )
        self.file = open(self.part, "r+b" if self.done else "wb")  # noqa: SIM115, closed by `close` or `finish`
        if not self.done:
            self.file.write(header.getvalue())
            self.save(0)

    def _found(self) -> int:
        if not self.record.exists():
            if self.path.exists():
                raise ResultFileError(
                    f"`{self.path}` exists and has no record `{self.record.name}` of how it was computed. "
                    "Move it away, or choose another name.",
                    path=self.path,
                )
            return 0
        try:
            record = json.loads(self.record.read_bytes())
            settings, done = record["settings"], int(record["done"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResultFileError(
                f"The record `{self.record}` is damaged. Delete it and the file it belongs to, to start afresh.",
                path=self.record,
            ) from error
        refuse_other(settings, self.settings, self.record)
        if self.path.exists():  # moved into place after everything was on disk
            return self.count
        return done if self.part.exists() else 0

    def write(self, start: int, values: np.ndarray) -> None:
        r"""Write the values of the points from number `start` on, an array whose axes are (rows, points, ...)."""
        assert self.file is not None
        rows = np.ascontiguousarray(values, self.dtype).reshape(self.rows, -1)
        try:
            for row in range(self.rows):
                self.file.seek(self.offset + (row * self.count + start) * self.width)
                self.file.write(rows[row].data)
        except OSError as error:
            raise self._unwritable(error) from error

    def save(self, done: int) -> None:
        r"""Bring everything written so far to disk, then record that the first `done` points are there."""
        assert self.file is not None
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        text = json.dumps({"settings": self.settings, "done": done}, indent=2, ensure_ascii=False) + "\n"
        atomic_write(self.record, text.encode())

    def finish(self) -> None:
        r"""Move the finished file into place."""
        if self.file is not None:
            self.save(self.count)
            self.close()
            os.replace(self.part, self.path)

    def close(self) -> None:
        r"""Close the file; what was saved stays."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"`{self.part}` cannot be written ({(error.strerror or str(error)).lower()}). Free space and run again: "
            "it goes on where it stopped.",
            path=self.part,
        )


def refuse_other(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> None:
    r"""Refuse to go on with what was computed with other settings.

    Raises:
        ResultFileError: the settings differ; the sentence names those that do.
    """
    if settings_hash(old) != settings_hash(new):
        names = [f"`{name}`" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        raise ResultFileError(
            f"`{path}` belongs to a run with other settings: {', '.join(names)} changed. Use the old ones, choose "
            "another file, or delete this one to start afresh.",
            path=path,
        )
