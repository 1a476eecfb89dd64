r"""Functions of arclength on panels: Chebyshev nodes on each, mirrored where the manifold closes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev

from geomflow.core.errors import ArgumentError

#: Nodes per panel; even, so that a mirrored panel has none at its middle.
NODES = 20


@dataclass(frozen=True, eq=False)
class Panels:
    r"""The interval [0, L] in panels with `NODES` Chebyshev nodes each, for functions that are differentiated.

    At an end where the manifold closes smoothly functions are even or odd; there the panel reaches as far beyond the
    end as before it, so that derivatives are those of smooth functions.

    Args:
        edges: 0 = s_0 < s_1 < ... < s_k = L, shape (k + 1,).
        closes: whether the manifold closes at 0, and at L.

    Raises:
        ArgumentError: edges that do not increase, or one panel for two closed ends.
    """

    edges: Float[np.ndarray, " K"]
    closes: tuple[bool, bool]

    def __post_init__(self):
        if self.edges.size < 2 or not np.all(np.diff(self.edges) > 0) or (all(self.closes) and self.edges.size < 3):
            raise ArgumentError("Panels need increasing edges, and two panels or more where both ends close.")

    @classmethod
    def graded(cls, length: float, first: float, closes: tuple[bool, bool], growth: float = 1.3) -> Panels:
        r"""Return panels whose lengths grow from `first` by a factor each; they are equal where both ends close."""
        count = max(2, int(np.ceil(length / first)))
        if not all(closes):
            count = max(2, int(np.ceil(np.log1p(length / first * (growth - 1)) / np.log(growth))))
        lengths = np.ones(count) if all(closes) else growth ** np.arange(count)
        return cls(np.concatenate([[0.0], np.cumsum(lengths)]) / np.sum(lengths) * length, closes)

    @cached_property
    def _spans(self) -> list[tuple[float, float]]:
        spans = [(float(lo), float(hi)) for lo, hi in zip(self.edges[:-1], self.edges[1:], strict=True)]
        if self.closes[0]:
            spans[0] = (-spans[0][1], spans[0][1])
        if self.closes[1]:
            spans[-1] = (spans[-1][0], 2 * spans[-1][1] - spans[-1][0])
        return spans

    @cached_property
    def s(self) -> Float[np.ndarray, " n"]:
        r"""All nodes, increasing, the edges not among them."""
        nodes = [(lo + hi) / 2 + (hi - lo) / 2 * _CHEBYSHEV for lo, hi in self._spans]
        return np.concatenate([x[self._kept(k)] for k, x in enumerate(nodes)])

    def _kept(self, panel: int) -> slice:
        if panel == 0 and self.closes[0]:
            return slice(NODES // 2, None)
        if panel == len(self._spans) - 1 and self.closes[1]:
            return slice(None, NODES // 2)
        return slice(None)

    def _series(self, values: np.ndarray, parity: tuple[int, int]) -> list[np.ndarray]:
        # Chebyshev coefficients on each span, mirrored panels completed by the parity
        found, start = [], 0
        for k in range(len(self._spans)):
            kept = self._kept(k)
            size = len(range(NODES)[kept])
            full = values[start : start + size]
            if size < NODES:
                full = np.concatenate([parity[0] * full[::-1], full] if kept.start else [full, parity[1] * full[::-1]])
            found.append(_TO_SERIES @ full)
            start += size
        return found

    def jet(self, values: Float[np.ndarray, " n"], parity: tuple[int, int] = (1, 1)) -> Float[np.ndarray, "3 n"]:
        r"""Return a function and its first two derivatives at the nodes.

        Args:
            values: at the nodes.
            parity: 1 or -1 at either end, for even and odd functions; read where the manifold closes.
        """
        rows = []
        for k, (series, (lo, hi)) in enumerate(zip(self._series(values, parity), self._spans, strict=True)):
            scale = 2 / (hi - lo)
            slopes = [chebyshev.chebval(_CHEBYSHEV, chebyshev.chebder(series, m)) * scale**m for m in (1, 2)]
            rows.append(np.stack(slopes)[:, self._kept(k)])
        return np.concatenate([values[None], np.concatenate(rows, axis=1)])

    def at(self, values: Float[np.ndarray, " n"], s: np.ndarray, parity: tuple[int, int] = (1, 1)) -> np.ndarray:
        r"""Return a function between the nodes.

        Raises:
            ArgumentError: a place outside [0, L].
        """
        s = np.asarray(s, dtype=float)
        if s.size and (np.min(s) < 0 or np.max(s) > self.edges[-1]):
            raise ArgumentError(
                f"The arclength must lie in [0, {self.edges[-1]:.6g}], but lies in [{np.min(s):.6g}, {np.max(s):.6g}]."
            )
        panel = np.clip(np.searchsorted(self.edges, s, side="right") - 1, 0, len(self._spans) - 1)
        lo, hi = np.array(self._spans).T
        local = (2 * s - lo[panel] - hi[panel]) / (hi[panel] - lo[panel])
        series = np.stack(self._series(values, parity))[panel]
        return np.sum(series * np.cos(np.arange(NODES) * np.arccos(np.clip(local, -1, 1))[..., None]), axis=-1)


_CHEBYSHEV = np.cos(np.pi * (np.arange(NODES)[::-1] + 0.5) / NODES)
_TO_SERIES = chebyshev.chebvander(_CHEBYSHEV, NODES - 1).T * (2 / NODES)
_TO_SERIES[0] /= 2
