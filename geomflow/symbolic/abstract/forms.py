r"""Closed forms with a potential: F = dA, H = dB. A form is a head of its own that knows its potential.

    (dB)_{i_0 ... i_p} = Σ_k (-1)^k ∇_{i_k} B_{i_0 ... î_k ... i_p},

so F_ij = ∇_i A_j - ∇_j A_i and H_ijk = ∇_i B_jk + ∇_j B_ki + ∇_k B_ij: no factor 1/p!. A gradient is then printed in H
and not in B; the rule \(\delta H = d\,\delta B\) varies it, and dH = 0 is among its identities.

Limits: \(\nabla_i A_j - \nabla_j A_i\) written out is not recognised as F; `exterior_derivative` writes F out.
"""

from __future__ import annotations

from geomflow.core.errors import DerivationError
from geomflow.symbolic.abstract.expression import Expression, Head, as_expression, nabla, tensor


def form_head(potential: Head, name: str = "") -> Head:
    r"""Return the head of the exterior derivative of `potential`, called d and its name if it has none of its own.

    Raises:
        DerivationError: the potential is not a one-form or an antisymmetric tensor.
    """
    if potential.rank == 0 or (potential.rank > 1 and potential.symmetry != "antisymmetric"):
        raise DerivationError(
            f"Only a form has an exterior derivative, but `{potential.name}` is none. Declare a one-form as `A_i` and "
            "a two-form as `B_[ij]`; for a scalar f write ∇f."
        )
    latex = "" if name else rf"(\mathrm{{d}}{potential.latex or potential.name})"
    return Head(name or f"d{potential.name}", potential.rank + 1, "antisymmetric", "form", latex, field=potential)


def exterior_derivative(head: Head, *slots: str) -> Expression:
    r"""Return \((dB)_{i_0 \ldots i_p}\) of the p-form `head`, written out in \(\nabla B\)."""
    total = as_expression(0)
    for position, slot in enumerate(slots):
        total = total + (-1) ** position * nabla(slot, tensor(head, *slots[:position], *slots[position + 1 :]))
    return total
