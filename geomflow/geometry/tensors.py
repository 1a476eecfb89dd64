r"""Tensors of any metric callable by its jets and generated code: the fast route for networks and other black boxes.

The metric is differentiated twice (`autodiff.jets`); the curvature of these jets is the staged program of `codegen`. It
shares no formula with `autodiff`, so that each checks the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from geomflow.codegen.generated import from_jets
from geomflow.codegen.layouts import full
from geomflow.codegen.quantities import QUANTITIES
from geomflow.geometry.autodiff import Metric, Point, jets
from geomflow.symbolic.jets import pairs


@cache
def tensor(quantity: str) -> Callable[[Metric, Point], Array]:
    r"""Return a function (metric, x) of one point, to be used as those of `autodiff`.

    `batched(tensor("ricci"), metric)(points)` evaluates it at many points; of one quantity it is one and the same
    function, so that it is compiled once for each kind of metric.

    Args:
        quantity: a name of `codegen.quantities.QUANTITIES`: christoffel, riemann (all indices down), ricci, scalar,
            einstein, kretschmann, ricci-squared, weyl, inverse, volume, metric.

    Raises:
        CatalogueError: there is no such quantity.
    """
    asked = QUANTITIES[quantity]

    def at(metric: Metric, x: Point) -> Array:
        found = jets(metric, x)[: asked.order + 1]
        n = len(found[0])
        rows, columns = np.array(pairs(n)).T
        packed: list[Any] = []
        for order, jet in enumerate(found):
            component = jet[rows, columns]
            packed.append(component[:, rows, columns] if order == 2 else component)
        return full(jnp.asarray(from_jets(quantity, n)(*packed)), asked.symmetry, n)

    at.__name__ = quantity.replace("-", "_")
    return at
