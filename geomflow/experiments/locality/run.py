r"""The locality experiment: does an infinitely wide network's metric flow become local, and is the limit Ricci flow?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sympy as sp

from geomflow import __version__
from geomflow.codegen.modules import module_source
from geomflow.compare.convergence import fluctuation, tensor_norm
from geomflow.core.card import Card
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ArgumentError, ResultFileError
from geomflow.core.macros import write_macros
from geomflow.core.progress import stage, track
from geomflow.core.provenance import provenance
from geomflow.core.store import atomic_write, ensure_writable, load, save
from geomflow.experiments.locality import parts
from geomflow.experiments.locality.report import card, macros
from geomflow.experiments.locality.settings import FAST_PARTS, Resolution, default_resolution, find_metric
from geomflow.figures.locality import save_locality
from geomflow.flows.torus.generate import programs
from geomflow.functionals import FUNCTIONALS
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import symbol_program
from geomflow.metrics import TorusMetric
from geomflow.symbolic.derivation import document
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net

# A metric that varies by less than this over the torus is a fixed point in float64.
STILL = 1e-10


@dataclass(frozen=True)
class LocalityResult:
    r"""What a locality run found.

    Attributes:
        numbers: part -> its numbers (JSON types), as `parts` returns them.
        arrays: "part.array" -> array.
        settings: what was asked for; `provenance`: what it was computed with.
    """

    numbers: dict[str, Any]
    arrays: dict[str, np.ndarray]
    settings: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def torus(self) -> Torus:
        r"""The grid of the trajectories."""
        return Torus(self.settings["dim"], self.settings["resolution"]["size"])

    def card(self) -> Card:
        r"""Return the card: in words, what was verified, refuted and refused."""
        made = self.provenance
        versions = ", ".join(f"{name} {made[name]}" for name in ("geomflow", "jax", "sympy", "python"))
        kept = f"{versions}; {made['device_kind']}, float64; settings {made['settings_sha256'][:12]}."
        return card(self.numbers, self.settings).text(f"Computed with {kept}")

    def __str__(self) -> str:
        return str(self.card())


@dataclass(frozen=True)
class Locality:
    r"""Verify the locality limit of an infinitely wide network's metric flow on T^2 or T^3, and draw the figure."""

    dim: int = 2
    """Dimension of the torus, 2 or 3."""
    metric: str = ""
    """Initial metric: a name from `geomflow list metrics`, or a Python file that defines `metric(x, y)`."""
    fast: bool = False
    """Fewer kernel widths, and only the parts that need the fewest compilations."""
    size: int | None = None
    """Grid points per direction for trajectories (even)."""
    widths: tuple[float, ...] | None = None
    """Decreasing kernel widths of the trajectories, each at least 0.75 grid spacings."""
    time: float | None = None
    """Final time of the trajectories."""
    out: Path = Path("geomflow-out/locality")
    """Folder for figure, data, LaTeX and the parts a run can be resumed from."""
    resume: bool = False
    """Go on from the parts found in the output folder."""

    def resolution(self) -> Resolution:
        r"""Return the default resolution with the user's choices put in."""
        chosen = default_resolution(self.dim, self.fast)
        if self.size is not None:
            finer = max(2 * self.size, chosen.velocity_size) if self.dim == 2 else chosen.velocity_size
            chosen = replace(chosen, size=self.size, velocity_size=finer)
        if self.widths is not None:
            chosen = replace(chosen, widths=self.widths)
        if self.time is not None:
            chosen = replace(chosen, time=self.time)
        return chosen

    def compute(self) -> LocalityResult:
        r"""Compute (or resume) every part; nothing is drawn or printed.

        Raises:
            GeomflowError: bad input, found before anything is computed; a flow that stopped; a part that is damaged or
                belongs to other settings.
        """
        resolution = self.resolution()
        resolution.check(self.dim)
        metric = find_metric(self.metric, self.dim)
        torus = Torus(self.dim, resolution.size)
        g, _ = metric.sample(torus)
        if tensor_norm(fluctuation(g)) < STILL:
            raise ArgumentError(
                f"The metric `{metric.name}` is constant and does not move, so there is no trajectory to compare. "
                "Take one that is not flat."
            )
        # the version too: parts of another release are not to be mixed with those of this one
        settings = {
            "geomflow": __version__,
            "dim": self.dim,
            "metric": _describe(metric),
            "resolution": asdict(resolution),
        }
        checkpoint = Checkpoint(self.out / "parts", settings, resume=self.resume)
        numbers, arrays = {}, {}
        listed = _parts(metric, torus, resolution, numbers, arrays)
        names = [name for name in listed if name in FAST_PARTS or not self.fast]
        with track(len(names), "parts") as bar:
            for name in names:
                bar.set_description(name)
                with stage(name):
                    found, numbers[name] = checkpoint.run(name, listed[name])
                arrays |= {f"{name}.{key}": value for key, value in found.items()}
                bar.update()
        return LocalityResult(numbers, arrays, settings, provenance(settings))

    def run(self) -> LocalityResult:
        r"""Compute, write everything to `out`, and print the card."""
        try:
            result = self.compute()
        except KeyboardInterrupt:
            print(f"\nWhat was computed is kept in {self.out / 'parts'}. Go on with `--resume`.")
            raise
        with stage("figure"):
            write(result, self.out)
        result.card().text(f"Figure, data, derivations and numbers are in {self.out}.").show()
        return result


def _errors(study: dict[str, Any]) -> dict[float, float]:
    return dict(zip(study["widths"], study["errors"], strict=True))


def _describe(metric: TorusMetric) -> dict[str, str]:
    return {"name": metric.name, "matrix": sp.srepr(metric.matrix), "measure": sp.srepr(metric.measure)}


def _parts(
    metric: TorusMetric, torus: Torus, resolution: Resolution, numbers: dict[str, Any], arrays: dict[str, np.ndarray]
) -> dict[str, Callable[[], parts.Part]]:
    r"""Return the parts in the order they are computed; a later one may read what an earlier one found."""
    fine = Torus(torus.dim, resolution.velocity_size)
    listed: dict[str, Callable[[], parts.Part]] = {
        "derivations": lambda: parts.derivations(torus.dim),
        "identities": lambda: parts.identities(metric, torus),
        "velocities": lambda: parts.velocities(metric, fine, resolution),
        "architectures": lambda: parts.architectures(metric, torus, resolution),
        "deturck": lambda: parts.trajectories(metric, torus, resolution, "deturck"),
        "lambda": lambda: parts.trajectories(metric, torus, resolution, "lambda"),
        "invariants": lambda: parts.invariants(torus, numbers, arrays),
        "controls": lambda: parts.controls(metric, torus, resolution, _errors(numbers["deturck"])),
        "perelman": lambda: parts.perelman(metric, Torus(torus.dim, resolution.perelman_size), resolution),
        "monotonicity": lambda: parts.monotonicity(torus.dim, resolution),
        "growth": lambda: parts.growth(torus.dim, resolution),
    }
    if torus.dim == 2:
        listed["conformal"] = lambda: parts.conformal(torus, resolution)
    return listed


def write(result: LocalityResult, folder: Path) -> None:
    r"""Write figure (PDF, PNG), data (npz), derivations and numbers (LaTeX), card and generated code to a folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    ensure_writable(folder)
    header = {"kind": "locality", "settings": result.settings, "numbers": result.numbers}
    save(folder / "locality.npz", result.arrays, {**header, "provenance": result.provenance})
    dim = result.settings["dim"]
    kernel = derive_cos_net(dim)
    derived = document(FUNCTIONALS["perelman-f"].variation().derivation, kernel.derivation)
    atomic_write(folder / "derivations.tex", derived.encode())
    write_macros(folder / "numbers.tex", macros(result.numbers))
    atomic_write(folder / "card.txt", f"{result.card()}\n".encode())
    code = module_source([p.source for p in (*programs(dim).values(), symbol_program(dim))])
    atomic_write(folder / "generated.py", code.encode())
    save_locality(result.numbers, result.arrays, result.torus, folder / "locality")


def load_locality(path: str | Path) -> LocalityResult:
    r"""Read a result written by `write`.

    Raises:
        ResultFileError: truncated, corrupted, or not a locality result.
    """
    arrays, header = load(path)
    if header.get("kind") != "locality":
        raise ResultFileError(f"`{path}` is a geomflow result, but not one of `geomflow locality`.", path=path)
    return LocalityResult(header["numbers"], arrays, header["settings"], header["provenance"])
