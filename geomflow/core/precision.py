r"""The float64 guard: geometry is done in double precision, and the global flag is the user's to flip."""

from __future__ import annotations

from typing import Any

from geomflow.core.errors import PrecisionError


def enable_x64() -> None:
    r"""Switch JAX to float64 for this process (`jax_enable_x64`). Call it once, before the first array is made."""
    import jax

    jax.config.update("jax_enable_x64", True)


def require_x64(*arrays: Any) -> None:
    r"""Refuse to go on in single precision.

    Args:
        *arrays: arrays whose dtype is to be checked as well (float64 or complex128).

    Raises:
        PrecisionError: JAX runs in float32, or one of the arrays does.
    """
    import jax

    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise PrecisionError(
            "Geometry needs float64, but JAX runs in float32. Add `geomflow.enable_x64()` at the top of the script."
        )
    for array in arrays:
        dtype = str(array.dtype)
        if dtype not in ("float64", "complex128"):
            raise PrecisionError(
                f"Geometry needs float64, but an array has dtype {dtype}. "
                "Call `geomflow.enable_x64()` before the array is made, or cast it with `.astype('float64')`."
            )
