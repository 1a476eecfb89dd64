r"""Duals of activations, derived: K = E φ(u)φ(v) and K' = E φ'(u)φ'(v)."""

from geomflow.symbolic.kernels.duals.derive import derive_dual

__all__ = ["derive_dual"]
