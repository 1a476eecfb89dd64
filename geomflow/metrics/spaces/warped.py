r"""Warped products with unknown functions, and their Ricci flows.

    g = dr² + f(r)² g_{S^{n-1}}:  K_rad = -f''/f,  K_tan = (1 - f'²)/f²
    g = φ² dx² + ψ² g_{S^n}:      φ_t = n φ ψ_ss/ψ,  ψ_t = ψ_ss - (n-1)(1 - ψ_s²)/ψ,  ∂_s = ∂_x/φ

Reference: Petersen, Riemannian Geometry (2016), section 4.2; Angenent, Knopf, Math. Res. Lett. 11 (2004) 493;
for the torus Carfora, Isenberg, Jackson, J. Differential Geom. 31 (1990) 249.
"""

from __future__ import annotations

from geomflow.metrics.spaces.base import Space, line

_ANGLES = ["theta", "alpha", "phi"]


def sphere_element(n: int) -> tuple[list[str], str]:
    r"""Return the angles and the line element of the unit S^n, n <= 3."""
    angles = [*_ANGLES[: n - 1], "phi"]
    element, factor = [], ""
    for angle in angles:
        element.append(f"{factor}d{angle}^2")
        factor += f"sin({angle})^2*"
    return angles, f"({' + '.join(element)})"


def rotational(n: int) -> Space:
    r"""Return dr² + f(r)² g on the sphere of dimension n - 1, for any f."""
    angles, round_one = sphere_element(n - 1)
    radial, tangential = "-f''/f", "(1 - f'^2)/f^2"
    across = f"-f''/f + {n - 2}*(1 - f'^2)/f^2"
    truths: dict = {
        "ricci_mixed": {"r r": f"-{n - 1}*f''/f", **{f"{x} {x}": across for x in angles}},
        "scalar": f"-{2 * (n - 1)}*f''/f + {(n - 1) * (n - 2)}*(1 - f'^2)/f^2",
        "kretschmann": f"{4 * (n - 1)}*f''^2/f^2 + {2 * (n - 1) * (n - 2)}*(1 - f'^2)^2/f^4",
        "sectional": (("d_r", "d_phi", radial), *((("d_theta", "d_phi", tangential),) if n > 2 else ())),
        "conformally_flat": True,
        "killing": ("d_phi",),
        "not_killing": ("d_r",),
        "on_shell": tuple(
            ({"f''": f"{sign}f"}, "sectional", (("d_r", "d_phi", k),)) for sign, k in (("-", "1"), ("", "-1"))
        ),
    }
    if n == 4:
        truths["bach_flat"] = True
    return Space(
        f"rotational-{n}",
        line(" ".join(["r", *angles]), f"dr^2 + f^2*{round_one}", functions={"f": "r"}),
        f"Rotationally symmetric metrics dr² + f(r)² g on the sphere, dimension {n}.",
        "Petersen, section 4.2.3",
        truths,
        "+" * n,
        {"f": "sinh(r)"},
    )


DOUBLY_WARPED = Space(
    "doubly-warped",
    line(
        "r theta phi alpha",
        "dr^2 + f^2*(dtheta^2 + sin(theta)^2*dphi^2) + h^2*dalpha^2",
        functions={"f": "r", "h": "r"},
    ),
    "Doubly warped products dr² + f(r)² g on S² + h(r)² g on S¹.",
    "Petersen, section 4.2.4",
    {
        "sectional": (
            ("d_r", "d_theta", "-f''/f"),
            ("d_r", "d_alpha", "-h''/h"),
            ("d_theta", "d_phi", "(1 - f'^2)/f^2"),
            ("d_theta", "d_alpha", "-f'*h'/(f*h)"),
        ),
        "ricci_mixed": {
            "r r": "-2*f''/f - h''/h",
            "theta theta": "-f''/f + (1 - f'^2)/f^2 - f'*h'/(f*h)",
            "phi phi": "-f''/f + (1 - f'^2)/f^2 - f'*h'/(f*h)",
            "alpha alpha": "-h''/h - 2*f'*h'/(f*h)",
        },
        "killing": ("d_phi", "d_alpha"),
        "volume_density": "f^2*h*sin(theta)",
    },
    "++++",
    {"f": "r", "h": "1 + r^2"},
)

NECK = Space(
    "neck",
    line(
        "x theta phi",
        "chi^2*dx^2 + psi^2*(dtheta^2 + sin(theta)^2*dphi^2)",
        functions={"chi": "x", "psi": "x"},
    ),
    "Rotationally symmetric Ricci flow on S³ or R×S²: necks and neckpinches.",
    "Angenent, Knopf (2004)",
    {
        "flow": {
            "chi": "2*diff(psi'/chi, x)/psi",
            "psi": "diff(psi'/chi, x)/chi - (1 - psi'^2/chi^2)/psi",
        },
        "conformally_flat": True,
    },
    "+++",
    {"chi": "2", "psi": "2 + sin(x)"},
)

TORUS_BUNDLE = Space(
    "torus-of-one-variable",
    line("x y z", "a^2*dx^2 + b^2*dy^2 + c^2*dz^2", functions={"a": "x", "b": "x", "c": "x"}),
    "Diagonal metrics on T³ that depend on one coordinate, and their Ricci flow.",
    "Carfora, Isenberg, Jackson (1990)",
    {
        "flow": {
            "a": "diff(b'/a, x)/b + diff(c'/a, x)/c",
            "b": "(diff(b'/a, x) + b'*c'/(a*c))/a",
            "c": "(diff(c'/a, x) + b'*c'/(a*b))/a",
        },
        "killing": ("d_y", "d_z"),
        "sectional": (("d_y", "d_z", "-b'*c'/(a^2*b*c)"),),
    },
    "+++",
    {"a": "1", "b": "2 + sin(x)", "c": "3 + cos(x)"},
)

FAMILY = (*(rotational(n) for n in (2, 3, 4)), DOUBLY_WARPED, NECK, TORUS_BUNDLE)
