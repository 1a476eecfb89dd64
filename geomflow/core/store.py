r"""Results on disk: arrays in an `.npz` file with a JSON header. No pickle, no half-written file, no silent damage.

A result file is an ordinary `.npz` that `numpy.load` opens. Its member `header` is a 0-d string array that holds

    {"format": "geomflow-result", "version": 1, "sha256": ..., "header": {...}}

where the checksum runs over the header and the names, types, shapes and bytes of all arrays.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geomflow.core.errors import ArgumentError, OutputError, ResultFileError
from geomflow.core.provenance import canonical_json, plain

FORMAT = "geomflow-result"
VERSION = 1

Arrays = dict[str, np.ndarray]


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    r"""Write `data` to `path` whole or not at all: a temporary file in the same folder is moved into place.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(part, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise OutputError(
            f"`{path}` cannot be written ({_reason(error)}). Choose another output folder, or free space.", path=path
        ) from error
    finally:
        with contextlib.suppress(OSError):  # gone already when the move succeeded; left over after Ctrl-C
            part.unlink()


def ensure_writable(folder: str | os.PathLike[str]) -> Path:
    r"""Create `folder` if need be and write a probe file into it, before hours are spent on a result.

    Raises:
        OutputError: the folder cannot be created or written to.
    """
    folder = Path(folder)
    probe = folder / f".probe.{uuid.uuid4().hex}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"geomflow")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"The output folder `{folder}` cannot be written ({_reason(error)}). Choose another folder.", path=folder
        ) from error
    return folder


def check_name(name: str, what: str) -> None:
    r"""Refuse a name that cannot be part of a file name on every system.

    Raises:
        ArgumentError: a character other than letters, digits, `_`, `-` and `.`.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ArgumentError(
            f"The name of {what} must consist of letters, digits, `_`, `-` and `.`, but it was {name!r}.", name=name
        )


def _checksum(arrays: Mapping[str, np.ndarray], header: Any) -> str:
    digest = hashlib.sha256(canonical_json(header).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(canonical_json([name, array.dtype.str, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def save(path: str | os.PathLike[str], arrays: Mapping[str, Any], header: Mapping[str, Any]) -> None:
    r"""Write arrays and their header, atomically and without pickle.

    Args:
        path: the file, by habit `*.npz`.
        arrays: name -> array of numbers or strings (numpy or JAX).
        header: anything `provenance.plain` accepts: settings, provenance, measured numbers.

    Raises:
        ArgumentError: a bad array name, an array of objects, a header JSON cannot hold.
        OutputError: the file cannot be written.
    """
    held: Arrays = {}
    for name, value in arrays.items():
        check_name(name, "an array")
        if name == "header":
            raise ArgumentError("An array cannot be called `header`; that name holds the JSON header.", name=name)
        held[name] = np.asarray(value)
        if held[name].dtype.kind not in "biufcSU":
            raise ArgumentError(
                f"The array `{name}` must hold numbers or strings, but its dtype was {held[name].dtype}.", name=name
            )
    body = plain(header)
    outer = {"format": FORMAT, "version": VERSION, "sha256": _checksum(held, body), "header": body}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"header": np.array(canonical_json(outer)), **held}.items():
            # A ZipInfo made by hand carries no date: equal results are equal files.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    atomic_write(path, buffer.getvalue())


def _members(data: bytes) -> Arrays:
    arrays: Arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            # Read whole first: the CRC is checked before numpy believes a damaged shape.
            member = io.BytesIO(archive.read(info))
            arrays[info.filename.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays


def load(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, Any]]:
    r"""Read a result file back.

    Returns:
        The arrays and the header, as they were given to `save`.

    Raises:
        ResultFileError: the file is missing, cut short, damaged, not ours, or of a newer format; the sentence says
            which, and the error carries `path`.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ResultFileError(
            f"The result file `{path}` cannot be read ({_reason(error)}). Check the path.", path=path
        ) from error
    damaged = f"The result file `{path}` is cut short or damaged. Delete it and compute it again."
    try:
        arrays = _members(data)
    except Exception as error:  # zipfile, zlib and numpy answer foreign bytes with a dozen different exceptions
        if data[:2] in (b"PK"[: len(data)], b"PK"):
            raise ResultFileError(damaged, path=path) from error
        raise ResultFileError(
            f"`{path}` is not an .npz file. Give the file that geomflow wrote, or delete this one.", path=path
        ) from error
    try:
        outer = json.loads(str(arrays.pop("header")[()]))
        ours = outer["format"] == FORMAT
        version, checksum, header = outer["version"], outer["sha256"], outer.get("header")
    except (KeyError, TypeError, ValueError, IndexError):
        ours, version, checksum, header = False, 0, "", None
    if not ours:
        raise ResultFileError(
            f"`{path}` is an .npz file, but not a result of geomflow. Give the file that geomflow wrote.", path=path
        )
    if version != VERSION:
        raise ResultFileError(
            f"`{path}` has format version {version}, but this geomflow reads version {VERSION}. "
            "Update geomflow, or delete the file and compute it again.",
            path=path,
        )
    if not isinstance(header, dict) or checksum != _checksum(arrays, header):
        raise ResultFileError(damaged, path=path)
    return arrays, header
