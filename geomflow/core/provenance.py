r"""Provenance: what a result was computed with, so that it can be computed again.

Nothing personal is recorded: no user, no host, no path.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from geomflow.core.errors import ArgumentError


def plain(value: Any) -> Any:
    r"""Return `value` in JSON's own types, so that writing and reading it back changes nothing.

    Tuples and arrays become lists, numpy and JAX scalars become numbers, dataclasses become dicts, paths become
    strings. JSON has no word for numbers that are not finite: they become "nan", "inf" and "-inf", which `float` reads.

    Raises:
        ArgumentError: a value has no counterpart in JSON (a function, a set, a complex number).
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.kind in "biufU":
            return plain(array.tolist())
    raise ArgumentError(
        f"A setting must be a number, a string, a list or a dict, but it was of type {type(value).__name__}. "
        "Try its name instead."
    )


def canonical_json(value: Any) -> str:
    r"""Return the one JSON text that equal values share: sorted keys, no spaces, `plain` types."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def settings_hash(settings: Any) -> str:
    r"""Return the sha256 of the settings' canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(settings).encode()).hexdigest()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_commit() -> str | None:
    r"""Return the commit the package runs from ("...-dirty" if files were changed since), None outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():  # an installed copy inside somebody else's repository has no commit of ours
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def provenance(settings: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return what the running program is made of, as a dict that JSON can hold.

    Args:
        settings: what the user chose; only its hash is recorded here.

    Returns:
        Versions, the git commit (or None), the platform, the devices, the x64 flag, the time in UTC and
        `settings_sha256`.
    """
    import jax  # here and not above: core must import without jax

    import geomflow

    devices = jax.devices()
    return {
        "geomflow": geomflow.__version__,
        "commit": git_commit(),
        "python": platform.python_version(),
        **{package: _version(package) for package in ("jax", "jaxlib", "diffrax", "sympy", "numpy")},
        "platform": f"{platform.system()} {platform.machine()}",
        "device_kind": devices[0].device_kind,
        "device_count": len(devices),
        "x64": bool(jax.config.read("jax_enable_x64")),
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings_sha256": settings_hash(settings),
    }
