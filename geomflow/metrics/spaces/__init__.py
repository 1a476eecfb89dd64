r"""Spaces: metrics with what is exactly known about them. `SPACES` is the catalogue, `TRUTHS` their kinds."""

from geomflow.metrics.spaces import (
    black_holes,
    burns,
    cosmology,
    exact_flows,
    general,
    homogeneous,
    homogeneous_flows,
    instantons,
    kaehler_flows,
    products,
    projective,
    solitons,
    space_forms,
    torus_flows,
    warped,
)
from geomflow.metrics.spaces.base import SPACES, Finding, Space, line
from geomflow.metrics.spaces.truths import TRUTHS, Truth, truth

for _family in (
    *(space_forms, projective, products, homogeneous, warped, general, solitons, exact_flows),
    *(homogeneous_flows, kaehler_flows, torus_flows),
    *(black_holes, cosmology, instantons, burns),
):
    for _space in _family.FAMILY:
        SPACES.add(_space.name, _space)

__all__ = ["SPACES", "TRUTHS", "Finding", "Space", "Truth", "line", "truth"]
