r"""The kinds of truth a space can carry, each with its check: the catalogue `TRUTHS`."""

from geomflow.metrics.spaces.truths import curvature, identity, motion, symmetry
from geomflow.metrics.spaces.truths.base import TRUTHS, Truth, truth

__all__ = ["TRUTHS", "Truth", "curvature", "identity", "motion", "symmetry", "truth"]
