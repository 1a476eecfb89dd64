r"""Round spheres and hyperbolic spaces.

    S^n of radius a: K = 1/a²,  Ric = (n-1)/a² g,  Δ cos θ = -n/a² cos θ,  ∇² cos θ = -cos θ/a² g
    H^n: K = -1, upper half space (dx² + ... + dy²)/y²

Reference: Lee, Introduction to Riemannian Manifolds (2018), chapter 8; Obata, J. Math. Soc. Japan 14 (1962) 333.
"""

from __future__ import annotations

from geomflow.metrics.spaces.base import Space, line

_REFERENCE = "Lee, chapter 8; Obata (1962)"


def sphere(n: int) -> Space:
    r"""Return S^n of radius a in polar angles, which shrinks under Ricci flow as a' = -(n-1)/a."""
    angles = ["theta", *(f"theta{i}" for i in range(2, n)), "phi"] if n > 1 else ["phi"]
    element, factor = "", "a^2"
    for angle in angles:
        element += f" + {factor}*d{angle}^2"
        factor += f"*sin({angle})^2"
    density = "*".join(f"sin({x})^{n - 1 - i}" for i, x in enumerate(angles[:-1]))
    return Space(
        f"sphere-{n}",
        line(" ".join(angles), element.removeprefix(" + "), "a"),
        f"The round sphere of dimension {n} and radius a.",
        _REFERENCE,
        {
            "constant_curvature": "1/a^2",
            "einstein": f"{n - 1}/a^2",
            "scalar": f"{n * (n - 1)}/a^2",
            "kretschmann": f"{2 * n * (n - 1)}/a^4",
            "volume_density": f"a^{n}*{density}",
            "killing": ("d_phi", _rotation(angles)),
            "not_killing": ("d_theta",),
            "eigenfunction": (("cos(theta)", f"{n}/a^2"),),
            "concircular": (("cos(theta)", "-cos(theta)/a^2"),),
            "conformally_flat": True,
            "locally_symmetric": True,
            "embedding": (_position(angles), "+" * (n + 1)),
            "flow": {"a": f"-{n - 1}/a"},
        },
        "+" * n,
        {"a": 2},
    )


def _position(angles: list[str]) -> tuple[str, ...]:
    # x_0 = a cos θ, x_1 = a sin θ cos θ2, ...
    factor, position = "a", []
    for angle in angles:
        position.append(f"{factor}*cos({angle})")
        factor += f"*sin({angle})"
    return (*position, factor)


def _rotation(angles: list[str]) -> str:
    # The rotation that turns the first angle into the second.
    if len(angles) == 2:
        return "sin(phi)*d_theta + cot(theta)*cos(phi)*d_phi"
    return f"cos({angles[1]})*d_theta - cot(theta)*sin({angles[1]})*d_{angles[1]}"


def hyperbolic(n: int) -> Space:
    r"""Return H^n in the upper half space, which expands under Ricci flow: K = -1/s, s' = 2(n-1)."""
    names = [*"xzw"[: n - 1], "y"]
    squares = " + ".join(f"d{x}^2" for x in names)
    euler = " + ".join(f"{x}*d_{x}" for x in names)
    return Space(
        f"hyperbolic-{n}",
        line(" ".join(names), f"s*({squares})/y^2", "s"),
        f"Hyperbolic space of dimension {n} and curvature -1/s, upper half space.",
        _REFERENCE,
        {
            "constant_curvature": "-1/s",
            "einstein": f"-{n - 1}/s",
            "scalar": f"-{n * (n - 1)}/s",
            "killing": ("d_x", euler),
            "not_killing": ("d_y",),
            "eigenfunction": (("y^2", f"{2 * (n - 3)}/s"),),
            "concircular": (("1/y", "1/(s*y)"),),
            "conformally_flat": True,
            "locally_symmetric": True,
            "flow": {"s": f"{2 * (n - 1)}"},
        },
        "+" * n,
    )


POINCARE_BALL = Space(
    "poincare-ball",
    line("x y z", "4*(dx^2 + dy^2 + dz^2)/(1 - x^2 - y^2 - z^2)^2"),
    "H³ in the ball model.",
    _REFERENCE,
    {
        "constant_curvature": "-1",
        "scalar": "-6",
        "volume_density": "8/(1 - x^2 - y^2 - z^2)^3",
        "killing": ("x*d_y - y*d_x", "(1 - x^2 + y^2 + z^2)*d_x - 2*x*y*d_y - 2*x*z*d_z"),
    },
    "+++",
    {"x": "1/4", "y": "1/3", "z": "1/5"},
)

FAMILY = (*(sphere(n) for n in (2, 3, 4, 5)), *(hyperbolic(n) for n in (2, 3, 4)), POINCARE_BALL)
