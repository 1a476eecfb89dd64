r"""A catalogue: the named entries of one room (metrics, functionals, flows, ...), in the order they were added."""

from __future__ import annotations

import difflib
from collections.abc import ItemsView, Iterator
from typing import Generic, TypeVar

from geomflow.core.errors import ArgumentError, CatalogueError

T = TypeVar("T")

_FEW = 12  # a catalogue of at most this many names is listed whole in the error


class Catalogue(Generic[T]):
    r"""Named entries of one kind. Adding an entry is one line; an unknown name is answered with the closest ones.

    Args:
        kind: what an entry is, in the singular, as it stands in an error message ("functional", "metric").

    Good values: names in lower case with hyphens ("perelman-f"), as they are typed on the command line.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        r"""Enter `entry` under `name` and return it.

        Raises:
            ArgumentError: the name is taken.
        """
        if name in self._entries:
            raise ArgumentError(f"The {self.kind} `{name}` is in the catalogue already. Choose another.", name=name)
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            raise self._unknown(name) from None

    def _unknown(self, name: str) -> CatalogueError:
        closest = difflib.get_close_matches(str(name), self._entries, n=3, cutoff=0.5)
        sentence = f"There is no {self.kind} called `{name}`."
        if closest:
            sentence += f" Did you mean {' or '.join(f'`{c}`' for c in closest)}?"
        if not self._entries:
            sentence += " The catalogue is empty."
        elif len(self._entries) <= _FEW:
            sentence += f" Known: {', '.join(self._entries)}."
        else:
            sentence += f" It knows {len(self._entries)} names; `.names()` or `geomflow list` shows them."
        return CatalogueError(sentence, name=name, closest=closest)

    def names(self) -> list[str]:
        r"""Return the names in the order they were added."""
        return list(self._entries)

    def items(self) -> ItemsView[str, T]:
        r"""Return the (name, entry) pairs in the order they were added."""
        return self._entries.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Catalogue({self.kind!r}: {', '.join(self._entries)})"
