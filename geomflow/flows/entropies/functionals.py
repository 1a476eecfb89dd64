r"""Perelman's F and W of a manifold and a function, and the lowest eigenvalues that go with them.

Normalisation: F = ∫ (R + |∇f|²) e^{-f} dV and W = ∫ [τ(R + |∇f|²) + f - n] (4πτ)^{-n/2} e^{-f} dV, for any f; the
theorems ask for ∫ e^{-f} dV = 1 and ∫ (4πτ)^{-n/2} e^{-f} dV = 1 (`normalised`).
"""

from __future__ import annotations

import numpy as np

from geomflow.flows.entropies.base import Manifold, Spectrum
from geomflow.flows.entropies.derived import TAU, soliton_tensor


def normalised(manifold: Manifold, f: np.ndarray, tau: float | None = None) -> np.ndarray:
    r"""Return f + constant with ∫ e^{-f} dV = 1, or with ∫ (4πτ)^{-n/2} e^{-f} dV = 1."""
    return f + np.log(manifold.integral(_measure(manifold, f, tau)))


def perelman_f(manifold: Manifold, f: np.ndarray) -> float:
    r"""Return F = ∫ (R + |∇f|²) e^{-f} dV: 4 ∫ |∇u|² + ∫ R u² for u = e^{-f/2}.

    Args:
        manifold: the metric.
        f: at the nodes.

    Reference: Perelman, arXiv:math/0211159, (1.1).
    """
    u = np.exp(-0.5 * f)
    return float(4 * np.vdot(u, manifold.dirichlet(u)) + manifold.integral(manifold.scalar * u**2))


def perelman_w(manifold: Manifold, f: np.ndarray, tau: float) -> float:
    r"""Return W = ∫ [τ(R + |∇f|²) + f - n] (4πτ)^{-n/2} e^{-f} dV.

    Args:
        manifold: the metric.
        f: at the nodes.
        tau: scale τ > 0: length².

    Reference: Perelman, arXiv:math/0211159, (3.1).
    """
    density = _measure(manifold, f, tau)
    kinetic = tau * (4 * np.pi * tau) ** (-manifold.dim / 2) * perelman_f(manifold, f)
    return float(kinetic + manifold.integral((f - manifold.dim) * density))


def production(manifold: Manifold, f: np.ndarray, tau: float | None = None) -> float:
    r"""Return dF/dt, or dW/dt where τ is given, along Ricci flow with the conjugate heat equation and dτ/dt = -1.

    The factor and the square are those the symbolic half derives, ∫ 2 |Ric + Hess f|² e^{-f} dV and
    ∫ 2τ |Ric + Hess f - g/2τ|² (4πτ)^{-n/2} e^{-f} dV.

    Args:
        manifold: the metric.
        f: at the nodes.
        tau: scale τ > 0 for dW/dt; None for dF/dt.
    """
    factor = float(soliton_tensor(tau is not None)[0].subs(TAU, 0 if tau is None else tau))
    return factor * manifold.integral(manifold.soliton_square(f, tau) * _measure(manifold, f, tau))


def lowest_eigenvalues(manifold: Manifold, count: int = 1, curvature: float = 0.0) -> Spectrum:
    r"""Return the lowest eigenvalues of -Δ + c R, with eigenfunctions.

    Args:
        manifold: the metric.
        count: how many, with multiplicity (of symmetric functions alone where the manifold sees no others).
        curvature: c. From c = 1/4 on, the lowest does not decrease along Ricci flow.

    Reference: X. Cao, Proc. Amer. Math. Soc. 136 (2008) 4075; J.-F. Li, Math. Ann. 338 (2007) 927.
    """
    return manifold.spectrum(curvature * manifold.scalar, count)


def perelman_lambda(manifold: Manifold) -> float:
    r"""Return λ(g) = inf F, the lowest eigenvalue of -4Δ + R: n(n-1)/r² on the round sphere of radius r."""
    return float(manifold.spectrum(manifold.scalar, 1, 4.0).values[0])


def scale_invariant_lambda(manifold: Manifold) -> float:
    r"""Return λ V^{2/n}, which does not change with the scale of the metric."""
    return perelman_lambda(manifold) * manifold.volume ** (2 / manifold.dim)


def _measure(manifold: Manifold, f: np.ndarray, tau: float | None) -> np.ndarray:
    return np.exp(-f) if tau is None else (4 * np.pi * tau) ** (-manifold.dim / 2) * np.exp(-f)
