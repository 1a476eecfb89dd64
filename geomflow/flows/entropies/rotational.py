r"""Rotationally symmetric metrics ds² + ψ(s)² g_{S^{n-1}} on S^n as manifolds: functions of the arclength s alone.

Functions are polynomials in y = -cos πx, x the label in [0, 1] of the points of the profile, at the Gauss nodes of the
weight (1 - y²)^{n/2-1}, none of which is a pole: smooth functions on the sphere are even about both poles, as y is.
"""

from __future__ import annotations

from functools import cache
from math import gamma, pi
from typing import Any

import jax
import numpy as np
import sympy as sp
from scipy.interpolate import make_interp_spline
from scipy.linalg import cho_factor, cho_solve
from scipy.special import roots_jacobi
from sympy.core.function import AppliedUndef

from geomflow.codegen.program import Argument, Program
from geomflow.core.errors import MetricError
from geomflow.flows.entropies.base import Manifold, Solve, Spectrum
from geomflow.flows.entropies.derived import TAU, soliton_tensor
from geomflow.flows.entropies.spectra import dense_spectrum
from geomflow.symbolic.charts.chart import Chart
from geomflow.symbolic.charts.evaluation import evaluate_on
from geomflow.symbolic.charts.line_element import line_element

_DEGREE = 7  # of the spline through the profile
_BEYOND = 12  # points of the odd continuation at either pole
_NODES = 128  # by default at most
_ROUND = 1e-8  # a pole is where ψ is below this fraction of its maximum


@cache
def _program(dim: int, shrinking: bool | None):
    r"""Return R (`shrinking` None), or the diagonal A^i_i of the tensor of dF/dt or dW/dt, generated for one n.

    Arguments: psi and f with two derivatives by s each, and tau.
    """
    angles, element, factor = [f"a{i}" for i in range(1, dim)], [], ""
    for angle in angles:
        element.append(f"{factor}d{angle}^2")
        factor += f"sin({angle})^2*"
    chart = Chart(" ".join(["s", *angles]), "tau", {"psi": "s", "f": "s"})
    metric = line_element(chart, f"ds^2 + psi^2*({' + '.join(element)})")
    if shrinking is None:
        values = [metric.scalar().sympy()]
    else:
        tensor = evaluate_on(metric, soliton_tensor(shrinking)[1], f="f")
        values = [tensor.raised(0)[i, i] for i in range(dim)]
    jets = {name: sp.symbols(f"{name}_0:3") for name in ("psi", "f")}
    arguments = [Argument(f"{name}_jet", symbols) for name, symbols in jets.items()]
    doc = f"R, or the diagonal of Ric + Hess f (- g/2τ), of ds² + ψ² g on S^{dim}."
    program = Program("rotational", [*arguments, Argument("scale", (TAU,))], [_named(v, jets) for v in values], doc=doc)
    return jax.jit(program.compile())


def _named(value: sp.Expr, jets: dict[str, tuple[sp.Symbol, ...]]) -> Any:
    r"""Return the expression with ψ, ψ_s, ψ_ss and those of f as symbols."""
    names: dict[Any, Any] = {s: TAU for s in value.free_symbols if str(s) == TAU.name}
    for derivative in value.atoms(sp.Derivative):
        names[derivative] = jets[derivative.expr.func.__name__][derivative.derivative_count]
    for function in value.atoms(AppliedUndef):
        names[function] = jets[function.func.__name__][0]
    return value.xreplace(names)


class RotationalManifold(Manifold):
    r"""A rotationally symmetric metric on S^n; functions with its symmetry.

    Infima over symmetric functions bound those over all functions from above; they are monotone under the same
    theorems, because the conjugate heat equation keeps the symmetry. λ is the same.

    Args:
        s: arclength from one pole to the other, increasing, shape (N,).
        psi: radius, positive between the poles and zero at both, shape (N,). The points are taken to be samples of a
            smooth curve at equal steps of its parameter.
        dim: the dimension n >= 2.
        size: number of nodes; N up to 128 by default.

    Raises:
        MetricError: no such profile.

    Good values: 100 points or more; their spline of degree seven is then accurate to about 1e-9.
    """

    symmetric = True

    def __init__(self, s: np.ndarray, psi: np.ndarray, dim: int, size: int | None = None):
        s, psi = np.asarray(s, dtype=float), np.asarray(psi, dtype=float)
        _check(s, psi)
        self.dim, self.length = dim, float(s[-1] - s[0])
        size = min(len(s), _NODES) if size is None else size
        y, quadrature = roots_jacobi(size, (dim - 2) / 2, (dim - 2) / 2)
        angle = np.arccos(-y)
        x, sine = angle / pi, np.sin(angle)
        arc, radius = _spline(s - s[0]), _spline(psi)
        self.s, speed, bend = (arc(x, k) for k in range(3))
        self.psi, psi_x, psi_xx = (radius(x, k) for k in range(3))
        psi_s = psi_x / speed
        self._jet = np.stack([self.psi, psi_s, (psi_xx - psi_s * bend) / speed**2])
        self.scalar = np.asarray(_program(dim, None)(self._jet, np.zeros_like(self._jet), np.ones((1, size)))[0])
        area = 2 * pi ** (dim / 2) / gamma(dim / 2)
        self.weights = area * (self.psi / sine) ** (dim - 1) * speed * quadrature / pi
        self._by_y = _differentiation(y, sine * np.sqrt(quadrature))
        # y and its derivatives by s: what is even about the poles is a function of y, its derivative by s is not
        self._y_s = pi * sine / speed
        self._y_ss = (-(pi**2) * y - self._y_s * bend) / speed**2
        by_s = self._y_s[:, None] * self._by_y
        self.stiffness = by_s.T @ (self.weights[:, None] * by_s)
        gaps = np.diff(np.concatenate([[0.0], self.s, [self.length]]))
        self.spacing = np.maximum(gaps[1:], gaps[:-1])

    def dirichlet(self, u: np.ndarray) -> np.ndarray:
        r"""Return K u, K = Dᵀ dV D."""
        return self.stiffness @ u

    def inverse(self, diffusion: float, shift: float) -> Solve:
        r"""Return the exact inverse, from a Cholesky factor."""
        root = np.sqrt(self.weights)
        matrix = diffusion * self.stiffness / np.outer(root, root) + shift * np.eye(len(root))
        factor = cho_factor(matrix)
        return lambda dual: cho_solve(factor, dual / root) / root

    def spectrum(self, potential: np.ndarray, count: int, diffusion: float = 1.0) -> Spectrum:
        r"""Return the lowest eigenpairs of -diffusion Δ + potential among functions of s."""
        return dense_spectrum(self.stiffness, self.weights, potential, count, diffusion)

    def distance_squared(self, node: int) -> np.ndarray:
        r"""Return (s - s_node)²."""
        return (self.s - self.s[node]) ** 2

    def diameter(self) -> float:
        r"""Return the distance of the poles, which is the diameter: of the two ways from any point p to any point q by
        way of a pole, which together are twice as long, one is no longer.
        """
        return self.length

    def soliton_square(self, f: np.ndarray, tau: float | None = None) -> np.ndarray:
        r"""Return the sum of the squares of the diagonal of Ric + Hess f - g/(2τ), by the generated program."""
        slope = self._by_y @ f
        jet = np.stack([f, slope * self._y_s, self._by_y @ slope * self._y_s**2 + slope * self._y_ss])
        scale = np.full((1, len(f)), 1.0 if tau is None else tau)
        return np.sum(np.asarray(_program(self.dim, tau is not None)(self._jet, jet, scale)) ** 2, axis=0)


def _check(s: np.ndarray, psi: np.ndarray) -> None:
    if s.shape != psi.shape or s.ndim != 1 or len(s) < _DEGREE + _BEYOND:
        raise MetricError(
            f"A profile is two rows of {_DEGREE + _BEYOND} or more numbers, but s has the shape {s.shape} and psi "
            f"{psi.shape}."
        )
    if not (np.all(np.isfinite(s)) and np.all(np.isfinite(psi))):
        raise MetricError("A profile must be finite, but holds NaN or infinite values.")
    if np.any(np.diff(s) <= 0):
        raise MetricError(f"The arclength must increase, but does not at point {int(np.argmin(np.diff(s))) + 1}.")
    if np.any(psi[1:-1] <= 0):
        at = int(np.argmin(psi[1:-1])) + 1
        raise MetricError(f"The radius must be positive between the poles, but is {psi[at]:.3g} at s = {s[at]:.6g}.")
    if max(abs(psi[0]), abs(psi[-1])) > _ROUND * np.max(psi):
        raise MetricError(
            f"The radius must vanish at both poles, but is {psi[0]:.3g} and {psi[-1]:.3g}. "
            "Give the profile from pole to pole, both included."
        )


def _spline(values: np.ndarray):
    r"""Return the spline through values at equal steps of [0, 1], continued oddly about both ends."""
    last = len(values) - 1
    before = 2 * values[0] - values[_BEYOND:0:-1]
    after = 2 * values[-1] - values[-2 : -2 - _BEYOND : -1]
    x = np.arange(-_BEYOND, last + _BEYOND + 1) / last
    return make_interp_spline(x, np.concatenate([before, values, after]), k=_DEGREE)


def _differentiation(y: np.ndarray, barycentric: np.ndarray) -> np.ndarray:
    r"""Return d/dy of the polynomial through values at Gauss-Jacobi nodes, from |barycentric weights| √((1-y²) λ).

    Reference: Wang, Huybrechs, Vandewalle, Math. Comp. 83 (2014) 2893.
    """
    weights = barycentric * (-1.0) ** np.arange(len(y))
    difference = y[:, None] - y[None, :]
    np.fill_diagonal(difference, 1.0)
    matrix = weights[None, :] / weights[:, None] / difference
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -np.sum(matrix, axis=1))
    return matrix
