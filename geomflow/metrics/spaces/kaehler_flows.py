r"""Exact solutions of Ricci flow: Kähler metrics.

If w(θ, s)|dz|² is a solution on the torus of complex dimension 1 that depends on one angle θ, then so is the flat
metric of any dimension with w in place of 1 along one complex line, θ = m·x, and J the complex structure:

    ds² = |dx|² + (w - 1) ((m·dx)² + (Jm·dx)²)/|m|²

Reference: H.-D. Cao, Invent. Math. 81 (1985) 359; J. R. King, J. Phys. A 26 (1993) 3681.
"""

from __future__ import annotations

from geomflow.metrics.spaces.base import Space, line
from geomflow.symbolic.kaehler.calabi import coordinates
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.metric import Kaehler


def shrinking_projective(n: int) -> Space:
    r"""Return CP^n with the Fubini-Study metric times s - 4(n+1) t."""
    z, rate = coordinates(n), 4 * (n + 1)
    potential = f"(s - {rate}*t)*log(1 + abs2({', '.join(z.split())}))"
    return Space(
        f"shrinking-cp-{n}",
        lambda: Kaehler(ComplexChart(z, constants="s t"), potential).real_metric(factor=1),
        f"CP^{n} shrinking to a point: the Fubini-Study metric times s - {rate}t.",
        "Besse, Einstein Manifolds (1987), section 3",
        {
            "flow": {"t": "1"},
            "einstein": f"{2 * (n + 1)}/(s - {rate}*t)",
            "scalar": f"{4 * n * (n + 1)}/(s - {rate}*t)",
        },
        "+" * (2 * n),
        {"s": 5, "t": 0},
    )


#: A wave vector on T⁴ oblique to the complex coordinates, and the complex structure applied to it.
WAVE, TURNED = (1, 0, 0, 1), (0, 1, -1, 0)


def _one_form(components: tuple[int, ...]) -> str:
    return " + ".join(f"({c})*dx{k + 1}" for k, c in enumerate(components))


def _oblique() -> Space:
    square = sum(m * m for m in WAVE)
    angle = " + ".join(f"({m})*x{k + 1}" for k, m in enumerate(WAVE))
    below = f"(cosh(s) + cos({angle}))"
    along = f"(({_one_form(WAVE)})^2 + ({_one_form(TURNED)})^2)/{square}"
    flat = " + ".join(f"dx{k + 1}^2" for k in range(len(WAVE)))
    return Space(
        "oblique-torus",
        line("x1 x2 x3 x4", f"{flat} + (sinh(s)/{below} - 1)*{along}", "s"),
        f"The Poisson solution along an oblique complex line of T⁴, wave vector {WAVE}, time s = {square}t + t0.",
        "King (1993), continued to circular functions",
        {"flow": {"s": f"{square}"}, "scalar": f"-{square}*(1 + cosh(s)*cos({angle}))/(sinh(s)*{below})"},
        "++++",
        {"s": 2},
    )


FAMILY = (*(shrinking_projective(n) for n in (1, 2, 3)), _oblique())
