r"""Left-invariant metrics \(A\,\omega_1^2 + B\,\omega_2^2 + C\,\omega_3^2\) on three-dimensional unimodular Lie groups.

In Milnor's frame \(d\omega_1 = \lambda_1\,\omega_2\wedge\omega_3\) and cyclic, and Ricci flow is the system of ordinary
differential equations entered under `flow`; on SU(2) it is

    A' = 4 ((B - C)² - A²)/(BC)  and cyclic

Reference: Milnor, Adv. Math. 21 (1976) 293; Isenberg, Jackson, J. Differential Geom. 35 (1992) 723; Chow, Knopf, The
Ricci Flow: An Introduction (2004), chapter 1; for the solitons Baird, Danielo, J. reine angew. Math. 608 (2007) 65.
"""

from __future__ import annotations

from geomflow.metrics.spaces.base import Space, line
from geomflow.symbolic.charts.lie_groups import LieAlgebra, e2, left_invariant, nil, sl2r, sol, su2

_REFERENCE = "Milnor (1976); Isenberg, Jackson (1992); Chow, Knopf, chapter 1"


def _ricci(*l: int) -> dict[str, str]:
    # Milnor, theorem 4.3: 2 μ_2 μ_3 with μ_i = (λ_1 + λ_2 + λ_3)/2 - λ_i, the λ_i scaled by an orthonormal frame.
    scaled = [f"{factor}*{name}" if factor else "0" for factor, name in zip(l, "ABC")]
    return {
        f"{i + 1} {i + 1}": f"(({scaled[i]})^2 - ({scaled[(i + 1) % 3]} - ({scaled[(i + 2) % 3]}))^2)/(2*A*B*C)"
        for i in range(3)
    }


def _group(name: str, algebra: LieAlgebra, signs: tuple[int, int, int], note: str, **truths: object) -> Space:
    return Space(
        name,
        lambda: left_invariant(algebra, "A B C"),
        note,
        _REFERENCE,
        {"ricci_mixed": _ricci(*signs), "volume_density": "sqrt(A*B*C)", **truths},
        "+++",
        {"A": 2, "B": 3, "C": 5},
    )


SU2 = _group(
    "su-2",
    su2(),
    (2, 2, 2),
    "Left-invariant metrics on SU(2) = S³.",
    flow={
        "A": "4*((B - C)^2 - A^2)/(B*C)",
        "B": "4*((C - A)^2 - B^2)/(C*A)",
        "C": "4*((A - B)^2 - C^2)/(A*B)",
    },
    on_shell=(
        ({"B": "A", "C": "A"}, "constant_curvature", "1/A"),
        ({"C": "B"}, "ricci_mixed", {"1 1": "2*A/B^2", "2 2": "(4*B - 2*A)/B^2", "3 3": "(4*B - 2*A)/B^2"}),
    ),
)

NIL = _group(
    "nil",
    nil(),
    (2, 0, 0),
    "Left-invariant metrics on the Heisenberg group.",
    flow={"A": "-4*A^2/(B*C)", "B": "4*A/C", "C": "4*A/B"},
    conserved=("A*B", "A*C"),
    scalar="-2*A/(B*C)",
)

SOL = _group(
    "sol",
    sol(),
    (2, 0, -2),
    "Left-invariant metrics on Sol.",
    flow={"A": "4*(C^2 - A^2)/(B*C)", "B": "4*(A + C)^2/(A*C)", "C": "4*(A^2 - C^2)/(A*B)"},
    conserved=("A*C", "B*(A - C)"),
)

SL2R = _group(
    "sl-2-r",
    sl2r(),
    (-2, 2, 2),
    "Left-invariant metrics on the universal cover of SL(2, R).",
    flow={
        "A": "4*((B - C)^2 - A^2)/(B*C)",
        "B": "4*((A + C)^2 - B^2)/(A*C)",
        "C": "4*((A + B)^2 - C^2)/(A*B)",
    },
    on_shell=(({"C": "B"}, "ricci_mixed", {"1 1": "2*A/B^2", "2 2": "(-4*B - 2*A)/B^2", "3 3": "(-4*B - 2*A)/B^2"}),),
)

E2 = _group(
    "e-2",
    e2(),
    (2, 2, 0),
    "Left-invariant metrics on the universal cover of the motions of the plane.",
    flow={"A": "4*(B^2 - A^2)/(B*C)", "B": "4*(A^2 - B^2)/(A*C)", "C": "4*(A - B)^2/(A*B)"},
    conserved=("A*B", "C*(A + B)"),
    on_shell=(({"B": "A"}, "flat", True),),
)

BERGER = Space(
    "berger-sphere",
    line(
        "theta phi psi",
        "A/4*(dpsi + cos(theta)*dphi)^2 + B/4*(dtheta^2 + sin(theta)^2*dphi^2)",
        "A B",
    ),
    "The Berger spheres: S³ with circles of the Hopf fibration scaled.",
    "Petersen, Riemannian Geometry (2016), section 4.4.3; Chow, Knopf, section 1.5",
    {
        "scalar": "(8*B - 2*A)/B^2",
        "killing": ("d_psi", "d_phi", "sin(phi)*d_theta + cos(phi)*cot(theta)*d_phi - cos(phi)/sin(theta)*d_psi"),
        "not_killing": ("d_theta",),
        "volume_density": "sqrt(A)*B*sin(theta)/8",
        "flow": {"A": "-4*A^2/B^2", "B": "-8 + 4*A/B"},
        "conserved": "(B - A)/(A^2*B)",
        "on_shell": (({"B": "A"}, "constant_curvature", "1/A"),),
        "conformally_flat": False,
    },
    "+++",
    {"A": 2, "B": 3},
)

NIL_SOLITON = Space(
    "nil-soliton",
    line("x y z", "dx^2 + dy^2 + (dz - x*dy)^2"),
    "Nil in coordinates: an expanding soliton that is not gradient.",
    "Baird, Danielo (2007)",
    {
        "ricci": {"x x": "-1/2", "y y": "-1/2 + x^2/2", "y z": "-x/2", "z z": "1/2"},
        "scalar": "-1/2",
        "killing": ("d_z", "d_y", "d_x + y*d_z", "x*d_y - y*d_x + (x^2 - y^2)/2*d_z"),
        "soliton_field": ("-x*d_x - y*d_y - 2*z*d_z", "-3/2"),
        "conformally_flat": False,
    },
    "+++",
)

NIL_FLOW = Space(
    "nil-flow",
    line(
        "x y z",
        "(12*t + c)^(1/3)*(dx^2 + dy^2) + 4*(12*t + c)^(-1/3)*(dz - x*dy)^2",
        "t c",
        positive="t c",
    ),
    "The Ricci flow of Nil: the fibre collapses like t^(-1/3).",
    "Isenberg, Jackson (1992), section 3",
    {"flow": {"t": "1"}, "scalar": "-2/(12*t + c)"},
    "+++",
)

SOL_SOLITON = Space(
    "sol-soliton",
    line("x y z", "exp(2*z)*dx^2 + exp(-2*z)*dy^2 + dz^2"),
    "Sol in coordinates: an expanding soliton that is not gradient.",
    "Baird, Danielo (2007)",
    {
        "ricci": {"z z": "-2"},
        "scalar": "-2",
        "volume_density": "1",
        "killing": ("d_x", "d_y", "d_z - x*d_x + y*d_y"),
        "soliton_field": ("-2*x*d_x - 2*y*d_y", "-2"),
        "conformally_flat": False,
    },
    "+++",
)

SOL_FLOW = Space(
    "sol-flow",
    line("x y z", "exp(2*m*x)*dy^2 + exp(-2*m*x)*dz^2 + (a^2 + 4*m^2*t)*dx^2", "m a t"),
    "The Ricci flow of the symmetric Sol metric.",
    "Isenberg, Jackson (1992), section 5",
    {"flow": {"t": "1"}, "scalar": "-2*m^2/(a^2 + 4*m^2*t)"},
    "+++",
)

SL2R_COORDINATES = Space(
    "sl-2-r-coordinates",
    line("x y z", "(dx^2 + dy^2)/y^2 + (dz + dx/y)^2"),
    "The geometry of SL(2, R): a line bundle over H².",
    "Thurston, Three-Dimensional Geometry and Topology (1997), section 3.8",
    {
        "scalar": "-5/2",
        "ricci_squared": "19/4",
        "killing": ("d_z", "d_x", "x*d_x + y*d_y"),
        "not_killing": ("d_y",),
        "conformally_flat": False,
    },
    "+++",
)

E2_COORDINATES = Space(
    "e-2-coordinates",
    line(
        "x y z",
        "A*(cos(z)*dx + sin(z)*dy)^2 + B*(-sin(z)*dx + cos(z)*dy)^2 + C*dz^2",
        "A B C",
    ),
    "The motions of the plane in coordinates; the frame is half that of e-2, so time runs four times slower.",
    _REFERENCE,
    {
        "scalar": "-(A - B)^2/(2*A*B*C)",
        "killing": ("d_x", "d_y", "d_z - y*d_x + x*d_y"),
        "flow": {"A": "(B^2 - A^2)/(B*C)", "B": "(A^2 - B^2)/(A*C)", "C": "(A - B)^2/(A*B)"},
        "conserved": ("A*B", "C*(A + B)"),
        "on_shell": (({"B": "A"}, "flat", True),),
    },
    "+++",
    {"A": 2, "B": 3, "C": 5},
)

FAMILY = (
    *(SU2, BERGER, NIL, NIL_SOLITON, NIL_FLOW, SOL, SOL_SOLITON, SOL_FLOW),
    *(SL2R, SL2R_COORDINATES, E2, E2_COORDINATES),
)
