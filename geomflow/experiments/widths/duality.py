r"""Cos-net and gauss-net: one two-point function at every width, two four-point functions at every finite one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from geomflow.codegen.program import Argument, Program
from geomflow.experiments.widths.parts import Part, neurons
from geomflow.experiments.widths.settings import SIGMA, SIGMA_A, SIGMA_C, Ensembles
from geomflow.networks.cos_net import CosNet
from geomflow.networks.gauss_net import GaussNet
from geomflow.symbolic.kernels.random_features.cos_net import cos_features
from geomflow.symbolic.kernels.random_features.four_point import FourPointFunction, derive_four_point
from geomflow.symbolic.kernels.random_features.gauss_net import gauss_features

#: Near the origin, where the gauss-net's moments are light enough for honest error bars:
#: the point where all four points meet, the distances at which they part, and N there.
MEETING, SEPARATIONS, SEPARATION_WIDTH = 0.25 * SIGMA, tuple(0.125 * n for n in range(11)), 4
_BLOCKS = 64
NAMES = ("cos-net", "gauss-net")


def derived(name: str) -> FourPointFunction:
    r"""Return the derived four-point function of a network on the line."""
    return derive_four_point({"cos-net": cos_features, "gauss-net": gauss_features}[name](1))


@cache
def correlators(name: str) -> Callable[..., Array]:
    r"""Return generated code: (four points, scales) -> (G(x, y), connected four-point function)."""
    record = derived(name)
    points = tuple(component for point in record.points for component in point)
    scales = (record.sigma, record.sigma_a, record.sigma_c, record.width)
    arguments = [Argument("points", points), Argument("scales", scales)]
    program = Program(f"{name}_correlators".replace("-", "_"), arguments, [record.two_point, record.connected])
    return program.compile()


def predicted(name: str, four: Float[np.ndarray, "4 *cells"], width: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the derived G(x, y) of the first two points and the connected four-point function, on the line."""
    scales = jnp.asarray([SIGMA, SIGMA_A, SIGMA_C, float(width)])
    pair, connected = correlators(name)(jnp.asarray(four), scales)
    return np.asarray(pair), np.asarray(connected)


@partial(jax.jit, static_argnames=("name", "widths"))
def _moments(name: str, widths: tuple[int, ...], keys: Array, places: Array, which: Array) -> list[Array]:
    r"""Return block means of the six pair products and of the product of all four, for each width (blocks, 7, cells).

    The points are `places[which]`, `which` of shape (4, cells): places that coincide are evaluated once.
    """
    ends = np.cumsum(widths)

    def values(key: Array) -> list[Array]:
        if name == "cos-net":
            wide = CosNet.sample(key, int(ends[-1]), 1, SIGMA, SIGMA_A)
        else:
            wide = GaussNet.sample(key, int(ends[-1]), 1, SIGMA, SIGMA_A, SIGMA_C, radius=0.0)
        nets = [neurons(wide, int(end - width), int(end)) for width, end in zip(widths, ends)]
        return [jax.vmap(lambda x, net=net: net(x[None]))(places)[which] for net in nets]

    def block(keys: Array) -> list[Array]:
        found = []
        for four in jax.vmap(values)(keys):
            x, y, z, w = jnp.moveaxis(four, 1, 0)
            found.append(
                jnp.stack([jnp.mean(p, axis=0) for p in (x * y, z * w, x * z, y * w, x * w, y * z, x * y * z * w)])
            )
        return found

    return jax.lax.map(block, keys)


def _connected(moments: np.ndarray) -> np.ndarray:
    pairs = moments[0] * moments[1] + moments[2] * moments[3] + moments[4] * moments[5]
    return moments[6] - pairs


def measured(name: str, widths: tuple[int, ...], four: np.ndarray, draws: int, key: Array) -> list[dict[str, Any]]:
    r"""Return, for each width, G(x, y) and the connected four-point function with errors, and what is predicted.

    The errors are a jackknife over blocks of draws.

    Args:
        name: the network.
        widths: numbers of neurons.
        four: the four points of every cell, on the line, shape (4, cells).
        draws: networks drawn of each width.
        key: a JAX random key.
    """
    keys = jax.random.split(key, (_BLOCKS, draws // _BLOCKS))
    places, which = np.unique(four, return_inverse=True)
    rows = []
    for width, moments in zip(
        widths, map(np.asarray, _moments(name, widths, keys, places, which.reshape(four.shape))), strict=True
    ):
        rest = (moments.sum(axis=0) - moments) / (_BLOCKS - 1)  # the means without one block
        left_out = np.array([_connected(m) for m in rest])
        pair, connected = predicted(name, four, width)
        rows.append(
            {
                "two_point": moments[:, 0].mean(axis=0),
                "two_point_error": moments[:, 0].std(axis=0, ddof=1) / np.sqrt(_BLOCKS),
                "two_point_predicted": pair,
                "connected": _connected(moments.mean(axis=0)),
                "connected_error": left_out.std(axis=0) * np.sqrt(_BLOCKS - 1),
                "connected_predicted": connected,
            }
        )
    return rows


def duality(chosen: Ensembles) -> Part:
    r"""Measure both functions of both networks: all points together against N, two pairs apart against distance."""
    key = jax.random.fold_in(jax.random.key(chosen.seed), 300)
    together = np.full((4, 1), MEETING)
    r = np.array(SEPARATIONS) * SIGMA
    apart = np.stack([-r / 2, r / 2, -r / 2, r / 2])
    found: dict[str, Any] = {"widths": list(chosen.duality_widths), "separations": list(SEPARATIONS)}
    for n, name in enumerate(NAMES):
        first, second = jax.random.split(jax.random.fold_in(key, n))
        rows = measured(name, chosen.duality_widths, together, chosen.duality_draws, first)
        by_width = {label: [float(row[label][0]) for row in rows] for label in rows[0]}
        (by_distance,) = measured(name, (SEPARATION_WIDTH,), apart, chosen.duality_draws, second)
        found[name] = {"by_width": by_width, "by_distance": by_distance}
    return {}, found | _verdict_numbers(found)


def _verdict_numbers(found: dict[str, Any]) -> dict[str, Any]:
    r"""Return the largest deviations from the formulas, and by how much the two networks differ, in standard errors."""

    def worst(quantity: str) -> float:
        rows = [found[name][by] for name in NAMES for by in ("by_width", "by_distance")]
        z = [
            np.abs(np.array(row[quantity]) - np.array(row[f"{quantity}_predicted"]))
            / np.array(row[f"{quantity}_error"])
            for row in rows
        ]
        return float(np.max(np.concatenate(z)))

    def between(quantity: str, by: str) -> np.ndarray:
        first, second = (found[name][by] for name in NAMES)
        error = np.hypot(first[f"{quantity}_error"], second[f"{quantity}_error"])
        return np.abs(np.array(first[quantity]) - np.array(second[quantity])) / error

    counts = len(NAMES) * (len(found["widths"]) + len(found["separations"]))
    return {
        "two_point_deviation": worst("two_point"),
        "connected_deviation": worst("connected"),
        "count": counts,
        "two_point_difference": float(max(between("two_point", by).max() for by in ("by_width", "by_distance"))),
        "connected_difference": float(max(between("connected", by).max() for by in ("by_width", "by_distance"))),
    }
