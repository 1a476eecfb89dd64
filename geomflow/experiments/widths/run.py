r"""The widths experiment: how fast do finite networks tend to their limit, and what does the limit forget?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from geomflow import __version__
from geomflow.core.card import Card
from geomflow.core.checkpoint import Checkpoint
from geomflow.core.progress import stage, track
from geomflow.core.provenance import provenance
from geomflow.core.store import atomic_write
from geomflow.experiments.study import Study, StudyResult
from geomflow.experiments.widths import parts
from geomflow.experiments.widths.duality import derived, duality
from geomflow.experiments.widths.report import card, macros
from geomflow.experiments.widths.settings import SIGMA, SIGMA_A, SIGMA_C, Ensembles, default_ensembles
from geomflow.figures.duality import save_duality
from geomflow.figures.widths import save_widths
from geomflow.symbolic.derivation import document
from geomflow.symbolic.kernels.random_features.cos_net import derive_cos_net
from geomflow.symbolic.kernels.random_features.gauss_net import derive_gauss_net
from geomflow.symbolic.kernels.random_features.operator_noise import derive_operator_noise

_KINDS = ("convergence", "variance", "noise", "duality")


@dataclass(frozen=True)
class WidthsResult(StudyResult):
    r"""What a widths run found: `numbers` of each part, and in `arrays` the errors of every draw."""

    name = "widths"

    def statements(self) -> Card:
        r"""Return the card: in words, what was verified and refuted."""
        return card(self.numbers, self.settings)

    def macros(self) -> dict[str, tuple[Any, str]]:
        r"""Return the fitted rates and the like."""
        return macros(self.numbers)

    def draw(self, folder: Path) -> None:
        r"""Write both figures, and the derivations they rest on."""
        records = (
            derive_cos_net(2), derive_gauss_net(2), derive_operator_noise(), derived("cos-net"), derived("gauss-net"),
        )  # fmt: skip
        atomic_write(folder / "derivations.tex", document(*(record.derivation for record in records)).encode())
        save_widths(self.numbers, folder / "widths")
        save_duality(self.numbers["duality"], folder / "duality")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        r"""Read a result written by `write`.

        Raises:
            ResultFileError: truncated, corrupted, or not a result of this study.
        """
        found = super().load(path)
        # JSON sorts the parts by name; card and figures show them in the order they are computed
        return replace(found, numbers=dict(sorted(found.numbers.items(), key=lambda item: _place(item[0]))))


@dataclass(frozen=True)
class Widths(Study):
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


def _file_name(part: str) -> str:
    return part.replace(", ", "-").replace(" ", "-")


def _parts(chosen: Ensembles) -> dict[str, Callable[[], parts.Part]]:
    r"""Return the parts in the order they are computed."""
    listed: dict[str, Callable[[], parts.Part]] = {}
    listed |= {f"convergence.{which}": partial(parts.convergence, chosen, which) for which in parts.NETWORKS}
    listed |= {f"variance.{which}": partial(parts.variance, chosen, which) for which in parts.WITH_VARIANCE}
    listed |= {f"noise.{dim}": partial(parts.noise, chosen, int(dim)) for dim in chosen.noise_sigmas}
    return {**listed, "duality": partial(duality, chosen)}


def _place(part: str) -> tuple[int, int]:
    kind, _, which = part.partition(".")
    return _KINDS.index(kind), parts.NETWORKS.index(which) if which in parts.NETWORKS else int(which or 0)
