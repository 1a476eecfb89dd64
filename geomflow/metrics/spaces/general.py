r"""Metrics with as many unknown functions as there are components, and conformal classes.

    n = 2, g = e^{2u}(dx² + dy²):  R = -2 e^{-2u} Δu        n = 3, g = e^{2u} δ:  R = -e^{-2u} (4 Δu + 2 |∂u|²)
    n = 4, g = u² δ:               R = -6 Δu/u³             n = 2, g = w δ:       w_t = Δ log w under Ricci flow

The curvature of e dx² + 2f dx dy + g dy² is Brioschi's formula.

Reference: Besse, Einstein Manifolds (1987), 1.J; do Carmo, Differential Geometry of Curves and Surfaces (1976),
section 4.3; Hamilton, Contemp. Math. 71 (1988) 237.
"""

from geomflow.metrics.spaces.base import Space, line

_LAPLACE_U = "(diff(u, x, 2) + diff(u, y, 2) + diff(u, z, 2))"


def _brioschi() -> str:
    # Two determinants of order 3, expanded.
    e, f, g = ({v: f"diff({name}, {v})" for v in "xy"} for name in "efg")
    corner = "(-diff(e, y, 2)/2 + diff(f, x, y) - diff(g, x, 2)/2)"
    p, q, r, s = f"{e['x']}/2", f"({f['x']} - {e['y']}/2)", f"({f['y']} - {g['x']}/2)", f"{g['y']}/2"
    first = f"{corner}*(e*g - f^2) - {p}*({r}*g - f*{s}) + {q}*({r}*f - e*{s})"
    b, d = f"{e['y']}/2", f"{g['x']}/2"
    second = f"-{b}*({b}*g - f*{d}) + {d}*({b}*f - e*{d})"
    return f"(({first}) - ({second}))/(e*g - f^2)^2"


PLANE = Space(
    "conformal-plane",
    line("x y", "exp(2*u)*(dx^2 + dy^2)", functions={"u": "x y"}),
    "Every surface locally: e^{2u}(dx² + dy²), and Ricci flow as a scalar equation.",
    "Besse, 1.J; Hamilton (1988)",
    {
        "scalar": "-2*exp(-2*u)*(diff(u, x, 2) + diff(u, y, 2))",
        "volume_density": "exp(2*u)",
        "flow": {"u": "exp(-2*u)*(diff(u, x, 2) + diff(u, y, 2))"},
    },
    "++",
    {"u": "x*y"},
)

PLANE_LOG = Space(
    "log-diffusion",
    line("x y", "w*(dx^2 + dy^2)", functions={"w": "x y"}),
    "The same with w = e^{2u}: logarithmic diffusion.",
    "Hamilton (1988); Daskalopoulos, Kenig, Degenerate Diffusions (2007)",
    {
        "scalar": "-diff(log(w), x, 2)/w - diff(log(w), y, 2)/w",
        "flow": {"w": "diff(log(w), x, 2) + diff(log(w), y, 2)"},
    },
    "++",
    {"w": "2 + x*y"},
)

SURFACE = Space(
    "general-2",
    line("x y", "e*dx^2 + 2*f*dx*dy + g*dy^2", functions=dict.fromkeys("efg", "x y")),
    "The general metric in dimension 2: three functions.",
    "do Carmo, section 4.3 (Brioschi)",
    {"scalar": f"2*{_brioschi()}"},
    "++",
    {"e": "2 + x^2", "f": "x*y/4", "g": "2 + y^2"},
)

THREE = Space(
    "general-3",
    line(
        "x y z",
        "a*dx^2 + 2*b*dx*dy + 2*c*dx*dz + d*dy^2 + 2*e*dy*dz + f*dz^2",
        functions=dict.fromkeys("abcdef", "x y z"),
    ),
    "The general metric in dimension 3: six functions; what holds are the identities.",
    "Besse, 1.G",
    {},
    "+++",
    {"a": "2 + x^2", "b": "x*y/4", "c": "z/4", "d": "2 + z^2", "e": "x/4", "f": "2 + y^2"},
)

CONFORMAL_SPACE = Space(
    "conformal-space",
    line("x y z", "exp(2*u)*(dx^2 + dy^2 + dz^2)", functions={"u": "x y z"}),
    "The conformally flat metrics e^{2u} δ in dimension 3.",
    "Besse, 1.159",
    {
        "scalar": f"-exp(-2*u)*(4*{_LAPLACE_U} + 2*(diff(u, x)^2 + diff(u, y)^2 + diff(u, z)^2))",
        "conformally_flat": True,
    },
    "+++",
    {"u": "x*y*z"},
)

YAMABE = Space(
    "yamabe-4",
    line("x y z w", "u^2*(dx^2 + dy^2 + dz^2 + dw^2)", functions={"u": "x y z w"}),
    "Conformally flat metrics u² δ in dimension 4: the Yamabe equation.",
    "Besse, 1.161; Lee, Parker, Bull. AMS 17 (1987) 37",
    {
        "scalar": "-6*(diff(u, x, 2) + diff(u, y, 2) + diff(u, z, 2) + diff(u, w, 2))/u^3",
        "conformally_flat": True,
        "bach_flat": True,
    },
    "++++",
    {"u": "2 + x*y*z*w"},
)

FAMILY = (PLANE, PLANE_LOG, SURFACE, THREE, CONFORMAL_SPACE, YAMABE)
