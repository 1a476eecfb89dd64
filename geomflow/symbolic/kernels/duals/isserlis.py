r"""Moments of a Gaussian pair (u, v) by Stein's lemma and Isserlis' theorem, in any commutative arithmetic.

The entries p, q, c of the covariance and the means may be SymPy expressions or elements of a field of rational
functions: only sums and products are used, and quotients where a pair is conditioned.
"""

from __future__ import annotations

from math import comb, factorial
from typing import Any


def power_moment(n: int, p: Any, mean: Any = 0) -> Any:
    r"""Return $\mathbb E\,(u+\mu)^n = \sum_i\binom n{2i}(2i-1)!!\,p^i\mu^{n-2i}$."""
    total: Any = 0
    for i in range(n // 2 + 1):
        rest = n - 2 * i
        if rest and mean == 0:
            continue
        pairings = factorial(2 * i) // (2**i * factorial(i))
        total += comb(n, 2 * i) * pairings * _power(p, i) * _power(mean, rest)
    return total


def moment(m: int, n: int, p: Any, q: Any, c: Any, mean_u: Any = 0, mean_v: Any = 0) -> Any:
    r"""Return a moment of the pair, contracting k factors u with as many factors v.

    $$\mathbb E\,(u+\mu)^m(v+\nu)^n
      = \sum_k\binom mk\binom nk k!\,c^k\,\mathbb E(u+\mu)^{m-k}\,\mathbb E(v+\nu)^{n-k}$$
    """
    total: Any = 0
    for k in range(min(m, n) + 1):
        contractions = comb(m, k) * comb(n, k) * factorial(k)
        total += contractions * _power(c, k) * power_moment(m - k, p, mean_u) * power_moment(n - k, q, mean_v)
    return total


def _power(base: Any, n: int) -> Any:
    return base**n if n else 1  # a field of rational functions refuses 0**0


def pinned(p: Any, q: Any, c: Any, noise: Any) -> tuple[Any, Any, Any]:
    r"""Return the covariance given $u + z = 0$, z of variance `noise`: that under the weight N(u; 0, noise)."""
    a = p + noise
    return p * noise / a, q - c**2 / a, c * noise / a


def edge_moment(
    m: int, n: int, p: Any, q: Any, c: Any, noise: Any, mean_u: Any = 0, mean_v: Any = 0
) -> tuple[Any, Any]:
    r"""Return $\mathbb E\,(u+\mu)^m(v+\nu)^n\,\varepsilon(u+\mu)$ as (α, β), by Stein's lemma.

    $$\alpha\,\mathrm{erf}\frac{\mu}{\sqrt{2(p+e)}} + \beta\cdot 2\,\mathrm N(\mu; 0, p + e),\qquad
      \mathbb E\,uF = p\,\mathbb E\,\partial_uF + c\,\mathbb E\,\partial_vF$$

    Args:
        m, n: the powers of u and v.
        p, q, c: variances and covariance of the centred pair.
        noise: e, of the edge $\varepsilon(u) = \mathrm{erf}(u/\sqrt{2e})$; 0 for the sign.
        mean_u, mean_v: μ and ν.
    """
    a = p + noise
    weighted = *pinned(p, q, c, noise), mean_u * noise / a, mean_v - c * mean_u / a

    def density(i: int, j: int) -> Any:
        # E (u+μ)^i (v+ν)^j 2N(u+μ; 0, e), in units of 2N(μ; 0, p+e)
        return moment(i, j, *weighted) if i >= 0 and j >= 0 else 0

    known: dict[tuple[int, int], tuple[Any, Any]] = {(0, 0): (1, 0)}

    def stein(i: int, j: int) -> tuple[Any, Any]:
        if i < 0 or j < 0:
            return 0, 0
        if (i, j) not in known:
            # Take one factor off, v if there is one, and contract it with what remains.
            if j:
                mean, with_u, with_v, left = mean_v, c, q, (i, j - 1)
            else:
                mean, with_u, with_v, left = mean_u, p, c, (i - 1, j)
            k, l = left
            rest, lower_u, lower_v = stein(k, l), stein(k - 1, l), stein(k, l - 1)
            alpha, beta = (mean * rest[s] + with_u * k * lower_u[s] + with_v * l * lower_v[s] for s in (0, 1))
            known[i, j] = alpha, beta + with_u * density(k, l)
        return known[i, j]

    return stein(m, n)
