r"""The number of neurons that a kernel of width σ needs, and refusals that name it.

The local limit of a finite network is a statement about its kernel as an operator, and that is noisier than the kernel
at a point: $\mathrm{Var}\,(K_N1)(x) = \big(\tfrac32(L/\sqrt{2\pi}\sigma)^d - 1\big)/N$, derived in
`geomflow.symbolic.kernels.random_features.operator_noise`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import sympy as sp

from geomflow.core.errors import ArgumentError
from geomflow.kernels.gaussian import check_scales
from geomflow.symbolic.kernels.random_features.gauss_net import derive_gauss_net
from geomflow.symbolic.kernels.random_features.operator_noise import derive_operator_noise


def operator_noise(sigma: float, length: float, dim: int, width: int) -> float:
    r"""Return $\mathrm{Var}\,(K_N1)(x)$ of a cos-net, evaluated from its derivation.

    Args:
        sigma: kernel width σ.
        length: side L of the box, or the period of the torus; the formula holds for L ≫ σ.
        dim: the input dimension d.
        width: number of neurons N.

    Raises:
        ArgumentError: an argument that is not positive.
    """
    check_scales(sigma=sigma, length=length, dim=dim, width=width)
    noise = derive_operator_noise()
    values: dict[Any, Any] = {noise.sigma: sigma, noise.length: length, noise.dim: dim, noise.width: width}
    return float(noise.variance.subs(values))


def required_width(sigma: float, length: float, dim: int, tolerance: float) -> int:
    r"""Return the number of neurons N for which the standard deviation of $(K_N1)(x)$ is at most `tolerance`.

    $$N \ge \frac{\frac32\,(L/\sqrt{2\pi}\sigma)^d - 1}{\rm tolerance^2}$$

    Args:
        sigma, length, dim: as for `operator_noise`.
        tolerance: relative noise, 0.1 for 10 %.

    Raises:
        ArgumentError: an argument that is not positive.

    Good values: σ = 0.2 on T² needs 23,500 neurons for 10 %.
    """
    check_scales(tolerance=tolerance)
    return max(1, math.ceil(operator_noise(sigma, length, dim, 1) / tolerance**2))


def check_network_width(width: int, sigma: float, length: float, dim: int, tolerance: float) -> None:
    r"""Refuse a width that cannot meet the requested σ.

    Raises:
        ArgumentError: the operator noise exceeds `tolerance`; carries `width`, `required` and `noise`.
    """
    required = required_width(sigma, length, dim, tolerance)
    if width >= required:
        return
    noise = math.sqrt(operator_noise(sigma, length, dim, width))
    # At this width the noise meets the tolerance where (3/2)(L/√(2π)σ)^d = 1 + N tolerance².
    widest = length / (math.sqrt(2 * math.pi) * ((1 + width * tolerance**2) / 1.5) ** (1 / dim))
    step = 10.0 ** (math.floor(math.log10(widest)) - 1)
    raise ArgumentError(
        f"Argument `width` must be at least {required} for σ = {sigma:g} in dimension {dim} on a side of {length:.4g}, "
        f"but is {width}: its kernel would act with a noise of {noise:.2g} where {tolerance:g} is asked for. "
        f"Try width = {required}, or σ = {step * math.ceil(widest / step):.2g}.",
        width=width,
        required=required,
        noise=noise,
    )


@cache
def gauss_net_moment(radius: float, sigma: float, sigma_c: float) -> sp.Float:
    r"""Return $\mathbb E\,\theta^2 = e^{4\sigma_c^2 + 4|x|^2/\sigma^2}$ of one gauss-net neuron at x = y, |x| = radius.

    It is a SymPy number: at small σ it has thousands of digits in front of the point.
    """
    record = derive_gauss_net(1)
    values: dict[Any, Any] = {record.x[0]: radius, record.y[0]: radius, record.sigma: sigma, record.sigma_c: sigma_c}
    return sp.N(record.neuron_second_moment.subs(values), 15)


def check_gauss_net_width(width: int, sigma: float, sigma_c: float, radius: float, tolerance: float = 1.0) -> None:
    r"""Refuse a gauss-net whose tangent kernel at |x| = radius, 1 on average, scatters by more than `tolerance`.

    Raises:
        ArgumentError: the width is below $(e^{4\sigma_c^2 + 4|x|^2/\sigma^2} - 1)/{\rm tolerance}^2$; carries `moment`
            and `required`.
    """
    check_scales(sigma=sigma, tolerance=tolerance, width=width)
    moment = gauss_net_moment(float(radius), float(sigma), float(sigma_c))
    required = (moment - 1) / tolerance**2
    if width < required:
        raise ArgumentError(
            f"A gauss-net of σ = {sigma:g} is unusable at |x| = {radius:g} with {width} neurons: the second moment of "
            f"one neuron, e^(4σ_c² + 4|x|²/σ²), is {sp.N(moment, 3)}, so that N = {sp.N(required, 3)} would be needed. "
            "Try a larger σ, points nearer to the origin, or a cos-net, which has the same kernel at infinite width.",
            moment=moment,
            required=required,
        )
