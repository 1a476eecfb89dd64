r"""Which intermediates are to be computed once and kept: XLA on a CPU computes a shared value once for every user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from geomflow.codegen.emit import Line, names_in

#: Additions repeated by leaving a value open, from which on it is kept, for programs up to and beyond that many.
#: Measured: from below, a boundary costs more than the repetition; from above, the time to compile grows.
_WORTH, _WORTH_LONG, _LONG = 60, 20, 4000


def staged(lines: Sequence[Line], results: Sequence[str]) -> list[str]:
    r"""Return the lines as source, with `a, b = keep(a, b)` between stages.

    A value is kept if leaving it open would repeat more operations than that is worth. Those that can be
    computed together make one stage.
    """
    uses: Counter[str] = Counter()
    known = {line.name for line in lines}
    for parts in (*(line.parts for line in lines), *(names_in(r) for r in results)):
        uses.update(set(parts) & known)
    worth = _WORTH if sum(line.cost for line in lines) < _LONG else _WORTH_LONG
    open_cost: dict[str, int] = {}
    level: dict[str, int] = {}
    kept: set[str] = set()
    for line in lines:
        parts = [p for p in line.parts if p in known]
        open_cost[line.name] = line.cost + sum(open_cost[p] for p in parts if p not in kept)
        level[line.name] = max((level[p] + (p in kept) for p in parts), default=0)
        if (uses[line.name] - 1) * open_cost[line.name] > worth:
            kept.add(line.name)
    source = []
    for stage in sorted(set(level.values())):
        inside = [line for line in lines if level[line.name] == stage]
        source += [f"{line.name} = {line.source}" for line in inside]
        names = [line.name for line in inside if line.name in kept]
        if names:
            source.append(f"{', '.join(names)}{',' if len(names) == 1 else ''} = keep({', '.join(names)})")
    return source
