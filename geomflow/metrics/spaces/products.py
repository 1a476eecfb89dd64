r"""Products of surfaces and lines: factors keep their curvature, Ric = K1 g1 + K2 g2.

A product of surfaces is conformally flat if and only if K1 = -K2, and a surface times a line if K is constant.

Reference: Besse, Einstein Manifolds (1987), 1.G and 1.J; Stephani et al. (12.8), (12.16) for Nariai and
Bertotti-Robinson.
"""

from geomflow.metrics.spaces.base import Space, line

_REFERENCE = "Besse, 1.G and 1.J"
_SPHERE = "(dtheta^2 + sin(theta)^2*dphi^2)"

SPHERES = Space(
    "sphere-2-sphere-2",
    line("theta phi alpha beta", f"a^2*{_SPHERE} + b^2*(dalpha^2 + sin(alpha)^2*dbeta^2)", "a b"),
    "S² of radius a times S² of radius b.",
    _REFERENCE,
    {
        "ricci_mixed": {"theta theta": "1/a^2", "phi phi": "1/a^2", "alpha alpha": "1/b^2", "beta beta": "1/b^2"},
        "scalar": "2/a^2 + 2/b^2",
        "kretschmann": "4/a^4 + 4/b^4",
        "sectional": (("d_theta", "d_phi", "1/a^2"), ("d_theta", "d_alpha", "0"), ("d_alpha", "d_beta", "1/b^2")),
        "locally_symmetric": True,
        "conformally_flat": False,
        "kaehler": ("-a^2*cos(theta)*dphi - b^2*cos(alpha)*dbeta", "-a^2*cos(theta)*dphi + b^2*cos(alpha)*dbeta"),
        "flow": {"a": "-1/a", "b": "-1/b"},
        "conserved": "a^2 - b^2",
        "on_shell": (({"b": "a"}, "einstein", "1/a^2"), ({"b": "a"}, "bach_flat", True)),
    },
    "++++",
    {"a": 2, "b": 3},
)

HYPERBOLIC_LINE = Space(
    "hyperbolic-2-line",
    line("x y z", "s*(dx^2 + dy^2)/y^2 + dz^2", "s"),
    "H²×R, one of Thurston's eight geometries.",
    "Thurston, Three-Dimensional Geometry and Topology (1997), section 3.8; " + _REFERENCE,
    {
        "ricci_mixed": {"x x": "-1/s", "y y": "-1/s"},
        "scalar": "-2/s",
        "parallel": "d_z",
        "locally_symmetric": True,
        "conformally_flat": True,
        "killing": ("d_x", "x*d_x + y*d_y"),
        "flow": {"s": "2"},
    },
    "+++",
)

SPHERE_HYPERBOLIC = Space(
    "sphere-2-hyperbolic-2",
    line("theta phi x y", f"a^2*({_SPHERE} + (dx^2 + dy^2)/y^2)", "a"),
    "S²×H² of opposite curvatures.",
    _REFERENCE,
    {"scalar": "0", "ricci_flat": False, "conformally_flat": True, "bach_flat": True, "locally_symmetric": True},
    "++++",
)

NARIAI = Space(
    "nariai",
    line("t chi theta phi", f"(-dt^2 + cosh(t)^2*dchi^2 + {_SPHERE})/L", "L", positive="L"),
    "Nariai's universe dS2 × S² with cosmological constant L.",
    "Stephani et al. (12.8)",
    {"einstein": "L", "locally_symmetric": True, "conformally_flat": False, "killing": ("d_chi", "d_phi")},
    "-+++",
)

BERTOTTI_ROBINSON = Space(
    "bertotti-robinson",
    line("t z theta phi", f"Q^2*((-dt^2 + dz^2)/z^2 + {_SPHERE})", "Q"),
    "AdS2 × S², the throat of an extremal black hole of charge Q.",
    "Stephani et al. (12.16)",
    {
        "maxwell": "Q/z*dt",
        "scalar": "0",
        "conformally_flat": True,
        "bach_flat": True,
        "locally_symmetric": True,
        "ricci_squared": "4/Q^4",
    },
    "-+++",
)

FAMILY = (SPHERES, HYPERBOLIC_LINE, SPHERE_HYPERBOLIC, NARIAI, BERTOTTI_ROBINSON)
