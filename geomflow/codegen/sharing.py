r"""Fewer operations for the same values: common factors, common pairs of summands and factors, one reciprocal each."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from geomflow.codegen.graph import Graph, Node, topological

#: Sums and products are cut at this length: the number of pairs in them is quadratic.
_LONGEST = 48
#: Common factors are taken out of sums in sums so often.
_DEEPEST = 200


def reduced(graph: Graph, outputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
    r"""Return a graph with the same outputs and fewer operations.

    Of two orders, common factors first or not at all, the better one is taken. Named nodes stay and keep their names.

    Good values: any size; 10⁵ operations take some seconds.
    """
    whole = _reciprocals(graph, outputs)
    plain = _pairs(*_shortened(*whole))
    factored = _pairs(*_shortened(*_factored(*whole)))
    return min((plain, factored), key=lambda found: found[0].operations(found[1]))


def _rebuilt(
    graph: Graph, outputs: Sequence[Node], make: Callable[[Graph, Node, dict[Node, Node]], Node]
) -> tuple[Graph, list[Node]]:
    new, image = Graph(), {}
    for node, _ in topological(graph, outputs):
        image[node] = make(new, node, image)
        if node in graph.labels:
            new.labels.setdefault(image[node], graph.labels[node])
    return new, [image[o] for o in outputs]


def _reciprocals(graph: Graph, outputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
    r"""Divide once: every negative power of x becomes a power of 1/x, or of 1/√x where roots of x occur."""
    negative: Counter[Node] = Counter()
    broken: set[Node] = set()
    for _, node in topological(graph, outputs):
        if node[0] == "product":
            for x, e in node[1]:
                negative[x] += e < 0
                if Fraction(e).denominator == 2 and e < 0:
                    broken.add(x)

    def make(new: Graph, node: Node, image: dict[Node, Node]) -> Node:
        kind, *rest = graph.nodes[node]
        if kind != "product":
            return graph.remade(node, new, image)
        factors = []
        for x, e in rest[0]:
            step = Fraction(-1, 2) if x in broken else Fraction(-1)
            if e < 0 and (e / step).denominator == 1 and (negative[x] > 1 or x in broken):
                # held as a call so that it is not merged with other powers of x
                unit = new.call("reciprocal" if step == -1 else "reciprocal_root", image[x])
                label = graph.label_of_power(x, step)
                if label is not None:
                    new.labels.setdefault(unit, label)
                factors.append((unit, int(e / step)))
            else:
                factors.append((image[x], e))
        return new.product(factors)

    return _rebuilt(graph, outputs, make)


def _factored(graph: Graph, outputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
    r"""Take common factors out of sums, the most frequent first: Horner's scheme in whatever variables occur."""
    uses = graph.uses(outputs)

    def make(new: Graph, node: Node, image: dict[Node, Node]) -> Node:
        kind, *rest = graph.nodes[node]
        if kind != "sum" or len(rest[1]) < 2:
            return graph.remade(node, new, image)
        terms: list[tuple[dict[Node, Any], Any]] = []
        for x, a in rest[1]:
            inner = graph.nodes[x]
            open_ = inner[0] == "product" and uses[x] == 1 and x not in graph.labels
            terms.append(({image[y]: e for y, e in inner[1]} if open_ else {image[x]: 1}, a))
        return _horner(new, terms, rest[0])

    return _rebuilt(graph, outputs, make)


def _horner(graph: Graph, terms: list[tuple[dict[Node, Any], Any]], constant: Any, depth: int = 0) -> Node:
    places: dict[tuple[Node, bool], list[int]] = {}
    for i, (factors, _) in enumerate(terms):
        for x, e in factors.items():
            places.setdefault((x, e > 0), []).append(i)
    # the most frequent factor first; a count that has changed since is put back with its new value
    heap = [(-len(where), x, not positive) for (x, positive), where in places.items() if depth < _DEEPEST]
    heapq.heapify(heap)
    left = dict(enumerate(terms))
    done = []
    while heap:
        size, x, negative = heapq.heappop(heap)
        where = places[x, not negative] = [i for i in places[x, not negative] if i in left]
        if len(where) < 2:
            continue
        if len(where) < -size:
            heapq.heappush(heap, (-len(where), x, negative))
            continue
        inside = [left.pop(i) for i in where]
        shared = min((f[x] for f, _ in inside), key=abs)
        lowered = [
            ({y: e - shared if y == x else e for y, e in f.items() if y != x or e != shared}, a) for f, a in inside
        ]
        inner = _horner(graph, [t for t in lowered if t[0]], sum(a for f, a in lowered if not f), depth + 1)
        done.append(graph.product([(x, shared), (inner, 1)]))
    rest = [(graph.product(f.items()), a) for f, a in left.values()]
    return graph.linear([*rest, *((node, 1) for node in done)], constant)


def _shortened(graph: Graph, outputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
    r"""Make long sums and products sums of sums and products of products, which Python and XLA digest."""

    def make(new: Graph, node: Node, image: dict[Node, Node]) -> Node:
        kind, *rest = graph.nodes[node]
        if kind not in ("sum", "product") or len(rest[-1]) <= _LONGEST:
            return graph.remade(node, new, image)
        join = new.linear if kind == "sum" else new.product
        alike: dict[Any, list[Node]] = {}
        for x, c in rest[-1]:
            alike.setdefault(c, []).append(image[x])
        # equal coefficients and exponents first: they stay outside
        parts = [(x, c) for c, nodes in alike.items() for x, _ in _blocks(join, [(x, 1) for x in nodes])]
        parts = _blocks(join, parts)
        return new.linear(parts, rest[0]) if kind == "sum" else new.product(parts)

    return _rebuilt(graph, outputs, make)


def _blocks(join: Callable[[Any], Node], parts: list[tuple[Node, Any]]) -> list[tuple[Node, Any]]:
    while len(parts) > _LONGEST:
        parts = [(join(parts[i : i + _LONGEST]), 1) for i in range(0, len(parts), _LONGEST)]
    return parts


def _pairs(graph: Graph, outputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
    r"""Make every pair of factors, then every pair of summands, that occurs in two places a node of its own."""
    for kind in ("product", "sum"):
        graph, outputs = _paired(graph, outputs, kind)
    return graph, list(outputs)


def _paired(graph: Graph, outputs: Sequence[Node], kind: str) -> tuple[Graph, list[Node]]:
    lists = {node: dict(parts[-1]) for node, parts in topological(graph, outputs) if parts[0] == kind}
    chosen = _chosen(lists, kind)
    new, image = Graph(), {}
    made: dict[int, Node] = {}

    def pair(number: int) -> Node:
        # parts that are pairs themselves carry negative numbers
        if number not in made:
            entries = [(resolve(x), c) for x, c in chosen[number]]
            made[number] = new.product(entries) if kind == "product" else new.linear(entries)
        return made[number]

    def resolve(x: int) -> Node:
        return image[x] if x >= 0 else pair(-x - 1)

    for node, parts in topological(graph, outputs):
        if node in lists:
            entries = [(resolve(x), c) for x, c in lists[node].items()]
            image[node] = new.product(entries) if kind == "product" else new.linear(entries, parts[1])
        else:
            image[node] = graph.remade(node, new, image)
        if node in graph.labels:
            new.labels.setdefault(image[node], graph.labels[node])
    return new, [image[o] for o in outputs]


def _chosen(lists: dict[Node, dict[int, Any]], kind: str) -> list[tuple]:
    r"""Replace the most frequent pairs in the lists, in place, by numbers -1, -2, ...; return what these stand for."""
    places: dict[tuple, dict[Node, None]] = {}

    def keys(entries: dict[int, Any], x: int) -> list[tuple]:
        found = []
        for y in entries:
            if y != x:
                a, b = (x, y) if x < y else (y, x)
                # factors pair by their powers, summands by the ratio of their coefficients
                relation = (entries[a], entries[b]) if kind == "product" else _ratio(entries[b], entries[a])
                found.append((a, b, relation))
        return found

    for node, entries in lists.items():
        done: set[int] = set()
        for x in entries:
            for key in keys(entries, x):
                if key[0] not in done and key[1] not in done:
                    places.setdefault(key, {})[node] = None
            done.add(x)
    buckets: dict[int, dict[tuple, None]] = {}
    for key, where in places.items():
        if len(where) > 1:
            buckets.setdefault(len(where), {})[key] = None
    chosen: list[tuple] = []
    size = max(buckets, default=0)
    while size > 1:
        if not buckets.get(size):
            size -= 1
            continue
        key = next(iter(buckets[size]))
        del buckets[size][key]
        where = list(places.get(key, ()))
        if len(where) != size:
            if len(where) > 1:
                buckets.setdefault(len(where), {})[key] = None
            continue
        a, b, relation = key
        number = -len(chosen) - 1
        chosen.append(((a, relation[0]), (b, relation[1])) if kind == "product" else ((a, 1), (b, relation)))
        for node in where:
            entries = lists[node]
            for x in (a, b):
                for other in keys(entries, x):
                    places.get(other, {}).pop(node, None)
            factor = 1 if kind == "product" else entries[a]
            del entries[a], entries[b]
            entries[number] = factor
            for other in keys(entries, number):
                places.setdefault(other, {})[node] = None
                count = len(places[other])
                if count > 1:
                    buckets.setdefault(count, {})[other] = None
                    size = max(size, count)
    return chosen


def _ratio(b: Any, a: Any) -> Any:
    exact = isinstance(a, (int, Fraction)) and isinstance(b, (int, Fraction))
    ratio = Fraction(b) / Fraction(a) if exact else b / a
    return ratio.numerator if isinstance(ratio, Fraction) and ratio.denominator == 1 else ratio
