r"""The card and the LaTeX numbers of a widths run: what was verified and what was refuted, in numbers."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

from geomflow.core.card import Card, Verdict
from geomflow.experiments.study import judged, worst

#: A claim is verified if it holds at this level, refuted if it would fail at the second one, and undecided between.
HELD, FAILED = 1e-3, 1e-9
#: What a fitted exponent may miss.
SLOPE = 0.06


def threshold(level: float, count: int) -> float:
    r"""Return how many standard errors the worst of `count` numbers may be off, by chance, at a level (Bonferroni)."""
    return -NormalDist().inv_cdf(level / (2 * count))


def within(deviation: float, count: int) -> Verdict:
    r"""Judge the largest of `count` deviations, in standard errors."""
    if deviation <= threshold(HELD, count):
        return "verified"
    return "refuted" if deviation > threshold(FAILED, count) else "undecided"


def exponent(law: dict[str, float], truth: float) -> Verdict:
    r"""Judge a fitted exponent."""
    return judged(abs(law["exponent"] - truth), SLOPE, law["error"])


def card(numbers: dict[str, Any], settings: dict[str, Any]) -> Card:
    r"""Return the card of a run from the numbers of its parts; parts that were not run leave no statement."""
    widths = settings["ensembles"]["widths"]
    sheet = Card(f"geomflow widths: N = {widths[0]} .. {widths[-1]}, {settings['ensembles']['draws']} draws each")
    _convergence(sheet, {n.split(".")[1]: p for n, p in numbers.items() if n.startswith("convergence.")})
    _variance(sheet, {n.split(".")[1]: p for n, p in numbers.items() if n.startswith("variance.")})
    _noise(sheet, [p for n, p in numbers.items() if n.startswith("noise.")])
    _duality(sheet, numbers["duality"])
    return sheet


def _convergence(sheet: Card, parts: dict[str, Any]) -> None:
    sheet.section("Tangent kernels Θ_N → Θ, root mean square over pairs of points")
    for name, part in parts.items():
        law = part["law"]
        note = f"at the last N {part['mean'][-1]:.1e}"
        if "size" in part:
            note += f"; measured/derived size {part['size']:.3f} ± {part['size_error']:.3f}"
        sheet.row(name, f"N^({law['exponent']:.3f} ± {law['error']:.3f})", note)
    rates: list[Verdict] = [exponent(part["law"], -0.5) for part in parts.values()]
    sheet.verdict(worst(rates), "that each tangent kernel tends to its derived limit at the rate N^(-1/2).")
    sizes = [abs(part["size"] - 1) / part["size_error"] for part in parts.values() if "size" in part]
    claim = "the derived sizes of these distances, all N together"
    sheet.verdict(within(max(sizes), len(sizes)), f"{claim}: worst {max(sizes):.1f} errors.")


def _variance(sheet: Card, parts: dict[str, Any]) -> None:
    sheet.section("Variance of Θ_N(x, y) over draws, against |x - y|")
    for name, part in parts.items():
        sheet.row(
            name, f"measured/derived {part['ratio']:.3f}", f"N = {part['width']}, worst {part['deviation']:.1f} errors"
        )
    verdict = worst([within(part["deviation"], part["count"]) for part in parts.values()])
    formulas = "(1 + k⁴/2 - k²)/N for the cos-net, (e^(4σ_c² + 4x·y/σ²) - k²)/N for the gauss-net"
    sheet.verdict(verdict, f"the derived variances: {formulas}, last layer; and the cos-net's with all trained.")


def _noise(sheet: Card, parts: list[dict[str, Any]]) -> None:
    sheet.section("The kernel as an operator on the torus: Var (K_N 1)(x); c = (L/√(2π)σ)^d")
    verdicts = []
    for part in parts:
        law = part["law"]
        text = f"{law['prefactor']:.3f} c^({law['exponent']:.3f} ± {law['error']:.3f})"
        note = f"measured/derived {part['ratio']:.3f}, worst {part['deviation']:.1f} errors of {part['count']} cells"
        sheet.row(f"N Var + 1, d = {part['dim']}", text, note)
        verdicts += [within(part["deviation"], part["count"]), exponent(law, 1.0)]
    sheet.verdict(worst(verdicts), "that it is (3/2 (L/√(2π)σ)^d - 1)/N: the local limit needs N ≫ (L/σ)^d.")
    last = parts[-1]
    # at the least N, from the widest σ to the narrowest
    rows = [i for i in range(last["count"]) if last["width"][i] == min(last["width"])]
    wide, narrow = rows[0], rows[-1]
    growth = last["measured"][narrow] - last["measured"][wide]
    error = math.hypot(last["error"][narrow], last["error"][wide])
    sheet.verdict(
        "refuted" if growth > threshold(FAILED, 1) * error else "undecided",
        f"that a network of fixed width has a local limit as σ → 0: with N = {last['width'][wide]} in d = "
        f"{last['dim']} the noise of K_N 1 = 1 grows from {math.sqrt(last['measured'][wide]):.2f} at σ = "
        f"{last['sigma'][wide]:g} to {math.sqrt(last['measured'][narrow]):.2f} at σ = {last['sigma'][narrow]:g}.",
    )


def _duality(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section("Cos-net and gauss-net: one limit, two networks")
    for name in ("cos-net", "gauss-net"):
        row = part[name]["by_width"]
        values = zip(part["widths"], row["connected"], row["connected_error"], row["connected_predicted"], strict=True)
        width, value, error, derived = next(iter(values))
        sheet.row(
            name, f"{value:.3f} ± {error:.3f}", f"connected four-point function at N = {width}, derived {derived:.3f}"
        )
    count = part["count"]
    sheet.verdict(
        within(part["two_point_deviation"], count),
        f"that both have the two-point function σ_a² k at every N: worst {part['two_point_deviation']:.1f} errors.",
    )
    sheet.verdict(
        within(part["connected_deviation"], count),
        "the derived connected four-point functions, of order 1/N, against N and against distance: worst "
        f"{part['connected_deviation']:.1f} errors.",
    )
    apart = part["connected_difference"]
    sheet.verdict(
        "refuted" if apart > threshold(FAILED, count) else "undecided",
        f"that they are the same random function at finite N: their four-point functions differ by {apart:.0f} errors.",
    )


def macros(numbers: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    r"""Return the numbers of a run as LaTeX macros."""
    found: dict[str, tuple[Any, str]] = {}
    words = {"cos-net": "CosNet", "gauss-net": "GaussNet"}
    for name, part in numbers.items():
        kind, _, which = name.partition(".")
        if kind == "convergence" and which in words:
            found[f"Rate{words[which]}"] = (part["law"]["exponent"], ".3f")
            found[f"RateError{words[which]}"] = (part["law"]["error"], ".3f")
        if kind == "noise":
            found[f"NoiseRatio{'One' if part['dim'] == 1 else 'Two'}"] = (part["ratio"], ".3f")
    found["FourPointDifference"] = (numbers["duality"]["connected_difference"], ".0f")
    return found
