r"""Experiments: frozen dataclasses with `run()`, which the command line and the examples call."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geomflow.experiments.flow.scenes import SCENES

#: Imported when it is asked for: most experiments do without the flows.
_HOME = {"SCENES": "flow.scenes"}

__all__ = ["SCENES"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"geomflow.experiments.{_HOME[name]}"), name)
