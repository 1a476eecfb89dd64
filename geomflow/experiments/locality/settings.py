r"""What a locality run is asked to do, and the early checks of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from geomflow.core.errors import ArgumentError
from geomflow.geometry.torus import Torus
from geomflow.kernels.operator import check_width
from geomflow.metrics import METRICS, TorusMetric, metric_from_file


@dataclass(frozen=True)
class Resolution:
    r"""Grids, ladders of kernel widths and times of one run (all dimensionless; the torus has period 2π).

    Args:
        size: grid points per direction for trajectories.
        velocity_size: the same for velocities (L0), which cost one evaluation and may be finer.
        widths: decreasing ladder of σ for trajectories; `velocity_widths`: for velocities.
        time: final time of L1.
        perelman_size, perelman_widths, perelman_time: grid, decreasing ladder and final time of L2.
        growth_size, growth_sigma, growth_modes: grid, kernel width and largest mode of the growth rates.
    """

    size: int
    velocity_size: int
    widths: tuple[float, ...]
    velocity_widths: tuple[float, ...]
    time: float
    perelman_size: int
    perelman_widths: tuple[float, ...]
    perelman_time: float
    growth_size: int
    growth_sigma: float
    growth_modes: int

    def check(self, dim: int) -> None:
        r"""Refuse, before anything is computed, what a grid does not carry.

        Raises:
            GridError: an odd or tiny grid.
            ResolutionError: a width below what its grid carries.
            ArgumentError: a ladder that does not decrease or is too short, a time that is not positive.
        """
        ladders = [
            ("widths", self.widths, self.size),
            ("velocity_widths", self.velocity_widths, self.velocity_size),
            ("perelman_widths", self.perelman_widths, self.perelman_size),
        ]
        for name, ladder, size in ladders:
            if len(ladder) < 3 or any(not a > b for a, b in pairwise(ladder)):
                raise ArgumentError(
                    f"Argument `{name}` must hold three or more decreasing kernel widths (an order needs two, its "
                    f"trend three), but is {ladder}. Try 0.8 0.4 0.2 0.1."
                )
            for sigma in ladder:
                check_width(Torus(dim, size), sigma, name)
                if sigma == 0:
                    raise ArgumentError(f"Argument `{name}` must not contain 0: the local flow is always run as well.")
        check_width(Torus(dim, self.growth_size), self.growth_sigma, "growth_sigma")
        if not (self.time > 0 and self.perelman_time > 0):
            raise ArgumentError(f"Times must be positive, but are {self.time} and {self.perelman_time}.")


# A --fast run settles the statements of these parts only.
FAST_PARTS = ("derivations", "identities", "velocities", "architectures", "deturck", "growth")

# Ladders halve, so that Richardson extrapolation is (4 g_{σ/2} - g_σ)/3; the smallest is a
# grid spacing on T², 0.8 of one on T³, where every point is dear.
_DEFAULTS = {
    2: Resolution(
        size=64,
        velocity_size=128,
        widths=(0.8, 0.4, 0.2, 0.1),
        velocity_widths=(0.4, 0.2, 0.1, 0.05),
        time=0.2,
        perelman_size=64,
        perelman_widths=(0.4, 0.2, 0.1),
        perelman_time=0.05,
        growth_size=48,
        growth_sigma=0.3,
        growth_modes=12,
    ),
    3: Resolution(
        size=36,
        velocity_size=64,
        widths=(1.12, 0.56, 0.28, 0.14),
        velocity_widths=(0.3, 0.15, 0.075),
        time=0.2,
        perelman_size=32,
        perelman_widths=(0.6, 0.3, 0.15),
        perelman_time=0.05,
        growth_size=24,
        growth_sigma=0.4,
        growth_modes=7,
    ),
}
_FAST: dict[int, dict[str, Any]] = {
    2: {"widths": (0.4, 0.2, 0.1)},
    3: {"widths": (0.56, 0.28, 0.14)},
}


def default_resolution(dim: int, fast: bool) -> Resolution:
    r"""Return the resolution of the default run on T^dim.

    Raises:
        ArgumentError: a dimension other than 2 or 3.
    """
    if dim not in _DEFAULTS:
        raise ArgumentError(f"Argument `dim` must be 2 or 3, but is {dim}.")
    return replace(_DEFAULTS[dim], **_FAST[dim]) if fast else _DEFAULTS[dim]


def find_metric(name: str, dim: int) -> TorusMetric:
    r"""Return a metric by catalogue name, or from a Python file when the name ends in `.py`; "" is the default one.

    Raises:
        CatalogueError: an unknown name.
        ArgumentError: a file that does not define a metric, or a metric of another dimension.
    """
    if name.endswith(".py"):
        return metric_from_file(Path(name), dim)
    metric = METRICS[name or f"generic-t{dim}"]
    if metric.dim != dim:
        raise ArgumentError(f"The metric `{name}` lives on T^{metric.dim}. Add `--dim {metric.dim}`.")
    return metric
