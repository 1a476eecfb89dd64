r"""11: cos-net and gauss-net: one Gaussian field at infinite width, two networks at every finite one.

    cos-net    f(x) = sqrt(2/N) sum_n a_n cos(b_n.x + c_n),               c ~ U[-pi, pi]
    gauss-net  f(x) = N^(-1/2) sum_n a_n exp(b_n.x + c_n - sigma_c^2 - |x|^2/sigma^2),  c ~ N(0, sigma_c^2)

Lesson: kernel, propagator and both tangent kernels agree; variances and four-point functions, of order 1/N, do not. As
an operator the kernel is noisier than at a point: the local limit needs N >> (L/sigma)^d.

Run: python derivations/11_cos_net_and_gauss_net.py [path of the LaTeX file]. Three seconds.
"""

# %% Derive everything in one dimension, the propagators in two.
import sys
from pathlib import Path

import sympy as sp

from geomflow.symbolic.derivation import document
from geomflow.symbolic.kernels.locality import LAPLACIAN
from geomflow.symbolic.kernels.random_features.base import SIGMA, SIGMA_A, SIGMA_C, WIDTH
from geomflow.symbolic.kernels.random_features.cos_net import cos_features, derive_cos_net
from geomflow.symbolic.kernels.random_features.drift import derive_drift
from geomflow.symbolic.kernels.random_features.four_point import derive_four_point
from geomflow.symbolic.kernels.random_features.gauss_net import derive_gauss_net, gauss_features
from geomflow.symbolic.kernels.random_features.mirrored import derive_mirrored_cos_net
from geomflow.symbolic.kernels.random_features.operator_noise import DIM, LENGTH, derive_operator_noise
from geomflow.symbolic.kernels.random_features.propagator import derive_propagator

cos_net, gauss_net = derive_cos_net(1), derive_gauss_net(1)
four = [derive_four_point(net(1)) for net in (cos_features, gauss_features)]
propagators = [derive_propagator(net(2)) for net in (cos_features, gauss_features)]
mirrored, noise, drift = derive_mirrored_cos_net(1), derive_operator_noise(), derive_drift(cos_features(1))


def equal(left: sp.Expr, right: sp.Expr) -> bool:
    return sp.simplify(sp.expand(left - right, power_exp=False)) == 0


def k(z: sp.Expr) -> sp.Expr:
    return sp.exp(-(z**2) / (2 * SIGMA**2))


# %% The same at N = ∞: the process, both tangent kernels, the propagator.
(x,), (y,) = cos_net.x, cos_net.y
for name in ("nngp", "last_layer_ntk", "full_ntk"):
    assert equal(getattr(cos_net, name), getattr(gauss_net, name)), name
assert equal(propagators[0].propagator, propagators[1].propagator)
p = sp.Matrix(propagators[0].momentum)
assert equal(propagators[0].propagator, SIGMA_A**2 * 2 * sp.pi * SIGMA**2 * sp.exp(-(SIGMA**2) * p.dot(p) / 2))
assert propagators[0].action_series.coefficients == {0: 1, 2: -LAPLACIAN / 2, 4: LAPLACIAN**2 / 8}

# %% Different at finite N: the tangent kernels scatter differently, and so do four points.
assert not equal(cos_net.finite_width_variance, gauss_net.finite_width_variance)
(x1,), (x2,), (x3,), (x4,) = four[0].points
pairs = k(x1 - x2) * k(x3 - x4) + k(x1 - x3) * k(x2 - x4) + k(x1 - x4) * k(x2 - x3)
crossed = k(x1 + x2 - x3 - x4) + k(x1 + x3 - x2 - x4) + k(x1 + x4 - x2 - x3)
assert equal(four[0].connected, SIGMA_A**4 * (sp.Rational(3, 2) * crossed - pairs) / WIDTH)
total, squares = x1 + x2 + x3 + x4, x1**2 + x2**2 + x3**2 + x4**2
together = 3 * sp.exp(4 * SIGMA_C**2 + total**2 / (2 * SIGMA**2) - squares / SIGMA**2)
assert equal(four[1].connected, SIGMA_A**4 * (together - pairs) / WIDTH)
assert equal(four[0].coincident, sp.Rational(3, 2) / WIDTH)
assert all(sp.limit(f.connected, WIDTH, sp.oo) == 0 for f in four)

# %% Without phase: a mirror image. As an operator: noise (L/sigma)^d. In training: a drift of order 1/N.
assert equal(mirrored.last_layer_ntk, k(x - y) + k(x + y))
cells = LENGTH / (sp.sqrt(2 * sp.pi) * SIGMA)
assert equal(noise.variance, (sp.Rational(3, 2) * cells**DIM - 1) / WIDTH)
assert drift.mean == 0
assert drift.last_layer == 0
assert sp.cancel(drift.variance * WIDTH**2).has(WIDTH) is False

# %% Write the derivations as LaTeX.
records = [*propagators, *four, mirrored, noise, drift]
derivations = [record.derivation for record in records]
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(*derivations), encoding="utf-8")
else:
    print(*(derivation.text() for derivation in derivations), sep="\n\n")
