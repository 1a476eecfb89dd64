r"""The contract of a numerical dual: K = E φ(u)φ(v) and K' = E φ'(u)φ'(v), elementwise, and the gap E(φ(u) - φ(v))²."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

#: Where D is below this share of p + q the gap is integrated, not subtracted: the difference has lost five digits.
_CLOSE = 1e-5
#: Gauss-Legendre on [0, 1]; enough for an arc of relative length `_CLOSE`.
_NODES = (0.5 + np.polynomial.legendre.leggauss(2)[0] / 2).tolist()


class ActivationDual(eqx.Module):
    r"""The Gaussian expectations of one activation φ, as functions of arrays that are broadcast against each other.

    (u, v) is centred and Gaussian with variances p, q and covariance c. Near coincident points c is a poor coordinate:
    it is carried as D = E(u - v)² and e = p - q instead, c = (p + q - D)/2, wherever `needs_gap`.

    Attributes:
        needs_gap: K is not smooth in c at coincidence (φ has a kink or a jump), so that differences must be carried.
        derivatives: how often K may be differentiated by both arguments at coincidence; K' allows one fewer.
    """

    needs_gap: eqx.AbstractVar[bool]
    derivatives: eqx.AbstractVar[float]

    def __call__(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], c: Float[Array, "*#n"]
    ) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K(p, q, c) and K'(p, q, c) = ∂K/∂c."""
        raise NotImplementedError

    def diagonal(self, p: Float[Array, "*n"]) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K(p, p, p) = E φ(u)² and K'(p, p, p) = E φ'(u)², infinite where φ jumps."""
        return self(p, p, p)

    def separated(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], e: Float[Array, "*#n"], D: Float[Array, "*#n"]
    ) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
        r"""Return K and K' from the differences e = p - q and D = E(u - v)²."""
        return self(p, q, (p + q - D) / 2)

    def gap(
        self, p: Float[Array, "*#n"], q: Float[Array, "*#n"], e: Float[Array, "*#n"], D: Float[Array, "*#n"]
    ) -> Float[Array, "*n"]:
        r"""Return $\mathbb E(\varphi(u)-\varphi(v))^2$, to relative accuracy for nearly coincident points as well.

        Where D is small, with m = (p + q)/2 and F(a, b) = K(m + a, m + b, m + (a + b)/2),

        $$\mathbb E(\varphi(u)-\varphi(v))^2
          = D\int_0^1 K'(p, q, m - tD/2)\,dt + e^2\int_{-1/2}^{1/2}\!\int_{-1/2}^{1/2} F_{ab}(se, te)\,ds\,dt$$
        """
        plain = self.diagonal(p)[0] + self.diagonal(q)[0] - 2 * self(p, q, (p + q - D) / 2)[0]
        close = jnp.abs(D) < _CLOSE * (p + q)
        # where the points are apart the integral is not taken, and must not overflow
        e, D = jnp.where(close, e, 0.0), jnp.where(close, D, 0.0)
        m = (p + q) / 2
        first = sum(self(p, q, m - t * D / 2)[1] for t in _NODES)
        # F_ab is symmetric under (a, b) -> (b, a)
        low, high = (t - 0.5 for t in _NODES)
        second = self._mixed(m, low * e, low * e) + 2 * self._mixed(m, low * e, high * e)
        second += self._mixed(m, high * e, high * e)
        return jnp.where(close, D * first / 2 + e**2 * second / 4, plain)

    def _mixed(self, m: Array, a: Array, b: Array) -> Array:
        # F_ab at (a, b), by two forward derivatives
        def along(a: Array, b: Array, da: float, db: float) -> Array:
            def at(t: Array) -> Array:
                return self(m + a + t * da, m + b + t * db, m + (a + b + t * (da + db)) / 2)[0]

            zero = jnp.zeros_like(m + a + b)
            return jax.jvp(at, (zero,), (zero + 1,))[1]

        zero = jnp.zeros_like(m + a + b)
        return jax.jvp(lambda t: along(a, b + t, 1.0, 0.0), (zero,), (zero + 1,))[1]


def determinant(p: Array, q: Array, c: Array, e: Array, D: Array) -> Array:
    r"""Return pq - c²: from e = p - q and D = E(u - v)² where the points are close."""
    # there pq - c² would not be zero at coincidence; elsewhere, and for p << q, differences are off by 1e-16 (p + q)²
    close = jnp.minimum(p, q) > 8 * D
    return jnp.where(close, (2 * (p + q) * D - e * e - D * D) / 4, p * q - c * c)


@jax.custom_jvp
def valued(plain: Array, accurate: Array) -> Array:
    r"""Return the second, with the derivatives of the first: they are the same function, one loses digits."""
    return accurate


@valued.defjvp
def _valued_jvp(primals, tangents):
    return valued(*primals), jnp.broadcast_to(tangents[0], jnp.shape(primals[1]))
