"""What is evaluated: the functions and their points, numpy only, so that every peer's own Python can read it.

Jets are packed: P = n(n+1)/2 pairs i <= j, columns g_p, then d_k g_p, then d_q g_p (q a pair of directions): K numbers.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement

import numpy as np

BLOCK = 4096  # distinct points; longer arrays repeat them


@dataclass(frozen=True)
class Case:
    """One function: Ricci (or the gradient of Σ w Ric) of jets, or of a metric in closed form."""

    name: str
    title: str
    dim: int
    metric: tuple[tuple[str, ...], ...] = ()
    gradient: bool = False
    large: bool = False

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Index pairs i <= j in packed order."""
        return list(combinations_with_replacement(range(self.dim), 2))

    @property
    def jets(self) -> int:
        """Number of packed jets of one point: g, first and second derivatives."""
        p = len(self.pairs)
        return p + p * self.dim + p * p

    @property
    def sample(self) -> int:
        """How many points are compared with the reference."""
        return 2 if self.gradient else 8 if self.dim < 5 else 3


COORDINATES = ("t", "r", "th", "ph")


def _kerr(tt: str = "0", rr: str = "0", hh: str = "0") -> tuple[tuple[str, ...], ...]:
    """Boyer-Lindquist, M = 1, a = 3/5 (so a**2 = 9/25), plus three diagonal perturbations."""
    s, d = "(r**2 + 9/25*cos(th)**2)", "(r**2 - 2*r + 9/25)"
    cross = f"-2*r*3/5*sin(th)**2/{s}"
    phi = f"(r**2 + 9/25 + 2*r*9/25*sin(th)**2/{s})*sin(th)**2"
    plus = [f" + {e}" if e != "0" else "" for e in (tt, rr, hh)]
    return (
        (f"2*r/{s} - 1{plus[0]}", "0", "0", cross),
        ("0", f"{s}/{d}{plus[1]}", "0", "0"),
        ("0", "0", f"{s}{plus[2]}", "0"),
        (cross, "0", "0", phi),
    )


CASES = {
    c.name: c
    for c in (
        Case("ricci3", "Ricci of a 3-metric from jets", 3),
        Case("ricci4", "Ricci of a 4-metric from jets", 4),
        Case("ricci5", "Ricci of a 5-metric from jets", 5, large=True),
        Case("ricci6", "Ricci of a 6-metric from jets", 6, large=True),
        Case("kerr", "Ricci of Kerr in coordinates", 4, _kerr()),
        Case(
            "kerr-perturbed",
            "Ricci of perturbed Kerr in coordinates",
            4,
            _kerr("cos(th)**2/(10*r)", "1/(5*r)", "3/10*r*sin(th)**2"),
        ),
        Case("gradient3", "Gradient of Σ w Ric, 3-metric from jets", 3, gradient=True),
        Case("gradient4", "Gradient of Σ w Ric, 4-metric from jets", 4, gradient=True),
    )
}


@cache
def block(case: Case) -> np.ndarray:
    """The distinct points, one row each: coordinates, or jets (then the weights of a gradient)."""
    random = np.random.default_rng(4)
    if case.metric:
        low, high = (0.0, 3.0, 0.3, 0.0), (10.0, 10.0, np.pi - 0.3, 2 * np.pi)
        return random.uniform(low, high, (BLOCK, 4))
    p = len(case.pairs)
    rows = 0.3 * random.standard_normal((BLOCK, case.jets + (p if case.gradient else 0)))
    rows[:, :p] /= 3
    rows[:, [q for q, (i, j) in enumerate(case.pairs) if i == j]] += 2.0
    if case.gradient:
        rows[:, case.jets :] *= 3
    return rows


def unpack(case: Case, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Full arrays g (N,n,n), dg (N,n,n,n), ddg (N,n,n,n,n) from packed rows (any dtype)."""
    n, p = case.dim, len(case.pairs)
    where = np.zeros((n, n), int)
    for q, (i, j) in enumerate(case.pairs):
        where[i, j] = where[j, i] = q
    g, dg = rows[:, :p], rows[:, p : p + p * n].reshape(-1, p, n)
    ddg = rows[:, p + p * n : case.jets].reshape(-1, p, p)
    return g[:, where], dg[:, where, :], ddg[:, where][..., where]


def data(case: Case, layout: str, points: int) -> tuple[np.ndarray, ...]:
    """The arguments of a peer in one of four layouts.

    `columns` (one array each), `components` (packed arrays (P, N), (P, n, N), (P, P, N), batch last), `rows` (N, K), or
    `full` (index arrays, batch first).

    In a gradient the weights come last: P columns, an array (P, N) or (N, P), or (N, n, n) with
    sum_ij w_ij Ric_ij = sum_p w_p Ric_p.
    """
    rows, repeats = block(case), -(-points // BLOCK)

    def long(a: np.ndarray) -> np.ndarray:
        return np.concatenate([a] * repeats)[:points]

    if layout == "columns":
        return tuple(long(np.ascontiguousarray(c)) for c in rows.T)
    if layout == "components":
        return _components(case, np.concatenate([np.ascontiguousarray(rows.T)] * repeats, axis=1)[:, :points])
    if layout == "rows" or case.metric:
        parts = (rows[:, : case.jets], rows[:, case.jets :]) if case.gradient else (rows,)
        return tuple(long(p) for p in parts)
    full = unpack(case, rows)
    if case.gradient:
        w = np.zeros((BLOCK, case.dim, case.dim))
        for q, (i, j) in enumerate(case.pairs):
            w[:, i, j] += rows[:, case.jets + q] / 2
            w[:, j, i] += rows[:, case.jets + q] / 2
        full = (*full, w)
    return tuple(long(a) for a in full)


def _components(case: Case, columns: np.ndarray) -> tuple[np.ndarray, ...]:
    if case.metric:
        return (columns,)
    n, p, few = case.dim, len(case.pairs), columns.shape[1]
    g, dg = columns[:p], columns[p : p + p * n].reshape(p, n, few)
    ddg, weights = columns[p + p * n : case.jets].reshape(p, p, few), columns[case.jets :]
    return (g, dg, ddg, weights) if case.gradient else (g, dg, ddg)


def packed(case: Case, answer) -> np.ndarray:
    """What a peer returned, as rows of packed components of the first `case.sample` points.

    Accepts a tuple of arrays (N,), rows (N, m), or index arrays with the batch first.
    """
    few = case.sample
    parts = list(answer) if isinstance(answer, tuple | list) else [answer]
    if np.ndim(parts[0]) == 1:
        return np.stack([np.asarray(a[:few]) for a in parts], axis=1)
    heads = [np.asarray(a[:few]) for a in parts]
    if not case.gradient:
        (head,) = heads
        return np.stack([head[:, i, j] for i, j in case.pairs], axis=1) if head.ndim == 3 else head
    if len(heads) == 1:
        return heads[0]
    folded = []
    for head in heads:
        head = head.reshape(few, case.dim, case.dim, -1)
        rows = np.stack([_fold(head, i, j) for i, j in case.pairs], axis=1)
        if head.shape[-1] == case.dim**2:
            rows = rows.reshape(few, len(case.pairs), case.dim, case.dim)
            rows = np.moveaxis(rows, 1, -1)
            rows = np.stack([_fold(rows, i, j) for i, j in case.pairs], axis=2)
        folded.append(rows.reshape(few, -1))
    return np.concatenate(folded, axis=1)


def _fold(a: np.ndarray, i: int, j: int) -> np.ndarray:
    """Derivative by a packed component from derivatives by both entries of the full array."""
    return a[:, i, j] if i == j else a[:, i, j] + a[:, j, i]
