r"""Complex projective and hyperbolic spaces in real affine coordinates, \(z_k = x_k + i y_k\).

    ds² = |dz|²/(1 ± |z|²) ∓ |z̄·dz|²/(1 ± |z|²)²,   Kähler form d(Σ (x dy - y dx)/(2 (1 ± |z|²)))

Normalised to holomorphic sectional curvature ±4, so that Ric = ±2(n+1) g and \(|\mathrm{Rm}|^2 = 32 n(n+1)\); the
lower sign is the Bergman metric of the ball. Kähler potential: \(ds^2 = \mathrm{Re}\,K_{i\bar j}dz^id\bar z^j\) with
\(K = \pm\log(1 \pm |z|^2)\).

Reference: Kobayashi, Nomizu, Foundations of Differential Geometry II (1969), chapter IX, examples 6.3 and section 7.
"""

from __future__ import annotations

from geomflow.metrics.spaces.base import Space, line

_REFERENCE = "Kobayashi, Nomizu II, section IX.7"


def _line(n: int, sign: str) -> tuple[str, str, str, str]:
    # Coordinates, |z|², line element, potential.
    x, y = ([f"{name}{k}" if n > 1 else name for k in range(1, n + 1)] for name in "xy")
    square = " + ".join(f"{a}^2" for a in x + y)
    below = f"(1 {sign} ({square}))"
    flat = " + ".join(f"d{a}^2" for a in x + y)
    radial = " + ".join(f"{a}*d{a}" for a in x + y)
    turning = " + ".join(f"{a}*d{b} - {b}*d{a}" for a, b in zip(x, y))
    minus = "-" if sign == "+" else "+"
    element = f"({flat})/{below} {minus} (({radial})^2 + ({turning})^2)/{below}^2"
    return " ".join(a for pair in zip(x, y) for a in pair), below, element, f"({turning})/(2*{below})"


def _complex(n: int) -> str:
    return " ".join(f"z{k}" for k in range(1, n + 1)) if n > 1 else "z"


def projective(n: int) -> Space:
    r"""Return CP^n with the Fubini-Study metric."""
    coordinates, below, element, potential = _line(n, "+")
    names = coordinates.split()
    truths = {
        "einstein": f"{2 * (n + 1)}",
        "scalar": f"{4 * n * (n + 1)}",
        "kretschmann": f"{32 * n * (n + 1)}",
        "locally_symmetric": True,
        "kaehler": potential,
        "potential": (_complex(n), f"log(1 + abs2({_complex(n).replace(' ', ', ')}))", ""),
        "volume_density": f"1/{below}^{n + 1}",
        "sectional": ((f"d_{names[0]}", f"d_{names[1]}", "4"),),
        "killing": (
            f"{names[0]}*d_{names[1]} - {names[1]}*d_{names[0]}",
            f"d_{names[0]} + {names[0]}*({' + '.join(f'{a}*d_{a}' for a in names)})"
            f" + {names[1]}*({' + '.join(f'{a}*d_{b} - {b}*d_{a}' for a, b in zip(names[::2], names[1::2]))})",
        ),
        "eigenfunction": ((f"({names[0]}^2 + {names[1]}^2)/{below} - 1/{n + 1}", f"{4 * (n + 1)}"),),
    }
    if n == 2:
        truths |= {"half_flat": True, "bach_flat": True, "conformally_flat": False}
    return Space(
        f"cp-{n}",
        line(coordinates, element),
        f"CP^{n} with the Fubini-Study metric, holomorphic sectional curvature 4.",
        _REFERENCE,
        truths,
        "+" * (2 * n),
    )


def ball(n: int) -> Space:
    r"""Return CH^n, the unit ball with the Bergman metric."""
    coordinates, below, element, potential = _line(n, "-")
    return Space(
        f"ch-{n}",
        line(coordinates, element),
        f"Complex hyperbolic space of dimension {n}, holomorphic sectional curvature -4.",
        _REFERENCE,
        {
            "einstein": f"-{2 * (n + 1)}",
            "kretschmann": f"{32 * n * (n + 1)}",
            "locally_symmetric": True,
            "half_flat": True,
            "kaehler": potential,
            "potential": (_complex(n), f"-log(1 - abs2({_complex(n).replace(' ', ', ')}))", ""),
            "volume_density": f"1/{below}^{n + 1}",
        },
        "+" * (2 * n),
        {name: f"1/{3 + k}" for k, name in enumerate(coordinates.split())},
    )


COHOMOGENEITY_ONE = Space(
    "cp-2-bianchi",
    line(
        "r theta phi psi",
        "dr^2/(1 + r^2)^2 + r^2/(4*(1 + r^2)^2)*(dpsi + cos(theta)*dphi)^2"
        " + r^2/(4*(1 + r^2))*(dtheta^2 + sin(theta)^2*dphi^2)",
    ),
    "CP² as a family of Berger spheres.",
    "Eguchi, Gilkey, Hanson, Phys. Rep. 66 (1980) 213, section 10.3",
    {
        "einstein": "6",
        "kretschmann": "192",
        "locally_symmetric": True,
        "half_flat": True,
        "bach_flat": True,
        "volume_density": "r^3*sin(theta)/(8*(1 + r^2)^3)",
        "kaehler": "r^2/(4*(1 + r^2))*(dpsi + cos(theta)*dphi)",
        "killing": ("d_psi", "d_phi"),
    },
    "++++",
)

FAMILY = (*(projective(n) for n in (1, 2, 3)), COHOMOGENEITY_ONE, ball(2))
