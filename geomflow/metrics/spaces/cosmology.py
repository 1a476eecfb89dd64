r"""Cosmologies and waves, signature -+++.

Friedmann: \(G^t{}_t = -3(\dot a^2 + k)/a^2\), \(G^i{}_j = -(2a\ddot a + \dot a^2 + k)/a^2\,\delta^i_j\).
Kasner, \(-dt^2 + \sum t^{2p_i}dx_i^2\), is vacuum if \(\sum p_i = \sum p_i^2 = 1\).

Reference: Stephani et al., Exact Solutions of Einstein's Field Equations (2003); Gödel, Rev. Mod. Phys. 21 (1949) 447;
Hawking, Ellis, The Large Scale Structure of Space-Time (1973), chapter 5.
"""

from geomflow.metrics.spaces.base import Space, line

_SUM = "(p1 + p2 + p3)"
_KASNER = {"p1": "-u/(1 + u + u^2)", "p2": "(1 + u)/(1 + u + u^2)", "p3": "u*(1 + u)/(1 + u + u^2)"}

MINKOWSKI = Space(
    "minkowski",
    line("t x y z", "-dt^2 + dx^2 + dy^2 + dz^2"),
    "Flat spacetime.",
    "Hawking, Ellis, section 5.1",
    {
        "flat": True,
        "parallel": ("d_t", "d_x", "d_y", "d_z"),
        "killing": ("x*d_y - y*d_x", "y*d_z - z*d_y", "t*d_x + x*d_t", "t*d_z + z*d_t"),
        "not_killing": ("t*d_x - x*d_t",),
        "homothetic": ("t*d_t + x*d_x + y*d_y + z*d_z", "1"),
    },
    "-+++",
)

FLRW = Space(
    "flrw",
    line(
        "t r theta phi",
        "-dt^2 + a^2*(dr^2/(1 - k*r^2) + r^2*(dtheta^2 + sin(theta)^2*dphi^2))",
        "k",
        {"a": "t"},
    ),
    "Friedmann-Lemaître-Robertson-Walker: homogeneous, isotropic space of curvature k, scale a(t).",
    "Stephani et al. (14.5); Hawking, Ellis (5.11)",
    {
        "scalar": "6*(a*a'' + a'^2 + k)/a^2",
        "einstein_mixed": {
            "t t": "-3*(a'^2 + k)/a^2",
            **{f"{x} {x}": "-(2*a*a'' + a'^2 + k)/a^2" for x in ("r", "theta", "phi")},
        },
        "kretschmann": "12*(a''^2/a^2 + (a'^2 + k)^2/a^4)",
        "conformally_flat": True,
        "bach_flat": True,
        "killing": (
            "d_phi",
            "sin(phi)*d_theta + cot(theta)*cos(phi)*d_phi",
            "sqrt(1 - k*r^2)*(cos(theta)*d_r - sin(theta)/r*d_theta)",
        ),
        "not_killing": ("d_t",),
    },
    "-+++",
    {"k": "1/4", "a": "1 + t^2"},
)

GOEDEL = Space(
    "goedel",
    line("t x y z", "a^2*(-(dt + exp(x)*dy)^2 + dx^2 + exp(2*x)/2*dy^2 + dz^2)", "a"),
    "Gödel's rotating universe of dust, with closed timelike curves.",
    "Gödel (1949); Hawking, Ellis, section 5.7",
    {
        "ricci": {"t t": "1", "t y": "exp(x)", "y y": "exp(2*x)"},
        "scalar": "-1/a^2",
        "ricci_squared": "1/a^4",
        "volume_density": "a^4*exp(x)/sqrt(2)",
        "killing": (
            "d_t",
            "d_y",
            "d_z",
            "d_x - y*d_y",
            "-2*exp(-x)*d_t + y*d_x + (exp(-2*x) - y^2/2)*d_y",
        ),
        "conformally_flat": False,
    },
    "-+++",
    {"a": 2},
)

DE_SITTER = Space(
    "de-sitter",
    line("t r theta phi", "-(1 - r^2/L^2)*dt^2 + dr^2/(1 - r^2/L^2) + r^2*(dtheta^2 + sin(theta)^2*dphi^2)", "L"),
    "De Sitter space of radius L, static patch.",
    "Hawking, Ellis, section 5.2",
    {
        "constant_curvature": "1/L^2",
        "einstein": "3/L^2",
        "scalar": "12/L^2",
        "kretschmann": "24/L^4",
        "killing": (
            "d_t",
            "d_phi",
            "exp(t/L)*(r/sqrt(1 - r^2/L^2)*cos(theta)*d_t"
            " + L*sqrt(1 - r^2/L^2)*(cos(theta)*d_r - sin(theta)/r*d_theta))",
        ),
        "locally_symmetric": True,
        "conformally_flat": True,
    },
    "-+++",
    {"L": 2},
)

DE_SITTER_FLAT = Space(
    "de-sitter-flat",
    line("t x y z", "-dt^2 + exp(2*H*t)*(dx^2 + dy^2 + dz^2)", "H"),
    "De Sitter space in flat slicing, expanding at the rate H.",
    "Hawking, Ellis, section 5.2",
    {
        "constant_curvature": "H^2",
        "einstein": "3*H^2",
        "killing": ("d_x", "y*d_z - z*d_y", "d_t - H*(x*d_x + y*d_y + z*d_z)"),
    },
    "-+++",
)

ANTI_DE_SITTER = Space(
    "anti-de-sitter",
    line("t x y z", "L^2/z^2*(-dt^2 + dx^2 + dy^2 + dz^2)", "L"),
    "Anti-de Sitter space of radius L, Poincaré patch.",
    "Hawking, Ellis, section 5.2",
    {
        "constant_curvature": "-1/L^2",
        "einstein": "-3/L^2",
        "scalar": "-12/L^2",
        "killing": ("d_t", "t*d_x + x*d_t", "t*d_t + x*d_x + y*d_y + z*d_z"),
        "conformally_flat": True,
    },
    "-+++",
)

KASNER = Space(
    "kasner",
    line("t x y z", "-dt^2 + t^(2*p1)*dx^2 + t^(2*p2)*dy^2 + t^(2*p3)*dz^2", "p1 p2 p3 u", positive="t"),
    "Kasner's homogeneous, anisotropic universe with exponents p1, p2, p3.",
    "Stephani et al. (13.53); Landau, Lifshitz, The Classical Theory of Fields, section 117",
    {
        "ricci_mixed": {
            "t t": f"({_SUM} - p1^2 - p2^2 - p3^2)*(-1/t^2)",
            **{f"{x} {x}": f"{p}*({_SUM} - 1)/t^2" for x, p in (("x", "p1"), ("y", "p2"), ("z", "p3"))},
        },
        "on_shell": (
            (_KASNER, "ricci_flat", True),
            (_KASNER, "kretschmann", "16*u^2*(1 + u)^2/(1 + u + u^2)^3/t^4"),
            ({"p1": "0", "p2": "0", "p3": "1"}, "flat", True),
        ),
        "killing": ("d_x", "d_y", "d_z"),
        "homothetic": ("t*d_t + (1 - p1)*x*d_x + (1 - p2)*y*d_y + (1 - p3)*z*d_z", "1"),
    },
    "-+++",
)

PP_WAVE = Space(
    "pp-wave",
    line("u v x y", "2*du*dv + H*du^2 + dx^2 + dy^2", functions={"H": "u x y"}),
    "A plane-fronted wave with parallel rays, profile H(u, x, y).",
    "Stephani et al. (24.40)-(24.46)",
    {
        "ricci": {"u u": "-(diff(H, x, 2) + diff(H, y, 2))/2"},
        "scalar": "0",
        "ricci_squared": "0",
        "kretschmann": "0",
        "parallel": "d_v",
    },
    "-+++",
    {"H": "x^2 - y^2"},
)

FAMILY = (MINKOWSKI, FLRW, GOEDEL, DE_SITTER, DE_SITTER_FLAT, ANTI_DE_SITTER, KASNER, PP_WAVE)
