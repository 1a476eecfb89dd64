"""What autodiff codes do (settings: nested, einsum): curvature of a metric callable, or contractions of arrays."""

import jax
import jax.numpy as jnp
from cases import COORDINATES, Case
from jax_side import peer
from protocol import Peer, serve


def christoffel(metric):
    """Γ^a_bc(x) of a metric callable."""

    def at(x):
        dg = jax.jacfwd(metric)(x)
        first = 0.5 * (dg + dg.swapaxes(1, 2) - jnp.moveaxis(dg, 2, 0))
        return jnp.einsum("al,lij->aij", jnp.linalg.inv(metric(x)), first)

    return at


def nested(metric):
    """Ric_bd(x) by `jacfwd` of Γ, itself made by `jacfwd` of g."""

    def at(x):
        gamma, dgamma = christoffel(metric)(x), jax.jacfwd(christoffel(metric))(x)
        linear = jnp.einsum("abda->bd", dgamma) - jnp.einsum("aabd->bd", dgamma)
        return linear + jnp.einsum("aae,ebd->bd", gamma, gamma) - jnp.einsum("ade,eab->bd", gamma, gamma)

    return at


def einsum(g, dg, ddg):
    """Ric_bd from arrays g_ij, dg_ijk, ddg_ijkl (second-derivative form, so that Γ is not differentiated)."""
    inverse = jnp.linalg.inv(g)
    first = 0.5 * (dg + dg.swapaxes(1, 2) - jnp.moveaxis(dg, 2, 0))
    gamma = jnp.einsum("al,lij->aij", inverse, first)
    second = jnp.einsum("adbc->abcd", ddg) + jnp.einsum("bcad->abcd", ddg)
    second = 0.5 * (second - jnp.einsum("bdac->abcd", ddg) - jnp.einsum("acbd->abcd", ddg))
    products = jnp.einsum("ebc,ead->abcd", gamma, first) - jnp.einsum("ebd,eac->abcd", gamma, first)
    return jnp.einsum("ac,aicj->ij", inverse, second + products)


def closed_form(case: Case):
    """The metric callable of a closed form."""
    code = [[compile(e, "<metric>", "eval") for e in row] for row in case.metric]

    def metric(x):
        names = dict(zip(COORDINATES, x)) | {"sin": jnp.sin, "cos": jnp.cos}
        return jnp.stack([jnp.stack([jnp.asarray(eval(e, {}, names), float) for e in row]) for row in code])

    return metric


def generate(case: Case, setting: str) -> Peer:
    """One point's function, its gradient where the case is one, vmapped and jitted."""
    if case.metric:
        metric = closed_form(case)
        jets = jax.jacfwd(metric)
        point = nested(metric) if setting == "nested" else lambda x: einsum(metric(x), jets(x), jax.jacfwd(jets)(x))
    elif setting == "nested":

        def point(g, dg, ddg):
            """The quadratic polynomial with these jets, at the origin."""
            return nested(lambda x: g + dg @ x + 0.5 * (ddg @ x) @ x)(jnp.zeros(case.dim))
    else:
        point = einsum
    if case.gradient:
        value = point

        def point(g, dg, ddg, w):
            """Gradient by the three arrays."""
            return jax.grad(lambda *a: jnp.sum(w * value(*a)), argnums=(0, 1, 2))(g, dg, ddg)

    return peer(jax.jit(jax.vmap(point)), "full", "autodiff")


if __name__ == "__main__":
    serve(generate)
