r"""Black holes in geometric units (G = c = 1), signature -+++.

With \(\Sigma = r^2 + a^2\cos^2\theta\) and \(\Delta = r^2 - 2Mr + a^2 + Q^2\), Kerr-Newman is

    ds² = -Δ/Σ (dt - a sin²θ dφ)² + sin²θ/Σ ((r² + a²) dφ - a dt)² + Σ/Δ dr² + Σ dθ²

Reference: Misner, Thorne, Wheeler, Gravitation (1973), (31.4) and chapter 33; Henry, ApJ 535 (2000) 350, for the
Kretschmann scalars.
"""

from geomflow.metrics.spaces.base import Space, line

_SPHERE = "r^2*(dtheta^2 + sin(theta)^2*dphi^2)"
_ROTATIONS = (
    "d_phi",
    "sin(phi)*d_theta + cot(theta)*cos(phi)*d_phi",
    "cos(phi)*d_theta - cot(theta)*sin(phi)*d_phi",
)
_SIGMA = "(r^2 + a^2*cos(theta)^2)"


def _rotating(delta: str) -> str:
    return (
        f"-({delta})/{_SIGMA}*(dt - a*sin(theta)^2*dphi)^2 + sin(theta)^2/{_SIGMA}*((r^2 + a^2)*dphi - a*dt)^2"
        f" + {_SIGMA}/({delta})*dr^2 + {_SIGMA}*dtheta^2"
    )


SCHWARZSCHILD = Space(
    "schwarzschild",
    line("t r theta phi", f"-(1 - 2*M/r)*dt^2 + dr^2/(1 - 2*M/r) + {_SPHERE}", "M"),
    "The static black hole of mass M.",
    "Misner, Thorne, Wheeler (31.1)-(31.4)",
    {
        "ricci_flat": True,
        "kretschmann": "48*M^2/r^6",
        "volume_density": "r^2*sin(theta)",
        "killing": ("d_t", *_ROTATIONS),
        "not_killing": ("d_r", "d_theta"),
        "sectional": (
            ("d_t", "d_r", "2*M/r^3"),
            ("d_t", "d_theta", "-M/r^3"),
            ("d_r", "d_phi", "-M/r^3"),
            ("d_theta", "d_phi", "2*M/r^3"),
        ),
        "conformally_flat": False,
        "bach_flat": True,
    },
    "-+++",
    {"r": 3, "M": 1},
)

PAINLEVE = Space(
    "painleve",
    line("t r theta phi", f"-dt^2 + (dr + sqrt(2*M/r)*dt)^2 + {_SPHERE}", "M", positive="M r"),
    "Schwarzschild in Painlevé-Gullstrand coordinates, smooth across the horizon.",
    "Martel, Poisson, Am. J. Phys. 69 (2001) 476",
    {
        "ricci_flat": True,
        "kretschmann": "48*M^2/r^6",
        "volume_density": "r^2*sin(theta)",
        "killing": ("d_t", "d_phi"),
    },
    "-+++",
    {"r": 1, "M": 1},
)

REISSNER_NORDSTROEM = Space(
    "reissner-nordstroem",
    line("t r theta phi", f"-(1 - 2*M/r + Q^2/r^2)*dt^2 + dr^2/(1 - 2*M/r + Q^2/r^2) + {_SPHERE}", "M Q"),
    "The static black hole of mass M and charge Q.",
    "Misner, Thorne, Wheeler, box 33.2; Henry (2000)",
    {
        "maxwell": "-Q/r*dt",
        "scalar": "0",
        "ricci_flat": False,
        "ricci_squared": "4*Q^4/r^8",
        "kretschmann": "48*M^2/r^6 - 96*M*Q^2/r^7 + 56*Q^4/r^8",
        "killing": ("d_t", *_ROTATIONS),
    },
    "-+++",
    {"r": 3, "M": 1, "Q": "1/2"},
)

KERR = Space(
    "kerr",
    line("t r theta phi", _rotating("r^2 - 2*M*r + a^2"), "M a"),
    "The rotating black hole of mass M and angular momentum Ma, in Boyer-Lindquist coordinates.",
    "Misner, Thorne, Wheeler, box 33.2; Henry (2000)",
    {
        "ricci_flat": True,
        "kretschmann": f"48*M^2*(r^2 - a^2*cos(theta)^2)*({_SIGMA}^2 - 16*r^2*a^2*cos(theta)^2)/{_SIGMA}^6",
        "volume_density": f"{_SIGMA}*sin(theta)",
        "killing": ("d_t", "d_phi"),
        "not_killing": _ROTATIONS[1:],
        "conformally_flat": False,
        "bach_flat": True,
    },
    "-+++",
    {"r": 3, "M": 1, "a": "1/2"},
)

KERR_NEWMAN = Space(
    "kerr-newman",
    line("t r theta phi", _rotating("r^2 - 2*M*r + a^2 + Q^2"), "M a Q"),
    "The rotating, charged black hole.",
    "Misner, Thorne, Wheeler (33.2)-(33.5)",
    {
        "maxwell": f"-Q*r/{_SIGMA}*(dt - a*sin(theta)^2*dphi)",
        "scalar": "0",
        "ricci_squared": f"4*Q^4/{_SIGMA}^4",
        "volume_density": f"{_SIGMA}*sin(theta)",
        "killing": ("d_t", "d_phi"),
    },
    "-+++",
    {"r": 3, "M": 1, "a": "1/2", "Q": "1/2"},
)

KOTTLER = Space(
    "kottler",
    line("t r theta phi", f"-(1 - 2*M/r - L*r^2/3)*dt^2 + dr^2/(1 - 2*M/r - L*r^2/3) + {_SPHERE}", "M L"),
    "Schwarzschild-de Sitter: a black hole with cosmological constant L.",
    "Stephani et al., Exact Solutions of Einstein's Field Equations (2003), table 15.1",
    {
        "einstein": "L",
        "scalar": "4*L",
        "kretschmann": "48*M^2/r^6 + 8*L^2/3",
        "bach_flat": True,
        "parallel_ricci": True,
        "killing": ("d_t", *_ROTATIONS),
    },
    "-+++",
    {"r": 3, "M": 1, "L": "1/100"},
)

FAMILY = (SCHWARZSCHILD, PAINLEVE, REISSNER_NORDSTROEM, KERR, KERR_NEWMAN, KOTTLER)
