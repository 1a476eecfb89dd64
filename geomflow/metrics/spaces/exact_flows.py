r"""Exact solutions of Ricci flow on surfaces: \(\partial_t g = -2\,\mathrm{Ric}\), identically in the time t.

Reference: Chow, Lu, Ni, Hamilton's Ricci Flow (2006), section 2.3; King, J. Phys. A 26 (1993) 3681; Rosenau, Phys. Rev.
Lett. 74 (1995) 1056. The periodic solution is the sausage with one hyperbolic angle made circular.
"""

from geomflow.metrics.spaces.base import Space, line

_ANGLE = "cos(m1*x + m2*y)"

SHRINKING_SPHERE = Space(
    "shrinking-sphere",
    line("theta phi", "(s - 2*t)*(dtheta^2 + sin(theta)^2*dphi^2)", "s t"),
    "The round S² of squared radius s - 2t.",
    "Chow, Lu, Ni, section 2.1",
    {"flow": {"t": "1"}, "scalar": "2/(s - 2*t)", "constant_curvature": "1/(s - 2*t)"},
    "++",
    {"s": 5},
)

CIGAR_FLOW = Space(
    "cigar-flow",
    line("x y", "(dx^2 + dy^2)/(exp(4*t) + x^2 + y^2)", "t"),
    "The cigar in motion: it only slides along itself.",
    "Chow, Lu, Ni, section 2.3",
    {
        "flow": {"t": "1"},
        "scalar": "4*exp(4*t)/(exp(4*t) + x^2 + y^2)",
        "soliton": ("-log(exp(4*t) + x^2 + y^2)", "0"),
        "killing": "x*d_y - y*d_x",
    },
    "++",
)

SAUSAGE = Space(
    "sausage",
    line("x theta", "2*sinh(-2*t)/(cosh(2*x) + cosh(2*t))*(dx^2 + dtheta^2)", "t"),
    "The sausage of King and Rosenau: an ancient solution on S², t < 0.",
    "King (1993); Rosenau (1995); Chow, Lu, Ni, section 2.3.4",
    {
        "flow": {"t": "1"},
        "killing": "d_theta",
        "scalar": "2*(1 + cosh(2*x)*cosh(2*t))/(sinh(-2*t)*(cosh(2*x) + cosh(2*t)))",
    },
    "++",
    {"t": -1},
)

POISSON = Space(
    "poisson-torus",
    line("x y", f"sinh(s)/(cosh(s) + {_ANGLE})*(dx^2 + dy^2)", "m1 m2 s"),
    "The Poisson solution on T², wave vector (m1, m2), time s = |m|² t + t0.",
    "King (1993), continued to circular functions",
    {
        "flow": {"s": "m1^2 + m2^2"},
        "scalar": f"-(m1^2 + m2^2)*(1 + cosh(s)*{_ANGLE})/(sinh(s)*(cosh(s) + {_ANGLE}))",
        "killing": "m2*d_x - m1*d_y",
    },
    "++",
)

FAMILY = (SHRINKING_SPHERE, CIGAR_FLOW, SAUSAGE, POISSON)
