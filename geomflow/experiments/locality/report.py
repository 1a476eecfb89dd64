r"""The card and the LaTeX numbers of a locality run: what was verified, what was refuted, what was refused."""

from __future__ import annotations

from typing import Any

from geomflow.core.card import Card
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import smallest_width

# What each statement is held to.
VELOCITY_ORDER, VELOCITY_CONSTANT = 0.03, 0.01
DIRECT_ORDER, RICHARDSON_ORDER = (1.9, 2.1), 3.5
GRADIENT, RICCI = 1e-11, 1e-9
GRID_CHANGE, TIME_ERROR, SMALL_MODE = 0.01, 1e-3, 0.02
GROWTH = 1e-4
ARCHITECTURE_ORDER = 0.1
# A local limit further than this from Ricci flow, after the best rescaling of time, is not Ricci flow.
NOT_RICCI = 1e-3

FLOW_LABELS: dict[str, str] = {"deturck": "DeTurck", "lambda": "λ-flow", "conformal": "conformal"}
INVARIANTS = {"volume": "volume", "int R": "∫R dV", "int R^2": "∫R² dV", "lambda": "λ(g)"}


def trajectory_checks(study: dict[str, Any]) -> dict[str, bool]:
    r"""Return, by name, whether the last two direct orders and the last Richardson order meet their marks."""
    low, high = DIRECT_ORDER
    direct, extrapolated = study["orders"][-2:], study["extrapolated_orders"][-1:]
    return {
        "direct orders": len(direct) == 2 and all(low <= order <= high for order in direct),
        "Richardson order": bool(extrapolated) and extrapolated[0] >= RICHARDSON_ORDER,
        "no width stopped": not study["stopped"],
    }


def card(numbers: dict[str, Any], settings: dict[str, Any]) -> Card:
    r"""Return the card of a run from the numbers of its parts; parts that were not run leave no statement."""
    resolution, dim = settings["resolution"], settings["dim"]
    sheet = Card(f"geomflow locality: T^{dim}, metric {settings['metric']['name']}, {resolution['size']}^{dim} points")
    _derived(sheet, numbers)
    _velocities(sheet, numbers["velocities"])
    _architectures(sheet, numbers["architectures"])
    _trajectories(sheet, numbers)
    if "perelman" in numbers:
        _perelman(sheet, numbers["perelman"])
    if "monotonicity" in numbers:
        _monotonicity(sheet, numbers["monotonicity"])
    _growth(sheet, numbers["growth"])
    sheet.section("Refused")
    smallest = smallest_width(Torus(dim, resolution["size"]))
    sheet.verdict("refused", f"σ < {smallest:.4g}: the grid of the trajectories does not carry narrower kernels.")
    if "perelman" in numbers:
        sheet.verdict("refused", numbers["perelman"]["refusal"])
    return sheet


def _judge(sheet: Card, claim: str, checks: dict[str, bool], contrary: bool = False) -> None:
    r"""State a claim as verified, as refuted where the numbers show its contrary, and as undecided otherwise."""
    missed = [name for name, met in checks.items() if not met]
    if not missed:
        sheet.verdict("verified", claim)
    elif contrary:
        sheet.verdict("refuted", claim)
    else:
        sheet.verdict("undecided", f"{claim} Missed: {', '.join(missed)}. Try a finer grid or smaller widths.")


def _label(name: str) -> str:
    return FLOW_LABELS.get(name, name)


def _orders(values: list[float]) -> str:
    return "  ".join(f"{v:.3f}" for v in values)


def _errors(values: list[float]) -> str:
    return "  ".join(f"{v:.2e}" for v in values)


def _percent(value: float) -> str:
    return f"{value:.1e}" if value < 1e-4 else f"{100 * value:.1f} %"


def _derived(sheet: Card, numbers: dict[str, Any]) -> None:
    derived, checked = numbers["derivations"], numbers["identities"]
    sheet.section("Derived and certified")
    sheet.row("δF/δg", derived["fixed_measure"], "the measure dm held fixed; relative to dm")
    for certificate in derived["certificates"]:
        sheet.row(
            f"certificate n = {certificate['dim']}",
            f"residual {certificate['residual']}",
            f"{certificate['components_checked']} components at random rational jets, exact",
        )
    sheet.row("δF/δg, autodiff", checked["gradient_error"], f"largest deviation, relative; held to {GRADIENT:.0e}")
    sheet.row("Ricci, autodiff", checked["ricci_error"], f"generated code, the same; held to {RICCI:.0e}")
    sheet.text(f"cos-net, last layer trained, infinite width: Θ(x, y) = {derived['kernel']}")
    sheet.text(f"on the torus it is the operator {derived['expansion']} + O(σ⁶), Δ the flat Laplacian")
    checks = {
        "certificate": all(c["residual"] == "0" for c in derived["certificates"]),
        "gradient against autodiff": checked["gradient_error"] <= GRADIENT,
        "Ricci against autodiff": checked["ricci_error"] <= RICCI,
    }
    claim = (
        "that the variation of F is -(Ric + Hess f) at fixed measure: exactly at rational jets, and against autodiff."
    )
    _judge(sheet, claim, checks)


def _velocities(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section("L0  velocities at t = 0: K_σ*V against V")
    sheet.text(f"σ = {', '.join(f'{s:g}' for s in part['widths'])}; the constant of σ² is predicted to be ‖ΔV‖/2‖V‖")
    orders, constants = True, True
    for study in part["studies"]:
        sheet.row(
            _label(study["name"]),
            f"order {study['orders'][-1]:.3f}",
            f"constant {study['predicted']:.4f} predicted, {study['measured']:.4f} measured",
        )
        orders &= abs(study["orders"][-1] - 2) <= VELOCITY_ORDER
        constants &= abs(study["measured"] / study["predicted"] - 1) <= VELOCITY_CONSTANT
    claim = "that every formulation's kernel velocity becomes local at order 2, with the predicted constant."
    _judge(sheet, claim, {"orders": orders, "constants": constants})


def _architectures(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section("L0  architectures: is the local limit of the network's flow Ricci flow?")
    sheet.text(
        "Distance of the local limit (σ = 0) to -2(Ric + Hess f), relative: as it stands / after the best rescaling of "
        "time / with 1/m supplied as well. Defect: how far the indices are from being lowered with g. Order: towards "
        "its own local limit."
    )
    for study in part["studies"]:
        sheet.row(
            study["name"] + ("" if study["affine"] else " *"),
            " / ".join(_percent(study[k]) for k in ("limit", "limit_best_speed", "limit_without_measure")),
            f"defect {study['defect']:.3f}  order {study['order_own']:.3f}",
        )
    sheet.text("* not affine: its metric-NTK does not stay frozen at infinite width")
    ricci = [s["name"] for s in part["studies"] if s["reproduces_ricci_flow"]]
    local = all(abs(s["order_own"] - 2) < ARCHITECTURE_ORDER for s in part["studies"])
    claim = "that every architecture becomes local: it tends to its own local limit at order 2."
    _judge(sheet, claim, {"orders": local})
    claim = f"that Ricci flow is the local limit of: {', '.join(ricci) or 'any of them'}."
    _judge(sheet, claim, {"distance of every local limit": bool(ricci)})
    talk = next(s for s in part["studies"] if s["name"] == "independent")
    claim = "that the talk's kernel δ_ik δ_jl δ(x-x') (arXiv 2310.19870: d² independent networks, here in chart "
    claim += "coordinates) has Ricci flow as its local limit"
    if not talk["reproduces_ricci_flow"]:
        claim += (
            f": it stays {100 * talk['limit']:.0f} % away ({100 * talk['limit_best_speed']:.0f} % after the best "
            "rescaling of time) however small σ is; it lowers indices with δ in place of g and lacks 1/m"
        )
    checks = {"distance of the local limit": talk["reproduces_ricci_flow"]}
    _judge(sheet, f"{claim}.", checks, contrary=talk["limit_best_speed"] > NOT_RICCI)


def _trajectories(sheet: Card, numbers: dict[str, Any]) -> None:
    sheet.section("L1  trajectories: smeared against local flow at t = T (conformal: against an exact solution)")
    flows = {name: label for name, label in FLOW_LABELS.items() if name in numbers}
    for name, label in flows.items():
        study = numbers[name]
        sheet.row(label, f"orders {_orders(study['orders'])}", f"E = {_errors(study['errors'])}")
        improved = f"E = {_errors(study['extrapolated'])}"
        sheet.row("  Richardson", f"orders {_orders(study['extrapolated_orders'])}", improved)
        for sentence in study["stopped"]:
            sheet.row("  stopped", "", sentence)
    if "invariants" in numbers:
        first, second = (numbers["invariants"][name] for name in ("deturck", "lambda"))
        for name, orders in first["orders"].items():
            sheet.row(f"  {INVARIANTS[name]}", f"orders {_orders(orders)}", f"E = {_errors(first['errors'][name])}")
        gauge = max(abs(first["values"][k] / second["values"][k] - 1) for k in ("volume", "int R^2", "lambda"))
        sheet.row("gauges agree", gauge, "DeTurck against λ-flow: volume, ∫R² dV, λ(g)")
    if "local_error" in numbers.get("conformal", {}):
        sheet.row("exact solution", numbers["conformal"]["local_error"], "distance of the local conformal flow to it")
    controls: dict[str, bool] = {}
    if "controls" in numbers:
        control, mode = numbers["controls"], numbers["controls"]["small_mode"]
        points = f"{control['coarse_size']} points per direction"
        sheet.row("coarser grid", control["grid_change"], f"relative change of E, {points}")
        sheet.row("looser tolerance", control["time_error"], "relative change of E, ten times rtol")
        sheet.row("one small mode", mode["measured"], f"½σ²k⁴T exp(-k²T) = {mode['predicted']:.4g}, k = {mode['k']}")
        controls = {
            "coarser grid": control["grid_change"] < GRID_CHANGE,
            "looser tolerance": control["time_error"] < TIME_ERROR,
            "one small mode": abs(mode["measured"] / mode["predicted"] - 1) < SMALL_MODE,
        }
    for name, label in flows.items():
        claim = f"that smeared {label} trajectories tend to the local one at order 2, extrapolated ones at order 4."
        _judge(sheet, claim, trajectory_checks(numbers[name]) | controls)


def _perelman(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section("L2  fixed-measure flow, from data prepared by Ricci flow, inside its stability horizon")
    horizons = "  ".join(f"{h:.3g}" for h in part["horizons"])
    sheet.row("horizons", horizons, f"(e σ²/2) λ_min(g) ln(δ/ε) per width; T = {part['time']:g}")
    sheet.row("direct", f"orders {_orders(part['orders'])}", f"E = {_errors(part['errors'])}")
    for name, orders in part["invariant_orders"].items():
        sheet.row(INVARIANTS[name], f"orders {_orders(orders)}", f"E = {_errors(part['invariant_errors'][name])}")
    sheet.row("pull-back", part["pulled_back"], "relative change of the reference's invariants")
    low, high = DIRECT_ORDER
    checks = {
        INVARIANTS[name]: low <= orders[-1] <= high for name, orders in part["invariant_orders"].items() if orders
    }
    claim = (
        "that, inside the horizon, gauge invariants of the smeared fixed-measure flow tend to Ricci flow's at order 2."
    )
    _judge(sheet, claim, checks or {"two widths inside the horizon": False})


def _monotonicity(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section(f"Is F monotone? dF/dt at {part['samples']} rough random metrics, σ = {part['sigma']:g}")
    labels = {"independent": "independent", "vielbein": "vielbein", "smeared": "K_σ*(-2(Ric + Hess f))"}
    for name, label in labels.items():
        count, low = part["violations"][name], part["lowest"][name]
        sheet.row(label, f"dF/dt < 0 at {count}", f"lowest dF/dt: {low:.3g} of the local flow's")
    networks = sum(part["violations"][name] for name in labels if name != "smeared")
    claim = "that F increases along the networks' own flows: their kernels are positive."
    _judge(sheet, claim, {"no violation": networks == 0}, contrary=networks > 0)
    smeared = part["violations"]["smeared"]
    if smeared:  # none found proves nothing, and leaves no statement
        claim = (
            f"that F increases along the smeared velocity as well: it falls at {smeared} of {part['samples']} metrics."
        )
        _judge(sheet, claim, {"no violation": False}, contrary=True)


def _growth(sheet: Card, part: dict[str, Any]) -> None:
    sheet.section("Growth about flat space")
    for name, rates in part["linear_rates"].items():
        listed = "  ".join(f"{rates[mode]:+.3f}" for mode in ("transverse", "mixed", "longitudinal"))
        sheet.row(_label(name), listed, "transverse, mixed, longitudinal; units of k²")
    sheet.row("smeared modes", part["worst"], f"worst relative deviation from k² exp(-σ²k²/2), σ = {part['sigma']:g}")
    claim = "that longitudinal modes of the smeared fixed-measure flow grow at k² exp(-σ²k²/2)."
    _judge(sheet, claim, {"worst deviation": part["worst"] < GROWTH})
    claim = "that the fixed-measure flow of general data has a limit σ -> 0 at fixed time: without the kernel its "
    claim += "longitudinal modes grow like exp(+k² t); the limit exists for prepared data, inside the horizon."
    growing = part["linear_rates"]["fixed measure"]["longitudinal"] > 0.5
    _judge(sheet, claim, {"longitudinal rate": False}, contrary=growing)


def macros(numbers: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    r"""Return the numbers a paper quotes, as LaTeX macro names with values and formats."""
    studies = {s["name"]: s for s in numbers["architectures"]["studies"]}
    found: dict[str, tuple[Any, str]] = {
        "GradientError": (numbers["identities"]["gradient_error"], ".1e"),
        "RicciError": (numbers["identities"]["ricci_error"], ".1e"),
        "TalkLimit": (studies["independent"]["limit"], ".3f"),
        "TalkLimitBestSpeed": (studies["independent"]["limit_best_speed"], ".3f"),
        "VielbeinLimit": (studies["vielbein"]["limit"], ".1e"),
        "GrowthWorst": (numbers["growth"]["worst"], ".1e"),
    }
    if "perelman" in numbers:
        found["HorizonSmallest"] = (numbers["perelman"]["horizons"][-1], ".3f")
        found["PerelmanOrder"] = (numbers["perelman"]["invariant_orders"]["int R^2"][-1], ".3f")
    for study in numbers["velocities"]["studies"]:
        name = "".join(word.capitalize() for word in study["name"].split())
        found[f"LzeroOrder{name}"] = (study["orders"][-1], ".3f")
        found[f"LzeroPredicted{name}"] = (study["predicted"], ".4f")
        found[f"LzeroMeasured{name}"] = (study["measured"], ".4f")
    for name in ("deturck", "lambda", "conformal"):
        if name in numbers:
            found[f"LoneOrder{name.capitalize()}"] = (numbers[name]["orders"][-1], ".3f")
            found[f"LoneRichardson{name.capitalize()}"] = (numbers[name]["extrapolated_orders"][-1], ".2f")
    return found
