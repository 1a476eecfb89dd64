r"""`geomflow list`: what the catalogues hold."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

import tyro

from geomflow.core.card import Card
from geomflow.core.catalogue import Catalogue

ROOMS = (
    "metrics",
    "kernels",
    "functionals",
    "networks",
    "layers",
    "calabi_yau",
    "flows",
    "compare",
    "figures",
    "experiments",
    "codegen",
)


def catalogues(wanted: str = "all") -> Catalogue[Catalogue[Any]]:
    r"""Return every catalogue that a room's `__init__` shows, by the plural of its kind; absent rooms are skipped.

    Args:
        wanted: stop when this one is found, so that rooms which need more libraries are not imported for it.
    """
    found: Catalogue[Catalogue[Any]] = Catalogue("catalogue")
    for room in ROOMS:
        name = f"geomflow.{room}"
        if importlib.util.find_spec(name) is None:
            continue
        for entry in _shown(importlib.import_module(name)):
            if isinstance(entry, Catalogue) and plural(entry.kind) not in found:
                found.add(plural(entry.kind), entry)
            if wanted in found:
                return found
    return found


def _shown(room: ModuleType) -> Iterator[Any]:
    # What is there already, then the names of `__all__` that a room imports when it is asked for them.
    yield from list(vars(room).values())
    yield from (getattr(room, name) for name in getattr(room, "__all__", ()))


def plural(kind: str) -> str:
    r"""Return the plural of a catalogue's kind ("metric" -> "metrics", "geometry" -> "geometries")."""
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def summary(entry: Any) -> str:
    r"""Return one line on an entry: its `summary` or `note`, or else the first line of its docstring."""
    for name in ("summary", "note"):
        line = getattr(entry, name, "")
        if isinstance(line, str) and line:
            return line
    return (inspect.getdoc(entry) or "").partition("\n")[0]


@dataclass(frozen=True)
class List:
    r"""List what the catalogues hold."""

    room: Annotated[str, tyro.conf.Positional] = "all"
    """The catalogue to list, such as metrics, functionals or flows."""

    def run(self) -> None:
        r"""Print the names and a line on each."""
        found = catalogues(self.room)
        card = Card("geomflow catalogues")
        for name in found.names() if self.room == "all" else [self.room]:
            entries = found[name]
            card.section(f"{name} ({len(entries)})")
            for key, entry in entries.items():
                card.row(key, summary(entry))
        if not len(found):
            card.text("No catalogue has entries yet.")
        card.show()
