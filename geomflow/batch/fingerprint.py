r"""The fingerprint of a function: of the program JAX makes of it, with every constant, not of its name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import jax


def fingerprint(function: Callable[..., Any], *arguments: Any) -> str:
    r"""Return the sha256 of the program a function is lowered to, in hexadecimal.

    Two functions that compute something else, or the same with other constants, have different fingerprints; so has
    the same function in another version of JAX.

    Args:
        function: anything `jax.jit` takes; what varies from run to run must be among its arguments.
        *arguments: arrays, or shapes, to lower it for.
    """
    # No constant is hidden from the text: arrays that are closed over are printed in full.
    text = jax.jit(function).lower(*arguments).as_text()
    return hashlib.sha256(text.encode()).hexdigest()
