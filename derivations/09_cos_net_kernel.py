r"""09: the cos-net kernel, from the definition of the network to the local limit of its tangent kernel.

    f(x) = sqrt(2/N) sum_n a_n cos(b_n.x + c_n),  a ~ N(0, sigma_a^2),  b ~ N(0, 1/sigma^2),  c ~ U[-pi, pi]

Lesson: the last-layer tangent kernel is a Gaussian of width sigma, on the torus the heat kernel at time sigma^2/2, so
that the infinitely wide network smooths with exp(sigma^2 Delta/2) and becomes local at order sigma^2.

Run: python derivations/09_cos_net_kernel.py [path of the LaTeX file]. Two seconds.
"""

# %% Derive both random-feature networks in two dimensions.
import sys
from pathlib import Path

import sympy as sp

from geomflow.symbolic.derivation import document
from geomflow.symbolic.kernels.locality import LAPLACIAN
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net
from geomflow.symbolic.kernels.random_features.gauss_net import derive_gauss_net

cos_net, gauss_net = derive_cos_net(dim=2), derive_gauss_net(dim=2)

# %% The claims, each against the closed form that the literature states.
x, y, k = cos_net.x, cos_net.y, cos_net.wave_numbers
sigma, sigma_a, width = cos_net.sigma, cos_net.sigma_a, cos_net.width
distance2 = sum((p - q) ** 2 for p, q in zip(x, y, strict=True))
inner = sum(p * q for p, q in zip(x, y, strict=True))
kernel = sp.exp(-distance2 / (2 * sigma**2))


def equal(left: sp.Expr, right: sp.Expr) -> bool:
    return sp.simplify(sp.expand(left - right, power_exp=False)) == 0


assert equal(cos_net.last_layer_ntk, kernel)
assert equal(cos_net.nngp, sigma_a**2 * kernel)
assert equal(cos_net.full_ntk, kernel * (1 + sigma_a**2 * (1 + inner / sigma**2)))
assert equal(cos_net.finite_width_variance, (1 + kernel**4 / 2 - kernel**2) / width)
assert equal(cos_net.coincident_four_point, 3 + sp.Rational(3, 2) / width)
assert equal(cos_net.symbol, sp.exp(-(sigma**2) * (k[0] ** 2 + k[1] ** 2) / 2))
assert cos_net.expansion.coefficients == {0: 1, 2: LAPLACIAN / 2, 4: LAPLACIAN**2 / 8}

# %% The gauss-net: the same kernel at infinite width, another four-point function at finite width.
assert equal(gauss_net.last_layer_ntk, kernel)
assert equal(gauss_net.nngp, cos_net.nngp)
assert equal(gauss_net.neuron_second_moment, sp.exp(4 * gauss_net.sigma_c**2 + 4 * inner / sigma**2))
assert not equal(gauss_net.coincident_four_point, cos_net.coincident_four_point)

# %% Write the derivations as LaTeX.
derivations = [cos_net.derivation, gauss_net.derivation]
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(document(*derivations), encoding="utf-8")
else:
    print(*(derivation.text() for derivation in derivations), sep="\n\n")
