r"""The card and the LaTeX numbers of a memorise run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from geomflow.core.card import Card, Verdict
from geomflow.experiments.study import judged, worst

# What each statement is held to.
SPECTRUM, RATE, SETTLED = 1e-12, 1e-8, 1e-4
DECAYS, DECAY = {"ReLU, NTK": 2.0, "ReLU, NNGP": 4.0}, 0.1
# Means may lie this many standard errors off; the measured scatter this far from the predicted one.
FAR, SCATTER = 4.0, 0.15
# A rate that changes by more than this on the way is not frozen.
MOVED = 0.01
# Networks with this many neurons for each frequency ±k have a scatter that a few draws can measure.
CROWDED = 4
# Training errors below this are memorised; a test error above this fraction of the initial one is not learnt.
MEMORISED, UNLEARNT = 1e-6, 1e-3


def card(numbers: dict[str, Any], arrays: Mapping[str, np.ndarray], settings: dict[str, Any]) -> Card:
    r"""Return the card of a run; a part that was not run leaves no statement."""
    sheet = Card(f"geomflow memorise: T^2, target {settings['metric']}, kernel width σ = {settings['sigma']:g}")
    sheet.text(
        "Gradient flow of ½∫|g - g*|² through the metric-NTK of infinitely wide networks. Time is scaled so that the "
        "periodic cos-net memorises constants at rate 1."
    )
    _spectrum(sheet, numbers["spectrum"])
    _rates(sheet, numbers)
    _settling(sheet, numbers["settling"]["studies"])
    _finite(sheet, numbers["finite"], settings["networks"])
    _generalisation(sheet, arrays, settings)
    if "contrast" in numbers:
        _contrast(sheet, numbers["contrast"])
    return sheet


def _spectrum(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section("Spectra on the torus: Gram matrix against closed form")
    sheet.text("Eigenvalues for the mean over the torus; a grid of n points adds the aliases k + n m. σ_a = 1.")
    for dim, studies in ((1, part["circle"]), (2, part["torus"])):
        for study in studies:
            values = study["eigenvalues"]
            against = "closed form" if study["closed"] else "Fourier transform of one row"
            ratios = "  ".join(f"{values[k] / values[0]:.3g}" for k in (1, 2, 4))
            sheet.row(f"T^{dim}: {study['name']}", study["gram_error"], f"{against}; λ_1, λ_2, λ_4 = {ratios} of λ_0")
    closed = [s["gram_error"] for s in part["circle"] + part["torus"] if s["closed"]]
    claim = "that the tangent kernels of the cos-nets have the derived spectra, last layer and all layers trained."
    sheet.verdict(judged(max(closed), SPECTRUM), claim)
    kinked = {s["name"]: s["decay"] for s in part["circle"] if s["decay"] is not None}
    for name, decay in kinked.items():
        sheet.row(f"decay, {name}", decay, f"of λ_k ~ k^-p, even k on the circle; {DECAYS[name]:g} is predicted")
    claim = "that ReLU's spectra fall like powers (NTK k^-2, NNGP k^-4): fine structure is memorised late, but is."
    sheet.verdict(judged(max(abs(kinked[name] - decay) for name, decay in DECAYS.items()), DECAY), claim)


def _rates(sheet: Card, numbers: dict[str, Any]) -> None:
    sheet.section("Rates of integrated flows against eigenvalues of the metric-NTK")
    sheet.text(f"Largest deviation over all modes, in units of the largest rate; held to {RATE:.0e}.")
    torus, points = numbers["rates"], numbers["points"]
    for name, off in torus["worst"].items():
        sheet.row(f"T^2, {name}", off, f"{torus['modes']} Fourier modes of every component")
    for name, off in points["worst"].items():
        sheet.row(f"{points['count']} points, {name}", off, f"{points['modes'][name]} eigenvectors of the Gram matrix")
    off = max(*torus["worst"].values(), *points["worst"].values())
    sheet.verdict(judged(off, RATE), "that each mode of g - g* decays at its eigenvalue, on the torus and on points.")


def _settling(sheet: Card, studies: list[dict[str, Any]]) -> None:
    sheet.section("Are the rates frozen? From g = 1 to g* = diag(3, 1), all parametrisations")
    for s in studies:
        sheet.row(
            s["parametrisation"] + ("" if s["affine"] else " *"),
            f"{s['start']:.3f} -> {s['late']:.3f}",
            f"predicted {s['predicted_start']:.3f} -> {s['predicted_late']:.3f}; wave in g_12: late {s['wave']:.4f}, "
            f"predicted {s['predicted_wave']:.4f}",
        )
    sheet.text("* not affine")
    moved = {s["parametrisation"]: abs(s["late"] / s["start"] - 1) for s in studies}
    affine = [s for s in studies if s["affine"]]
    off = max(max(abs(s["late"] / s["predicted_late"] - 1), abs(s["wave"] / s["predicted_wave"] - 1)) for s in studies)
    sheet.verdict(judged(off, SETTLED), "that late rates are the eigenvalues of the metric-NTK at the target.")
    kept = max(moved[s["parametrisation"]] for s in affine)
    sheet.verdict(judged(kept, SETTLED), "that affine parametrisations keep their rates all the way.")
    changing = [name for name, change in moved.items() if change > MOVED]
    if changing:
        sheet.verdict("refuted", f"that the rates at the start are those at the end for: {', '.join(changing)}.")


def _finite(sheet: Card, part: dict[str, Any], networks: int) -> None:
    sheet.section("Finite width: rates of the last layer's random kernel")
    means, errors, infinite = (np.array(part[key]) for key in ("means", "errors", "infinite"))
    spread, scatter, never, silent = (np.array(part[key]) for key in ("spread", "scatter", "never", "silent"))
    # Var λ/λ² = (1-p)/(Np): crowded where the relative scatter is small
    crowded = (scatter / infinite) ** 2 <= 1 / CROWDED
    waves = part["waves"]
    for k in range(0, len(waves), 2):
        widest = f"{means[-1, k]:.4f} ± {errors[-1, k]:.4f}"
        note = f"N = ∞: {infinite[k]:.4f}; scatter {spread[-1, k]:.4f}, predicted {scatter[-1, k]:.4f}"
        sheet.row(f"rate of wave {waves[k]}, widest", widest, note)
    sheet.row("integrated flow", part["integrated_worst"], f"rates against α ± |β| at N = {part['integrated_width']}")
    own = judged(part["integrated_worst"], RATE)
    sheet.verdict(own, "that a finite network memorises at the eigenvalues of its own kernel.")
    if crowded.any():
        off = np.abs(means - infinite)[crowded] / errors[crowded]
        size = float(np.mean((spread / scatter)[crowded]))
        claim = (
            f"that rates scatter about those of N = ∞ by √((1 - p_k)/(N p_k)): measured over predicted {size:.3f}, "
            f"means at most {np.max(off):.1f} standard errors off."
        )
        # n draws know a standard deviation to 1/√(2n); the cells of a width share their draws
        known = 1 / np.sqrt(2 * networks * np.any(crowded, axis=1).sum())
        words: list[Verdict] = [judged(float(np.max(off)), FAR, 1.0), judged(abs(size - 1), SCATTER, float(known))]
        sheet.verdict(worst(words), claim)
    share, expected = float(np.mean(never)), float(np.mean(silent))
    sheet.row("modes without a neuron", f"{100 * share:.1f} %", f"of all draws; predicted {100 * expected:.1f} %")
    sheet.text(f"They are never memorised. One neuron for each mode of the kernel needs N = {part['frontier']:.0f}.")


def _generalisation(sheet: Card, arrays: Mapping[str, np.ndarray], settings: dict[str, Any]) -> None:
    count, noise = settings["points"], settings["noise"]
    sheet.section(
        f"{count} training points, {settings['draws']} draws: errors there and elsewhere, relative to ‖1 - g*‖"
    )
    found = {name: arrays[f"generalisation.{name}"] for name in ("times", "train", "test", "noisy_test", "interpolant")}
    times, rates = found["times"], arrays["generalisation.rates"]

    def at(values: np.ndarray, index: int) -> str:
        column = values[:, index]
        return f"{np.mean(column):.3g} ± {np.std(column, ddof=1) / np.sqrt(len(column)):.1g}"

    for time in (1.0, 1e2, 1e4, times[-1]):
        i = int(np.argmin(np.abs(np.log(times / time))))
        sheet.row(f"t = {times[i]:.2g}", f"train {at(found['train'], i)}", f"test {at(found['test'], i)}")
    smallest = rates[:, -1]
    sheet.row(
        "smallest eigenvalue", f"{smallest.min():.1e} .. {smallest.max():.1e}", "modes with λt << 1 are not learnt yet"
    )
    memorised = float(np.max(found["train"][:, -1]))
    # an error that is left although every mode had its time contradicts the claim
    late = bool(np.min(smallest) * times[-1] > np.log(1 / MEMORISED**2))
    word: Verdict = "verified" if memorised <= MEMORISED else "refuted" if late else "undecided"
    sheet.verdict(word, "that the training error goes to zero: the points are memorised.")
    plateau = np.mean(found["interpolant"])
    if plateau > UNLEARNT and memorised <= MEMORISED:
        stays = at(found["interpolant"][:, None], 0)
        sheet.verdict("refuted", f"that the metric is learnt with them: the test error stays at {stays}.")
    mean = np.mean(found["noisy_test"], axis=0)
    best = int(np.argmin(mean))
    if noise > 0:
        sheet.row(
            f"noise {noise:g} on the values",
            f"{mean[best]:.3g} -> {mean[-1]:.3g}",
            f"test error at its least, t = {times[best]:.2g}, and at the end: the noise is memorised as well",
        )


def _contrast(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section("Two starts, one kernel: MSE against Ricci-DeTurck flow")
    sheet.row("MSE", part["mse"][-1], f"of their difference is left at t = {part['times'][-1]:g}")
    sheet.row("curvature", part["curvature"][-1], f"of it; variation of the metrics left: {part['bend'][-1]:.1e}")
    settled = part["bend"][-1] < 1e-4 and part["mse"][-1] < 1e-4
    claim = "that MSE forgets its start and keeps its target, while a curvature flow has no target: it ends flat, at a "
    word: Verdict = "undecided" if not settled else "verified" if part["curvature"][-1] > 1e-2 else "refuted"
    sheet.verdict(word, claim + "metric that remembers its start.")


def macros(numbers: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[Any, str]]:
    r"""Return the numbers a paper quotes, as LaTeX macro names with values and formats."""
    test = arrays["generalisation.interpolant"]
    found: dict[str, tuple[Any, str]] = {
        "MemoriseRateWorst": (max(numbers["rates"]["worst"].values()), ".1e"),
        "MemorisePointRateWorst": (max(numbers["points"]["worst"].values()), ".1e"),
        "MemorisePlateau": (float(np.mean(test)), ".3f"),
        "MemorisePlateauError": (float(np.std(test, ddof=1) / np.sqrt(len(test))), ".3f"),
    }
    if "contrast" in numbers:
        found["MemoriseCurvatureMemory"] = (numbers["contrast"]["curvature"][-1], ".3f")
    return found
