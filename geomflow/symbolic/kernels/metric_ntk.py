r"""The metric-NTK of every parametrisation of a metric by scalar networks, derived from the definition g(N).

$$\Theta_{ijkl}(x,x') = \kappa(x,x')\sum_aJ_{ij,a}(x)\,J_{kl,a}(x'),\qquad
  J_{ij,a} = \frac{\partial g_{ij}}{\partial N_a},\qquad P_{ijkl} = \sum_aJ_{ij,a}J_{kl,a}$$

Everything is exact, at a symbolic metric, in the coordinates that make it polynomial: the entries of the Cholesky
factor L of g, of its root A, of a frame e, or its eigenvalues λ. Whether the local form P is a multiple of
${\rm sym}(g\otimes g)$, hence whether Ricci flow is the local limit, is decided and not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import sympy as sp

from geomflow.core.errors import ArgumentError, DerivationError
from geomflow.symbolic.derivation import Derivation

#: An n-dimensional array of expressions, `sympy.ImmutableDenseNDimArray`.
Array = Any

KAPPA = sp.Symbol("kappa", positive=True)
#: Density m of the fixed measure, dm = m dx.
MEASURE = sp.Symbol("m", positive=True)


@dataclass(frozen=True)
class MetricNTK:
    r"""The derived metric-NTK of one parametrisation in dimension n.

    Args:
        name: the parametrisation, as in `geomflow.networks.PARAMETRISATIONS`.
        dim: the dimension n.
        coordinates: the symbols of what stands for the metric: its own entries, those of L, A or e, or eigenvalues.
        metric: g in these coordinates, an n x n matrix; "exp" stands in the eigenbasis of g.
        jacobian: $J_{ij,a}$ in these coordinates, shape (n, n, A).
        affine: J is constant, hence the metric-NTK frozen at infinite width.
        factor: c(g) with $P = c\,{\rm sym}(g\otimes g)$ on symmetric tensors, exactly; None if there is none.
        counterexample: without c, values of the coordinates at which P is no multiple of sym(g⊗g).
    """

    name: str
    dim: int
    coordinates: tuple[sp.Symbol, ...]
    metric: sp.ImmutableMatrix
    jacobian: Array
    affine: bool
    factor: sp.Expr | None
    counterexample: dict[sp.Symbol, sp.Expr] | None

    @property
    def local_form(self) -> Array:
        r"""$P_{ijkl} = \sum_aJ_{ij,a}J_{kl,a}$."""
        return local_form(self.jacobian)

    @property
    def covariant(self) -> bool:
        r"""Whether P = c sym(g⊗g) with c independent of g; with c ∝ 1/m the local limit is Ricci flow."""
        return self.factor is not None and not self.factor.has(*self.coordinates)

    def theta(self) -> tuple[Array, dict[sp.Symbol, sp.Symbol]]:
        r"""Return $\Theta_{ijkl}(x,x')$ and the primed coordinates of the metric at x'.

        Raises:
            DerivationError: "exp", whose J stands in the eigenbasis at one point.
        """
        if self.name == "exp":
            raise DerivationError("The metric-NTK of exp(S) is derived in the eigenbasis of g, at one point alone.")
        primed = {s: sp.Symbol(f"{s.name}'", **s.assumptions0) for s in (*self.coordinates, MEASURE)}
        there = self.jacobian.subs(list(primed.items()), simultaneous=True)
        return local_form(self.jacobian, there) * KAPPA, primed

    def at(self, values: dict[sp.Symbol, Any] | None = None) -> Array:
        r"""Return P at values of the coordinates; None is g = 1 and m = 1, the table of local forms."""
        return local_form(self.jacobian_at(self.identity if values is None else values))

    def jacobian_at(self, values: dict[sp.Symbol, Any]) -> Array:
        r"""Return J at values of the coordinates; equal eigenvalues are fine."""
        if self.name != "exp":
            return self.jacobian.subs(list(values.items()), simultaneous=True)
        return _exp_jacobian([sp.sympify(values[s]) for s in self.coordinates])

    @property
    def identity(self) -> dict[sp.Symbol, Any]:
        r"""The values of the coordinates at g = 1 and m = 1."""
        if self.name == "exp":
            return dict.fromkeys(self.coordinates, 1)
        names = {f"{letter}{i}{i}" for letter in "gLAe" for i in range(1, self.dim + 1)}
        return {MEASURE: 1} | {s: int(s.name in names) for s in self.coordinates}

    def speeds(self) -> tuple[sp.Expr, sp.Expr]:
        r"""Return how fast a diagonal and an off-diagonal component move at g = 1 under a symmetric unit source."""
        p = self.at()
        return p[0, 0, 0, 0], p[0, 1, 0, 1] + p[0, 1, 1, 0]

    def defect(self, values: dict[sp.Symbol, Any]) -> sp.Expr:
        r"""Return the exact covariance defect $\min_c\|P - cT\|/\|cT\|$, T = sym(g⊗g), at some metric."""
        p = _flat(_symmetrised(self.at(values)))
        t = _flat(symmetric_square(self.metric.subs(list(values.items()), simultaneous=True)))
        pp, pt, tt = (sp.Add(*[x * y for x, y in zip(a, b, strict=True)]) for a, b in ((p, p), (p, t), (t, t)))
        square = pp * tt / pt**2 - 1
        return sp.sqrt(square if square.has(sp.log) else sp.simplify(square))

    @property
    def derivation(self) -> Derivation:
        r"""The steps: the metric, the local form, and what it is not or is."""
        steps = Derivation(f"The metric-NTK of the parametrisation {self.name}, n = {self.dim}")
        for i, j in _pairs(self.dim):
            steps.add(sp.latex(self.metric[i, j]), "the metric, in the coordinates used", f"g_{{{i + 1}{j + 1}}}")
        p = self.local_form
        for index in product(range(self.dim), repeat=4):
            if index[:2] <= index[2:] and p[index] != 0:
                label = "".join(str(i + 1) for i in index)
                steps.add(sp.latex(p[index]), r"$\sum_a J_{ij,a}J_{kl,a}$", f"P_{{{label}}}")
        if self.factor is not None:
            steps.add(rf"{sp.latex(self.factor)}\, {{\rm sym}}(g\otimes g)", "on symmetric tensors, exactly", "P")
        else:
            assert self.counterexample is not None
            at = ", ".join(f"{sp.latex(s)} = {sp.latex(v)}" for s, v in self.counterexample.items())
            distance = r"\min_c \|P - cT\| / \|cT\|"
            steps.add(
                f"{sp.N(self.defect(self.counterexample), 4)}", f"no multiple of T = sym(g⊗g): at ${at}$", distance
            )
        return steps


@cache
def derive_metric_ntk(name: str, dim: int = 2) -> MetricNTK:
    r"""Derive the metric-NTK of a parametrisation at a symbolic metric.

    Args:
        name: one of `METRIC_NTKS`, the names of `geomflow.networks.PARAMETRISATIONS`.
        dim: the dimension n.

    Raises:
        ArgumentError: another name, or a dimension below 2.
        DerivationError: P is neither proved to be a multiple of sym(g⊗g) nor proved not to be one.

    Good values: `dim=2` or 3, a second or less each.
    Reference: arXiv 2310.19870; Daleckii and Krein (1965) for the derivative of the exponential.
    """
    if name not in METRIC_NTKS:
        raise ArgumentError(f"Argument `name` must be one of {', '.join(METRIC_NTKS)}, but it was {name!r}.")
    if dim < 2:
        raise ArgumentError(f"Argument `dim` must be at least 2, but it was {dim}.")
    metric, jacobian, affine = METRIC_NTKS[name](dim)
    symbols: Any = (metric.free_symbols | jacobian.free_symbols) - {MEASURE}
    coordinates = tuple(sorted(symbols, key=lambda s: s.name))
    factor, counterexample = _multiple(name, coordinates, metric, jacobian)
    return MetricNTK(name, dim, coordinates, metric, jacobian, affine, factor, counterexample)


def local_form(here: Any, there: Any = None) -> Array:
    r"""Return $\sum_aJ_{ij,a}J'_{kl,a}$; J' = J unless another is given."""
    there = here if there is None else there
    n, _, count = here.shape
    entries = [sum(here[i, j, a] * there[k, l, a] for a in range(count)) for i, j, k, l in product(range(n), repeat=4)]
    return sp.ImmutableDenseNDimArray(entries, (n,) * 4)


def symmetric_square(g: sp.MatrixBase) -> Array:
    r"""Return ${\rm sym}(g\otimes g)_{ijkl} = \frac12(g_{ik}g_{jl} + g_{il}g_{jk})$."""
    n = g.shape[0]
    entries = [(g[i, k] * g[j, l] + g[i, l] * g[j, k]) / 2 for i, j, k, l in product(range(n), repeat=4)]
    return sp.ImmutableDenseNDimArray(entries, (n,) * 4)


def duhamel(s: sp.Expr, t: sp.Expr) -> sp.Expr:
    r"""Return $\int_0^1e^{us + (1-u)t}du$, the divided difference of exp: $d\,e^S = \Lambda\circ dS$ in the eigenbasis.

    Duhamel's formula $d\,e^S = \int_0^1e^{uS}\,dS\,e^{(1-u)S}du$, entry by entry.
    """
    u, gap = sp.Symbol("u", positive=True), sp.Symbol("delta", real=True, nonzero=True)
    if s == t:
        return sp.integrate(sp.exp(t), (u, 0, 1))
    return sp.exp(t) * sp.integrate(sp.exp(u * gap), (u, 0, 1)).subs(gap, s - t)


Definition = tuple[sp.ImmutableMatrix, Array, bool]


def _independent(n: int) -> Definition:
    return _differentiated(_full("N", n), lambda net: net, _symmetric("g", n), _symmetric("g", n))


def _packed(n: int) -> Definition:
    return _differentiated(_upper("N", n), lambda net: net + net.T - _diagonal(net), _symmetric("g", n), _upper("g", n))


def _packed_orthonormal(n: int) -> Definition:
    def metric(net: sp.Matrix) -> sp.Matrix:
        return (net + net.T - 2 * _diagonal(net)) / sp.sqrt(2) + _diagonal(net)

    values = (_upper("g", n) - _diagonal(_upper("g", n))) * sp.sqrt(2) + _diagonal(_upper("g", n))
    return _differentiated(_upper("N", n), metric, _symmetric("g", n), values)


def _cholesky(n: int) -> Definition:
    lower = _lower("L", n)
    return _differentiated(_lower("N", n), lambda net: net * net.T, lower * lower.T, lower)


def _gram(n: int) -> Definition:
    root = _symmetric("A", n)
    return _differentiated(_full("N", n), lambda net: net.T * net, root * root, root)


def _vielbein(n: int) -> Definition:
    frame = _full("e", n)
    at_start = frame * frame.T

    def metric(net: sp.Matrix) -> sp.Matrix:
        return at_start + frame * _orthonormal(net) * frame.T / sp.sqrt(MEASURE)

    return _differentiated(_upper("N", n), metric, at_start, sp.zeros(n, n))


def _exp(n: int) -> Definition:
    values = sp.symbols(f"lambda1:{n + 1}", positive=True)
    return sp.ImmutableMatrix(sp.diag(*values)), _exp_jacobian(values), _exponential_is_affine()


def _exp_framed(n: int) -> Definition:
    # At g = g0 the exponent is 0, all its eigenvalues are equal, and its eigenbasis is any basis.
    root, at_start = _symmetric("e", n), _exp_jacobian([sp.Integer(1)] * n)
    count = at_start.shape[2]
    columns = [root * sp.Matrix(n, n, lambda i, j, a=a: at_start[i, j, a]) * root for a in range(count)]
    entries = [columns[a][i, j] for i, j, a in product(range(n), range(n), range(count))]
    return (
        sp.ImmutableMatrix(root * root),
        sp.ImmutableDenseNDimArray(entries, (n, n, count)),
        _exponential_is_affine(),
    )


#: From a dimension to (g, J, affine), by the names of `geomflow.networks.PARAMETRISATIONS`.
METRIC_NTKS: dict[str, Callable[[int], Definition]] = {
    "independent": _independent,
    "packed": _packed,
    "packed-orthonormal": _packed_orthonormal,
    "cholesky": _cholesky,
    "gram": _gram,
    "exp": _exp,
    "exp-framed": _exp_framed,
    "vielbein": _vielbein,
}


def _differentiated(
    networks: sp.Matrix, metric: Callable[[sp.Matrix], sp.Matrix], g: sp.Matrix, values: sp.Matrix
) -> Definition:
    r"""Differentiate g(N) by the networks, and express J at the networks' values."""
    n = g.shape[0]
    places = [(i, j) for i, j in product(range(n), repeat=2) if networks[i, j] != 0]
    composed = metric(networks)
    rows = [sp.diff(composed[i, j], networks[p]) for i, j in product(range(n), repeat=2) for p in places]
    affine = not any(row.has(*networks.free_symbols) for row in rows)
    here: list[Any] = [(networks[p], values[p]) for p in places]
    entries = [row.subs(here, simultaneous=True) for row in rows]
    return sp.ImmutableMatrix(g), sp.ImmutableDenseNDimArray(entries, (n, n, len(places))), affine


def _exp_jacobian(eigenvalues: Sequence[sp.Expr]) -> Array:
    r"""J of exp(S) in the eigenbasis, by the orthonormal basis of symmetric matrices."""
    n = len(eigenvalues)
    basis = _orthonormal(_upper("N", n))
    networks = [basis[i, i] if i == j else _upper("N", n)[i, j] for i in range(n) for j in range(i, n)]
    entries = []
    for i, j in product(range(n), repeat=2):
        divided = sp.simplify(duhamel(sp.log(eigenvalues[i]), sp.log(eigenvalues[j])))
        entries += [divided * sp.diff(basis[i, j], network) for network in networks]
    return sp.ImmutableDenseNDimArray(entries, (n, n, len(networks)))


def _exponential_is_affine() -> bool:
    s = sp.Symbol("s", real=True)
    return sp.diff(duhamel(s, s), s) == 0


def _multiple(
    name: str, coordinates: Sequence[sp.Symbol], g: sp.MatrixBase, jacobian: Any
) -> tuple[sp.Expr | None, dict[sp.Symbol, sp.Expr] | None]:
    r"""Decide whether P = c sym(g⊗g) on symmetric tensors: c, or a metric at which it is no multiple."""
    p, t = _symmetrised(local_form(jacobian)), symmetric_square(g)
    factor = sp.cancel(p[0, 0, 0, 0] / t[0, 0, 0, 0])
    pairs = _pairs(g.shape[0])
    residuals = [p[(*a, *b)] - factor * t[(*a, *b)] for x, a in enumerate(pairs) for b in pairs[x:]]
    # One metric settles it where P is no multiple: different primes, so that nothing cancels by symmetry.
    trial: dict[sp.Symbol, sp.Expr] = {s: sp.Rational(sp.prime(i + 3), 3) for i, s in enumerate(coordinates)}
    for residual in residuals:
        if abs(sp.N(residual.subs(trial | {MEASURE: 1}, simultaneous=True), 30)) > sp.Float("1e-20"):
            return None, trial
    if any(sp.expand(residual) != 0 for residual in residuals):
        raise DerivationError(f"It is not decided whether the local form of {name} is a multiple of sym(g⊗g).")
    return factor, None


def _symmetrised(p: Any) -> Any:
    swapped = [p, sp.permutedims(p, (1, 0, 2, 3)), sp.permutedims(p, (0, 1, 3, 2)), sp.permutedims(p, (1, 0, 3, 2))]
    return sum(swapped[1:], swapped[0]) / 4


def _flat(array: Any) -> list[sp.Expr]:
    return list(sp.flatten(array))


def _pairs(n: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(n) for j in range(i, n)]


def _full(letter: str, n: int) -> sp.Matrix:
    return sp.Matrix(n, n, lambda i, j: sp.Symbol(f"{letter}{i + 1}{j + 1}", real=True))


def _symmetric(letter: str, n: int) -> sp.Matrix:
    return sp.Matrix(n, n, lambda i, j: sp.Symbol(f"{letter}{min(i, j) + 1}{max(i, j) + 1}", real=True))


def _upper(letter: str, n: int) -> sp.Matrix:
    return sp.Matrix(n, n, lambda i, j: sp.Symbol(f"{letter}{i + 1}{j + 1}", real=True) if i <= j else 0)


def _lower(letter: str, n: int) -> sp.Matrix:
    return sp.Matrix(n, n, lambda i, j: sp.Symbol(f"{letter}{i + 1}{j + 1}", real=True) if i >= j else 0)


def _diagonal(matrix: sp.Matrix) -> sp.Matrix:
    return sp.diag(*[matrix[i, i] for i in range(matrix.shape[0])])


def _orthonormal(net: sp.Matrix) -> sp.Matrix:
    r"""The symmetric matrix Σ N_a E_a, the off-diagonal networks divided by √2."""
    return (net + net.T - 2 * _diagonal(net)) / sp.sqrt(2) + _diagonal(net)
