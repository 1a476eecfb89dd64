r"""The unimodular Lie groups of dimension three, by name, in Milnor's frame.

    dω1 = λ1 ω2∧ω3,  dω2 = λ2 ω3∧ω1,  dω3 = λ3 ω1∧ω2

Reference: Milnor, Adv. Math. 21 (1976) 293, section 4; `geomflow.symbolic.charts.lie_groups` has the constants.
"""

from __future__ import annotations

from geomflow.core.catalogue import Catalogue
from geomflow.core.errors import ArgumentError
from geomflow.symbolic.charts.lie_groups import LieAlgebra, abelian, e2, nil, sl2r, sol, su2

GROUPS: Catalogue[LieAlgebra] = Catalogue("group")
GROUPS.add("su2", su2())
GROUPS.add("sl2r", sl2r())
GROUPS.add("e2", e2())
GROUPS.add("nil", nil())
GROUPS.add("sol", sol())
GROUPS.add("abelian", abelian(3))


def group(given: str | LieAlgebra) -> LieAlgebra:
    r"""Return a Lie algebra given by its name in `GROUPS`, or itself.

    Args:
        given: a name, or any algebra with numbers as structure constants, such as
            `LieAlgebra.from_coframe(["0", "w1*w2", "w1*w3"])`.

    Raises:
        CatalogueError: there is no group of that name.
        ArgumentError: the structure constants hold symbols.
    """
    algebra = GROUPS[given] if isinstance(given, str) else given
    if algebra.constants:
        names = ", ".join(str(c) for c in algebra.constants)
        raise ArgumentError(
            f"A flow needs numbers as structure constants, but this algebra holds {names}. Insert them."
        )
    return algebra
