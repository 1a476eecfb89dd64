r"""The widths experiment: how fast do finite networks tend to their limit, and what does the limit forget?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from geomflow import __version__
from geomflow.core.card import Card
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.errors import ResultFileError
from geomflow.core.macros import write_macros
from geomflow.core.progress import stage, track
from geomflow.core.provenance import provenance
from geomflow.core.store import atomic_write, ensure_writable, load, save
from geomflow.experiments.widths import parts
from geomflow.experiments.widths.duality import derived, duality
from geomflow.experiments.widths.report import card, macros
from geomflow.experiments.widths.settings import SIGMA, SIGMA_A, SIGMA_C, Ensembles, default_ensembles
from geomflow.figures.duality import save_duality
from geomflow.figures.widths import save_widths
from geomflow.symbolic.derivation import document
from geomflow.symbolic.kernels.cos_net import derive_cos_net
from geomflow.symbolic.kernels.gauss_net import derive_gauss_net
from geomflow.symbolic.kernels.operator_noise import derive_operator_noise

_KINDS = ("convergence", "variance", "noise", "duality")


@dataclass(frozen=True)
class WidthsResult:
    r"""What a widths run found.

    Attributes:
        numbers: part -> its numbers (JSON types), as `parts` and `duality` return them.
        arrays: "part.array" -> array; the errors of every draw.
        settings: what was asked for; `provenance`: what it was computed with.
    """

    numbers: dict[str, Any]
    arrays: dict[str, np.ndarray]
    settings: dict[str, Any]
    provenance: dict[str, Any]

    def card(self) -> Card:
        r"""Return the card: in words, what was verified and refuted."""
        made = self.provenance
        versions = ", ".join(f"{name} {made[name]}" for name in ("geomflow", "jax", "python"))
        kept = f"{versions}; {made['device_kind']}, float64; settings {made['settings_sha256'][:12]}."
        return card(self.numbers, self.settings).text(f"Computed with {kept}")

    def __str__(self) -> str:
        return str(self.card())


@dataclass(frozen=True)
class Widths:
    r"""Measure how finite networks tend to their infinitely wide limit, and how two with one limit differ."""

    fast: bool = False
    """Fewer widths and draws."""
    widths: tuple[int, ...] | None = None
    """Increasing numbers of neurons of the convergence."""
    draws: int | None = None
    """Networks drawn for each of them."""
    seed: int = 0
    """Seed of all draws."""
    out: Path = Path("geomflow-out/widths")
    """Folder for figures, data, LaTeX and the parts a run can be resumed from."""
    resume: bool = False
    """Go on from the parts found in the output folder."""

    def ensembles(self) -> Ensembles:
        r"""Return the default ensembles with the user's choices put in."""
        given = {"widths": self.widths, "draws": self.draws}
        put_in: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return replace(default_ensembles(self.fast, self.seed), **put_in)

    def compute(self) -> WidthsResult:
        r"""Compute (or resume) every part; nothing is drawn or printed.

        Raises:
            GeomflowError: bad input, found before anything is computed; a part that is damaged or belongs to other
                settings.
        """
        chosen = self.ensembles()
        chosen.check()
        scales = {"sigma": SIGMA, "sigma_a": SIGMA_A, "sigma_c": SIGMA_C}
        settings = {"geomflow": __version__, "ensembles": asdict(chosen), "scales": scales}
        checkpoint = Checkpoint(self.out / "parts", settings, resume=self.resume)
        numbers, arrays = {}, {}
        listed = _parts(chosen)
        with track(len(listed), "parts") as bar:
            for name, compute in listed.items():
                bar.set_description(name)
                with stage(name):
                    found, numbers[name] = checkpoint.run(_file_name(name), compute)
                arrays |= {f"{_file_name(name)}.{key}": value for key, value in found.items()}
                bar.update()
        return WidthsResult(numbers, arrays, settings, provenance(settings))

    def run(self) -> WidthsResult:
        r"""Compute, write everything to `out`, and print the card."""
        try:
            result = self.compute()
        except KeyboardInterrupt:
            print(f"\nWhat was computed is kept in {self.out / 'parts'}. Go on with `--resume`.")
            raise
        with stage("figures"):
            write(result, self.out)
        result.card().text(f"Figures, data, derivations and numbers are in {self.out}.").show()
        return result


def _file_name(part: str) -> str:
    return part.replace(", ", "-").replace(" ", "-")


def _parts(chosen: Ensembles) -> dict[str, Callable[[], parts.Part]]:
    r"""Return the parts in the order they are computed."""
    listed: dict[str, Callable[[], parts.Part]] = {}
    listed |= {f"convergence.{which}": partial(parts.convergence, chosen, which) for which in parts.NETWORKS}
    listed |= {f"variance.{which}": partial(parts.variance, chosen, which) for which in parts.WITH_VARIANCE}
    listed |= {f"noise.{dim}": partial(parts.noise, chosen, int(dim)) for dim in chosen.noise_sigmas}
    return {**listed, "duality": partial(duality, chosen)}


def write(result: WidthsResult, folder: Path) -> None:
    r"""Write figures (PDF, PNG), data (npz), derivations and numbers (LaTeX) and card to a folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    ensure_writable(folder)
    header = {"kind": "widths", "settings": result.settings, "numbers": result.numbers}
    save(folder / "widths.npz", result.arrays, {**header, "provenance": result.provenance})
    records = (
        derive_cos_net(2),
        derive_gauss_net(2),
        derive_operator_noise(),
        derived("cos-net"),
        derived("gauss-net"),
    )
    atomic_write(folder / "derivations.tex", document(*(record.derivation for record in records)).encode())
    write_macros(folder / "numbers.tex", macros(result.numbers))
    atomic_write(folder / "card.txt", f"{result.card()}\n".encode())
    save_widths(result.numbers, folder / "widths")
    save_duality(result.numbers["duality"], folder / "duality")


def load_widths(path: str | Path) -> WidthsResult:
    r"""Read a result written by `write`.

    Raises:
        ResultFileError: truncated, corrupted, or not a widths result.
    """
    arrays, header = load(path)
    if header.get("kind") != "widths":
        raise ResultFileError(f"`{path}` is a geomflow result, but not one of `geomflow widths`.", path=path)
    # JSON sorts the parts by name; card and figures show them in the order they are computed
    numbers = dict(sorted(header["numbers"].items(), key=lambda item: _place(item[0])))
    return WidthsResult(numbers, arrays, header["settings"], header["provenance"])


def _place(part: str) -> tuple[int, int]:
    kind, _, which = part.partition(".")
    return _KINDS.index(kind), parts.NETWORKS.index(which) if which in parts.NETWORKS else int(which or 0)
