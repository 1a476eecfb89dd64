r"""Progress on a terminal, silence everywhere else (pipes, logs, tests)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm


def track(what: Iterable[Any] | int, label: str) -> tqdm[Any]:
    r"""Wrap an iterable in a progress bar, or make a bar of so many steps to `.update()` by hand.

    `for sigma in track(sigmas, "ladder")` or `with track(100, "steps") as bar: bar.update()`.
    """
    iterable, total = (None, what) if isinstance(what, int) else (what, None)
    # disable=None: tqdm draws only if stderr is a terminal.
    return tqdm(iterable, desc=label, total=total, disable=None, leave=False, dynamic_ncols=True)


@contextmanager
def stage(label: str, verbose: bool = False) -> Iterator[None]:
    r"""Time a stage of a run; print it with its seconds to stderr on a terminal, or anywhere if `verbose`."""
    terminal = sys.stderr.isatty()
    start = time.perf_counter()
    word = "stopped after "
    try:
        yield
        word = ""
    finally:
        if terminal or verbose:
            # tqdm's own print, which steps around the bars that are drawn
            tqdm.write(f"  {label:<40} {word}{time.perf_counter() - start:.1f} s", file=sys.stderr)
