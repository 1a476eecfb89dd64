r"""The kernels that cos-net and gauss-net share at infinite width, generated from their derivations, in any dimension.

$$k(x,y) = e^{-|x-y|^2/2\sigma^2},\qquad
  \Theta_{\rm full}(x,y) = k\,\big[1 + \sigma_a^2\,(1 + x\cdot y/\sigma^2)\big]$$

k is the tangent kernel of the last layer, σ_a² k that of the Gaussian process. The two networks differ at finite width:
`width_variance` evaluates what each one's tangent kernel scatters from draw to draw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import sympy as sp
from jaxtyping import Array, Float

from geomflow.codegen.graph import Graph
from geomflow.codegen.program import Argument, Program
from geomflow.codegen.reading import Reader
from geomflow.core.errors import ArgumentError
from geomflow.core.precision import require_x64
from geomflow.kernels.base import Kernel
from geomflow.kernels.recursion_program import partials
from geomflow.symbolic.kernels.random_features.base import SIGMA, SIGMA_A, SIGMA_C, WIDTH
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net
from geomflow.symbolic.kernels.random_features.gauss_net import derive_gauss_net
from geomflow.symbolic.kernels.random_features.invariants import DISTANCE2, INNER, in_invariants

Network = Literal["cos-net", "gauss-net"]
Quantity = Literal["nngp", "last_layer_ntk", "full_ntk", "finite_width_variance", "full_ntk_variance"]

_DERIVE: dict[str, Callable[[int], Any]] = {"cos-net": derive_cos_net, "gauss-net": derive_gauss_net}


@cache
def invariant_program(network: Network, quantity: Quantity) -> Program:
    r"""Return a derived quantity of a network as generated code: (|x-y|², x·y), (σ, σ_a, σ_c, N) -> value.

    The derivation in the plane is written in invariants; it is a product over the axes, so it holds in every dimension.
    """
    record = _DERIVE[network](2)
    value = in_invariants(getattr(record, quantity), record.x, record.y)
    arguments = [Argument("invariants", (DISTANCE2, INNER)), Argument("scales", (SIGMA, SIGMA_A, SIGMA_C, WIDTH))]
    name = f"{network}_{quantity}".replace("-", "_")
    doc = f"The {quantity.replace('_', ' ')} of the {network} from r2 = |x-y|^2, xy = x.y and the network's scales."
    return Program(name, arguments, [value], doc=doc)


@cache
def profile_program(quantity: Quantity, orders: tuple[tuple[int, int, int], ...]) -> Program:
    r"""Return derivatives of a kernel of the cos-net as generated code of s = x·x, t = y·y, r = x·y, σ and σ_a.

    Args:
        quantity: as for `evaluate`.
        orders: (i, j, k) for each component: ∂_s^i ∂_t^j ∂_r^k.
    """
    s, t, r = sp.symbols("s t r", real=True)
    record = derive_cos_net(2)
    value = in_invariants(getattr(record, quantity), record.x, record.y)
    arguments = [Argument(symbol.name, symbol) for symbol in (s, t, r, SIGMA, SIGMA_A)]
    graph = Graph()
    variables = {symbol: graph.symbol(symbol.name) for symbol in (s, t, r, SIGMA, SIGMA_A)}
    node = Reader(graph, dict(variables))(value.subs({DISTANCE2: s + t - 2 * r, INNER: r}, simultaneous=True))
    outputs = partials(graph, node, [variables[symbol] for symbol in (s, t, r)], orders)
    doc = f"Derivatives of the {quantity.replace('_', ' ')} of the cos-net by s = x.x, t = y.y, r = x.y."
    return Program(f"cos_net_{quantity}_profile", arguments, outputs, doc=doc, derivatives=False, graph=graph)


@cache
def _compiled(network: Network, quantity: Quantity) -> Callable[..., Array]:
    return invariant_program(network, quantity).compile()


def evaluate(
    network: Network,
    quantity: Quantity,
    x: Float[Array, "*batch d"],
    y: Float[Array, "*batch d"],
    sigma: float,
    sigma_a: float = 1.0,
    sigma_c: float = 0.0,
    width: float = math.inf,
) -> Float[Array, "*batch"]:
    r"""Return a derived quantity of a network at pairs of points.

    Args:
        network: "cos-net" or "gauss-net".
        quantity: the field of its derivation, e.g. "finite_width_variance".
        x, y: the points, components last; float64.
        sigma, sigma_a, sigma_c, width: the numbers σ, σ_a, σ_c and N that the quantity depends on.
    """
    invariants = jnp.stack([jnp.sum((x - y) ** 2, axis=-1), jnp.sum(x * y, axis=-1)])
    return _compiled(network, quantity)(invariants, jnp.asarray([sigma, sigma_a, sigma_c, width], dtype=float))[0]


def check_scales(**scales: float) -> None:
    r"""Refuse widths and amplitudes that are not positive numbers.

    Raises:
        ArgumentError: one of them is not; it carries its name and value.
    """
    for name, value in scales.items():
        if not 0 < value < math.inf:
            raise ArgumentError(f"Argument `{name}` must be a positive number, but is {value}.", **{name: value})


class _FeatureKernel(Kernel):
    r"""A kernel of |x-y|² and x·y as derived; with derivatives by x·x, y·y and x·y generated."""

    sigma: float
    sigma_a: float = 1.0
    derivatives: ClassVar[float] = math.inf  # smooth
    quantity: ClassVar[Quantity]

    def __check_init__(self) -> None:
        check_scales(sigma=self.sigma, sigma_a=self.sigma_a)

    def __call__(self, x: Float[Array, " d"], y: Float[Array, " d"]) -> Float[Array, ""]:
        r"""Return κ(x, y)."""
        return evaluate("cos-net", self.quantity, x, y, self.sigma, self.sigma_a)

    @property
    def has_profile(self) -> bool:
        r"""True."""
        return True

    def profile_derivatives(
        self, orders: Sequence[tuple[int, int, int]], xx: Array, yy: Array, xy: Array, dim: int
    ) -> Sequence[Array]:
        r"""Return ∂_s^i ∂_t^j ∂_r^k of the kernel at s = x·x, t = y·y, r = x·y, by generated code."""
        found = profile_program(self.quantity, tuple(orders)).compile()(xx, yy, xy, self.sigma, self.sigma_a)
        return list(found)


class GaussianKernel(_FeatureKernel):
    r"""The Gaussian kernel of cos-net and gauss-net, last layer trained: $\sigma_a^2\,e^{-|x-y|^2/2\sigma^2}$.

    Args:
        sigma: the kernel width σ, in the units of the points.
        sigma_a: 1 for the tangent kernel; the amplitudes' standard deviation for the Gaussian process $E f(x)f(y)$.

    Raises:
        ArgumentError: a scale that is not positive.

    Good values: σ of one to a few times the distance of neighbouring points. Jets are made of x·x, y·y and x·y: their
    relative error is 1e-16 |x|²/σ².
    """

    quantity: ClassVar[Quantity] = "nngp"


class CosNetFullKernel(_FeatureKernel):
    r"""The tangent kernel of cos-net *and* gauss-net at infinite width when all parameters train, $\Theta_{\rm full}$.

    Trained are a, $\hat b = \sigma b$ and c. It is not translation invariant, and grows like |x|²/σ² as σ -> 0.

    Args:
        sigma: the kernel width σ.
        sigma_a: the amplitudes' standard deviation; at 0.01, say, the last layer's kernel dominates.

    Raises:
        ArgumentError: a scale that is not positive.
    """

    quantity: ClassVar[Quantity] = "full_ntk"


def width_variance(
    network: Network,
    x: Float[Array, "*batch d"],
    y: Float[Array, "*batch d"],
    width: int,
    sigma: float,
    sigma_a: float = 1.0,
    sigma_c: float = 0.0,
    *,
    trained: Literal["last-layer", "all"] = "last-layer",
) -> Float[Array, "*batch"]:
    r"""Return the variance over draws of a finite network's tangent kernel at pairs of points.

    $$\frac{1 + \frac12k^4 - k^2}{N}\ \hbox{(cos-net)},\qquad
      \frac{e^{4\sigma_c^2 + 4x\cdot y/\sigma^2} - k^2}{N}\ \hbox{(gauss-net)}\qquad\hbox{for the last layer}$$

    Args:
        network: "cos-net" or "gauss-net".
        x, y: the points, components last.
        width: N.
        sigma, sigma_a, sigma_c: the network's scales; the last layer's kernel does not depend on σ_a, the cos-net not
            on σ_c.
        trained: "last-layer", or "all": a, $\hat b$ and c.

    Raises:
        ArgumentError: an unknown network or set of parameters, a scale or a width that is not positive.
        PrecisionError: JAX runs in float32.
    """
    require_x64()
    quantity: dict[str, Quantity] = {"last-layer": "finite_width_variance", "all": "full_ntk_variance"}
    for name, value, known in (("network", network, _DERIVE), ("trained", trained, quantity)):
        if value not in known:
            raise ArgumentError(f"Argument `{name}` must be {' or '.join(known)}, but is {value!r}.")
    check_scales(sigma=sigma, sigma_a=sigma_a, width=width)
    return evaluate(network, quantity[trained], jnp.asarray(x), jnp.asarray(y), sigma, sigma_a, sigma_c, width)
