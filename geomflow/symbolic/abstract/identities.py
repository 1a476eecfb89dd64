r"""The identities of curvature that everything else rests on, each written down unsimplified and reduced by rule.

The sign conventions are those of the library:

    R^a_{bcd} = ∂_c Γ^a_db - ∂_d Γ^a_cb + Γ^a_ce Γ^e_db - Γ^a_de Γ^e_cb,   Ric_bd = R^a_bad.
"""

from __future__ import annotations

from dataclasses import dataclass

from geomflow.symbolic.abstract.canonical import canonical
from geomflow.symbolic.abstract.expression import (
    Expression,
    gradient,
    laplacian,
    metric,
    nabla,
    norm_squared,
    ricci,
    riemann,
    scalar_field,
    tensor_field,
)
from geomflow.symbolic.derivation import Derivation


@dataclass(frozen=True)
class Identity:
    r"""`left = right`: an expression as it was written, and its normal form.

    Args:
        left: unsimplified.
        reason: where it comes from, in words.
        name: how the left-hand side is printed in plain text and in LaTeX; as it was written by default.
    """

    left: Expression
    reason: str
    name: tuple[str, str] = ("", "")

    @property
    def right(self) -> Expression:
        r"""Return the normal form of the left-hand side."""
        return canonical(self.left)

    def __str__(self) -> str:
        return f"{self.name[0] or self.left} = {self.right}"


def curvature_identities() -> tuple[Identity, ...]:
    r"""Return commutators, traces, both Bianchi identities, their contractions, and Bochner's formula."""
    f, v, rm = scalar_field("f"), tensor_field("V", "k"), riemann
    hessian, third = nabla("i", nabla("j", f)), nabla("i", nabla("j", v))
    return (
        Identity(hessian - hessian.rename(i="j", j="i"), "no torsion"),
        Identity(third - third.rename(i="j", j="i"), "the commutator defines the curvature"),
        Identity(metric("^a", "^c") * rm("a", "b", "c", "d"), "the Ricci tensor"),
        Identity(metric("^b", "^d") * ricci("b", "d"), "the scalar curvature"),
        Identity(rm("i", "j", "k", "l") + rm("i", "k", "l", "j") + rm("i", "l", "j", "k"), "first Bianchi identity"),
        Identity(
            nabla("m", rm("i", "j", "k", "l"))
            + nabla("k", rm("i", "j", "l", "m"))
            + nabla("l", rm("i", "j", "m", "k")),
            "second Bianchi identity",
        ),
        Identity(nabla("^a", rm("a", "b", "c", "d")), "contracted once"),
        Identity(nabla("^i", ricci("i", "j")), "contracted twice"),
        Identity(nabla("^i", nabla("j", nabla("i", f))), "derivatives commuted"),
        Identity(
            laplacian(norm_squared(gradient(f))) / 2,
            "Bochner's formula",
            ("½ Δ |∇f|²", r"\tfrac12 \Delta |\nabla f|^2"),
        ),
    )


def curvature_derivation() -> Derivation:
    r"""Return the conventions and the identities as a derivation."""
    derivation = Derivation("Conventions and curvature")
    definition = (
        r"\partial_c \Gamma^{a}_{db} - \partial_d \Gamma^{a}_{cb}"
        r" + \Gamma^{a}_{ce} \Gamma^{e}_{db} - \Gamma^{a}_{de} \Gamma^{e}_{cb}"
    )
    derivation.add(definition, "convention: positive on the round sphere", lhs=r"R^{a}{}_{bcd}")
    for identity in curvature_identities():
        lhs = identity.name[1] or identity.left.latex()
        derivation.add(identity.right.latex(), identity.reason, lhs=lhs, text=str(identity))
    return derivation
