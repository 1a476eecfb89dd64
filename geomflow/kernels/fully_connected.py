r"""NNGP and NTK of infinitely wide fully connected networks, with any of their weights and biases trained or frozen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jaxtyping import Array, Float

from geomflow.codegen.program import Program
from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.kernels.activation_dual import ActivationDual
from geomflow.kernels.base import Kernel, points_pair, tiled
from geomflow.kernels.closed_form import ClosedForm
from geomflow.kernels.duals import dual
from geomflow.kernels.layer import covariance, first_pair, next_pair
from geomflow.kernels.recursion_program import recursion_program

#: Which parameters are trained: a word, or what is said of each layer.
Trained = Literal["all", "last-layer", "weights", "biases"] | tuple[Sequence[bool], Sequence[bool]]


class FullyConnected(Kernel):
    r"""The kernel of a fully connected network in the limit of infinite width.

    $$z^1 = \frac{\sigma_w^1}{\sqrt d}W^1x + \sigma_b^1b^1,\qquad
      z^{l+1} = \frac{\sigma_w^{l+1}}{\sqrt N}W^{l+1}\varphi_l(z^l) + \sigma_b^{l+1}b^{l+1},\qquad W, b\sim N(0, 1)$$

    $$k^1 = \sigma_w^2\frac{x\cdot y}d + \sigma_b^2,\quad k^{l+1} = \sigma_w^2\,\mathbb E\varphi\varphi + \sigma_b^2,
      \qquad \Theta^{l+1} = \sigma_w^2\,\mathbb E\varphi'\varphi'\,\Theta^l
      + [W\text{ trained}]\,\sigma_w^2\,\mathbb E\varphi\varphi + [b\text{ trained}]\,\sigma_b^2$$

    The NTK counts the parameters that are trained; a network of which the last layer alone is trained has
    Θ = k of that layer, a frozen one Θ = 0.

    Args:
        activations: φ_1, φ_2, ...: names of `ACTIVATIONS`, SymPy expressions, strings of such, or duals; a single one
            with `hidden` stands for all hidden layers.
        hidden: the number L of hidden layers, where one activation is given.
        sigma_w: standard deviations σ_w of the L + 1 layers, the first one first; a number means all.
        sigma_b: likewise σ_b.
        trained: "all", "last-layer", "weights", "biases", or two tuples of L + 1 booleans, for weights and for biases.
        of: "ntk" or "nngp", which of the two kernels this is.

    Raises:
        ArgumentError: numbers of layers that do not fit, a σ that is negative or not finite, an unknown word.
        DerivationError, ConvergenceError: an activation without Gaussian expectations, see `geomflow.kernels.duals`.

    Good values: σ_w² = 2 with ReLU and σ_w² about 1 with erf keep variances of order one. Points 1e-12 apart
    keep 14 digits for smooth activations and for positively homogeneous ones (ReLU and its like); an exponential beside
    a kink (ELU, SELU) keeps fewer, see `geomflow.kernels.closed_form`.

    Reference: Jacot, Gabriel, Hongler, arXiv:1806.07572; Lee et al., arXiv:1902.06720.
    """

    duals: tuple[ActivationDual, ...]
    sigma_w: Float[Array, " layers"]
    sigma_b: Float[Array, " layers"]
    weights: tuple[bool, ...] = eqx.field(static=True)
    biases: tuple[bool, ...] = eqx.field(static=True)
    of: str = eqx.field(static=True)

    def __init__(
        self,
        activations: str | sp.Expr | ActivationDual | Sequence[str | sp.Expr | ActivationDual],
        hidden: int | None = None,
        sigma_w: float | Sequence[float] = 1.0,
        sigma_b: float | Sequence[float] = 0.0,
        trained: Trained = "all",
        of: Literal["ntk", "nngp"] = "ntk",
    ):
        require_x64()
        listed = _layers(activations, hidden)
        made = {id(a): a if isinstance(a, ActivationDual) else dual(a) for a in listed}
        self.duals = tuple(made[id(a)] for a in listed)
        count = len(listed) + 1
        self.sigma_w = _sigmas("sigma_w", sigma_w, count)
        self.sigma_b = _sigmas("sigma_b", sigma_b, count)
        self.weights, self.biases = _trained(trained, count)
        if of not in ("ntk", "nngp"):
            raise ArgumentError(f'Argument `of` must be "ntk" or "nngp", but is {of!r}.')
        self.of = of

    @property
    def derivatives(self) -> float:
        r"""One fewer than those of an activation's dual where its K' counts, that is, below it something is trained."""
        each = [d.derivatives - (1 if self.of == "ntk" and self._below(i) else 0) for i, d in enumerate(self.duals)]
        return min(each, default=math.inf)

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return κ(x, y) at one pair of points."""
        return self.block(x[None], y[None])[0, 0]

    def block(self, x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, "n m"]:
        r"""Return κ(x_i, y_j) at once, for a tile of a matrix."""
        return self._pair(x, y)[self.of == "ntk"]

    def diagonal(self, x: Float[Array, "n d"]) -> Float[Array, " n"]:
        r"""Return κ(x_i, x_i), from the diagonals of the duals alone."""
        self.check_finite()
        return self._diagonal(points_pair(x)[0])

    @eqx.filter_jit
    def _diagonal(self, x: Array) -> Array:
        p = self._first_variance(jnp.mean(x * x, axis=1))
        theta = self._first_theta(p - self.sigma_b[0] ** 2)
        for layer, rule in enumerate(self.duals, 1):
            k, slope = rule.diagonal(p)
            theta = self._next_theta(layer, theta, k, slope)
            p = self.sigma_w[layer] ** 2 * k + self.sigma_b[layer] ** 2
        return theta if self.of == "ntk" else p

    def nngp_and_ntk(
        self, x: Float[Array, "n d"], y: Float[Array, "m d"] | None = None
    ) -> tuple[Float[Array, "n m"], Float[Array, "n m"]]:
        r"""Return the matrices of both kernels, in one pass; `y=None` means y = x."""
        self.check_finite()
        return tiled(FullyConnected._pair, self, x, y)

    @property
    def has_profile(self) -> bool:
        r"""Whether the derivatives by x·x, y·y and x·y are generated: where all activations are smooth closed forms."""
        return all(isinstance(rule, ClosedForm) for rule in self.duals)

    def profile_derivatives(
        self, orders: Sequence[tuple[int, int, int]], xx: Array, yy: Array, xy: Array, dim: int
    ) -> Sequence[Array]:
        r"""Return ∂_s^i ∂_t^j ∂_r^k of the kernel at s = x·x, t = y·y, r = x·y, by generated code."""
        found = self.program(tuple(orders)).compile()(xx / dim, yy / dim, xy / dim, self.sigma_w, self.sigma_b)
        return [value / dim ** sum(order) for value, order in zip(found, orders, strict=True)]

    def program(self, orders: Sequence[tuple[int, int, int]] = ((0, 0, 0),)) -> Program:
        r"""Return the kernel as a generated function of p = x·x/d, q = y·y/d, c = x·y/d, σ_w, σ_b; read its `.source`.

        Args:
            orders: (i, j, k) for each component: the derivative ∂_p^i ∂_q^j ∂_c^k; (0, 0, 0) is the value.

        Raises:
            GenerationError: an activation has no closed form (a Mehler series).
        """
        return recursion_program(self.of, self.duals, self.weights, self.biases, self.of, tuple(orders))

    # --- the recursion -----------------------------------------------------------------------------------------------

    @eqx.filter_jit
    def _pair(self, x: Array, y: Array) -> tuple[Array, Array]:
        r"""Return NNGP and NTK of n and m points, shape (n, m)."""
        if not any(rule.needs_gap for rule in self.duals):
            p, q = (self._first_variance(jnp.mean(points * points, axis=1)) for points in (x, y))
            return self._covariance_pass(p[:, None], q[None, :], self._first_variance(x @ y.T / x.shape[1]))
        pair = first_pair(x, y, self.sigma_w[0], self.sigma_b[0])
        theta = self._first_theta(covariance(pair) - self.sigma_b[0] ** 2)
        for layer, rule in enumerate(self.duals, 1):
            following, k, slope = next_pair(rule, pair, self.sigma_w[layer], self.sigma_b[layer])
            theta, pair = self._next_theta(layer, theta, k, slope), following
        return covariance(pair), theta

    def _covariance_pass(self, p: Array, q: Array, c: Array) -> tuple[Array, Array]:
        theta = self._first_theta(c - self.sigma_b[0] ** 2)
        for layer, rule in enumerate(self.duals, 1):
            k, slope = rule(p, q, c)
            theta = self._next_theta(layer, theta, k, slope)
            w, b = self.sigma_w[layer] ** 2, self.sigma_b[layer] ** 2
            p, q, c = w * rule.diagonal(p)[0] + b, w * rule.diagonal(q)[0] + b, w * k + b
        return c, theta

    def _first_variance(self, mean_square: Array) -> Array:
        return self.sigma_w[0] ** 2 * mean_square + self.sigma_b[0] ** 2

    def _first_theta(self, by_weights: Array) -> Array:
        return (by_weights if self.weights[0] else 0.0 * by_weights) + self.biases[0] * self.sigma_b[0] ** 2

    def _next_theta(self, layer: int, theta: Array, k: Array, slope: Array) -> Array:
        w, b = self.sigma_w[layer] ** 2, self.sigma_b[layer] ** 2
        if self._below(layer - 1):
            # an infinite slope meets the zero of a zero input
            theta = w * jnp.where(theta == 0, 0.0, theta * slope)
        else:
            theta = jnp.zeros_like(k)
        return theta + self.weights[layer] * w * k + self.biases[layer] * b

    def _below(self, activation: int) -> bool:
        return any(self.weights[: activation + 1]) or any(self.biases[: activation + 1])


def _layers(activations: Any, hidden: int | None) -> list[Any]:
    if isinstance(activations, (str, sp.Expr, ActivationDual)):
        if hidden is None or hidden < 1:
            raise ArgumentError(
                f"Argument `hidden` must be at least 1 where one activation is given, but is {hidden}. Try 3."
            )
        return [activations] * hidden
    listed = list(activations)
    if not listed or (hidden is not None and hidden != len(listed)):
        raise ArgumentError(
            f"Argument `activations` must have one entry for each hidden layer, but has {len(listed)} "
            f"for `hidden` = {hidden}. Leave `hidden` out, or give one activation."
        )
    return listed


def _sigmas(name: str, values: Any, count: int) -> Array:
    found = np.asarray(values, dtype=float)
    if found.shape not in ((), (count,)):
        raise ArgumentError(
            f"Argument `{name}` must be a number, or one for each of the {count} layers of weights, the output's among "
            f"them, but has shape {found.shape}."
        )
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise ArgumentError(f"Argument `{name}` must be finite and not negative, but is {values}. Try 1.")
    return jnp.asarray(np.broadcast_to(found, (count,)))


def _trained(trained: Any, count: int) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    none, every = (False,) * count, (True,) * count
    last = (*none[1:], True)
    words = {"all": (every, every), "last-layer": (last, last), "weights": (every, none), "biases": (none, every)}
    if isinstance(trained, str):
        if trained not in words:
            raise ArgumentError(f"Argument `trained` must be one of {', '.join(words)}, but is {trained!r}.")
        return words[trained]
    pair = tuple(tuple(bool(t) for t in part) for part in trained)
    if len(pair) != 2 or any(len(part) != count for part in pair):
        raise ArgumentError(
            f"Argument `trained` must hold two tuples of {count} booleans, for the weights and for the biases of each "
            f"layer, but is {trained}."
        )
    return pair  # pyright: ignore[reportReturnType]
