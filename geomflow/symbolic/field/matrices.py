r"""Determinant and inverse of a square matrix of field elements, by minors: each minor is computed once.

det M = Σ_j (-1)^j M_0j m_0j,    (M^{-1})_ij = (-1)^{i+j} m_ji / det M
"""

from __future__ import annotations

import numpy as np

from geomflow.core.errors import MetricError
from geomflow.symbolic.field.field import Element, Field


class Minors:
    r"""The minors of a square matrix of elements, lazily.

    Args:
        field: the field of the elements.
        matrix: shape (n, n).
    """

    def __init__(self, field: Field, matrix: np.ndarray):
        self.field, self.matrix, self.size = field, matrix, len(matrix)
        self._memo: dict[tuple[tuple[int, ...], tuple[int, ...]], Element] = {}

    def minor(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Element:
        r"""Return the determinant of the rows and columns given."""
        if not rows:
            return self.field.one
        if (rows, columns) not in self._memo:
            pairs = []
            for position, column in enumerate(columns):
                entry = self.matrix[rows[0], column]
                if not entry.is_zero():
                    minor = self.minor(rows[1:], columns[:position] + columns[position + 1 :])
                    pairs.append((entry, -minor if position % 2 else minor))
            self._memo[rows, columns] = self.field.dot(pairs)
        return self._memo[rows, columns]

    def determinant(self) -> Element:
        r"""Return det M."""
        every = tuple(range(self.size))
        return self.minor(every, every)


def determinant(field: Field, matrix: np.ndarray) -> Element:
    r"""Return the determinant of a square matrix of elements."""
    return Minors(field, matrix).determinant()


def inverse(field: Field, matrix: np.ndarray, what: str) -> np.ndarray:
    r"""Return the inverse of a square matrix of elements.

    Args:
        field: the field of the elements.
        matrix: shape (n, n).
        what: names the matrix in the error, such as "The Jacobian".

    Raises:
        MetricError: the determinant vanishes identically.
    """
    minors, n = Minors(field, matrix), len(matrix)
    below = minors.determinant()
    if below.is_zero():
        raise MetricError(f"{what} is singular: its determinant vanishes identically. Are two of its rows dependent?")
    reciprocal = below.inverse()
    every = tuple(range(n))
    out = np.empty((n, n), dtype=object)
    for i, j in np.ndindex(n, n):
        minor = minors.minor(every[:j] + every[j + 1 :], every[:i] + every[i + 1 :])
        out[i, j] = (minor if (i + j) % 2 == 0 else -minor) * reciprocal
    return out


def matrix_product(field: Field, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    r"""Return the matrix product of two matrices of elements."""
    out = np.empty((left.shape[0], right.shape[1]), dtype=object)
    for i, j in np.ndindex(*out.shape):
        out[i, j] = field.dot(zip(left[i], right[:, j]))
    return out
