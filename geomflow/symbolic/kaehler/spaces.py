r"""Kähler metrics that everyone meets, written down by their potentials.

Nothing but the potential (or the matrix) is stated; what is known about each is in its sentence and is checked in
the tests.
"""

from __future__ import annotations

from geomflow.symbolic.kaehler.calabi import coordinates, invariant
from geomflow.symbolic.kaehler.complex_chart import ComplexChart
from geomflow.symbolic.kaehler.metric import Kaehler


def _norm2(n: int) -> str:
    return f"abs2({', '.join(coordinates(n).split())})"


def flat(n: int) -> Kaehler:
    r"""Return flat \(\mathbb C^n\), \(K = |z|^2\)."""
    return Kaehler(ComplexChart(coordinates(n)), _norm2(n))


def fubini_study(n: int) -> Kaehler:
    r"""Return \(\mathbb{CP}^n\), \(K = \log(1+|z|^2)\): Ric = (n+1) g, holomorphic sectional curvature H = 2."""
    return Kaehler(ComplexChart(coordinates(n)), f"log(1 + {_norm2(n)})")


def complex_hyperbolic(n: int) -> Kaehler:
    r"""Return the unit ball with the Bergman metric, \(K = -\log(1-|z|^2)\): Ric = -(n+1) g, H = -2."""
    return Kaehler(ComplexChart(coordinates(n)), f"-log(1 - {_norm2(n)})")


def polydisc(n: int) -> Kaehler:
    r"""Return the product of n discs, \(K = -\sum_i\log(1-|z^i|^2)\): Ric = -2 g, H not constant for n > 1."""
    names = coordinates(n).split()
    return Kaehler(ComplexChart(" ".join(names)), "-(" + " + ".join(f"log(1 - abs2({z}))" for z in names) + ")")


def eguchi_hanson() -> Kaehler:
    r"""Return the Eguchi-Hanson metric, \(u' = \sqrt{|z|^4 + a^4}\): det g = 1, Ricci-flat, not flat.

    Its potential is \(K = q + a^2\log|z|^2 - a^2\log(q + a^2)\) with \(q = \sqrt{|z|^4 + a^4}\).
    """
    return invariant(ComplexChart("z1 z2", constants="a", positive="a"), "sqrt(abs2(z1, z2)^2 + a^4)")


def calabi_ricci_flat(n: int) -> Kaehler:
    r"""Return Calabi's metric on the canonical bundle of CP^(n-1), \(u' = (|z|^{2n} + b)^{1/n}\): Ricci-flat."""
    chart = ComplexChart(coordinates(n), constants="b", positive="b")
    return invariant(chart, f"({_norm2(n)}^{n} + b)^(1/{n})")


def burns() -> Kaehler:
    r"""Return the Burns metric on the blow-up of \(\mathbb C^2\), \(K = |z|^2 + m\log|z|^2\): R = 0, Ric not."""
    return Kaehler(ComplexChart("z1 z2", constants="m", positive="m"), "abs2(z1, z2) + m*log(abs2(z1, z2))")


def cigar() -> Kaehler:
    r"""Return Hamilton's cigar, \(g_{z\bar z} = 1/(1+|z|^2)\): a steady soliton with \(f = -\log(1+|z|^2)\)."""
    return Kaehler(ComplexChart("z"), matrix=[["1/(1 + abs2(z))"]])


def fubini_study_flow(n: int) -> Kaehler:
    r"""Return \(\mathbb{CP}^n\) under \(\partial_tg = -2\mathrm{Ric}\), \(K = (1 - 2(n+1)t)\log(1+|z|^2)\)."""
    chart = ComplexChart(coordinates(n), parameters="t")
    return Kaehler(chart, f"(1 - {2 * (n + 1)}*t)*log(1 + {_norm2(n)})")


def general(n: int, constants: str = "", parameters: str = "") -> Kaehler:
    r"""Return the metric of an unknown potential K(z, z̄): what holds for it holds for every Kähler metric."""
    z = coordinates(n).split()
    bars = [z.replace("z", "zb") for z in z]
    unknown = {"K": " ".join([*z, *bars, *parameters.split()])}
    return Kaehler(ComplexChart(" ".join(z), constants, unknown, parameters), "K")
