r"""Entropies and eigenvalues along flows: what theorems say never decreases, computed and tested."""

from geomflow.flows.entropies.along import Entropies, Followed, along
from geomflow.flows.entropies.base import Manifold, Spectrum
from geomflow.flows.entropies.families import evolution, manifold_of
from geomflow.flows.entropies.functionals import (
    lowest_eigenvalues,
    normalised,
    perelman_f,
    perelman_lambda,
    perelman_w,
    production,
    scale_invariant_lambda,
)
from geomflow.flows.entropies.homogeneous import HomogeneousManifold
from geomflow.flows.entropies.measure import torus_measure
from geomflow.flows.entropies.minimise import Minimum, mu, nu
from geomflow.flows.entropies.quantities import QUANTITIES, Quantity, entropy_f, entropy_mu, entropy_w
from geomflow.flows.entropies.rotational import RotationalManifold
from geomflow.flows.entropies.sphere import SphereManifold
from geomflow.flows.entropies.torus import TorusManifold

__all__ = [
    "QUANTITIES",
    "Entropies",
    "Followed",
    "HomogeneousManifold",
    "Manifold",
    "Minimum",
    "Quantity",
    "RotationalManifold",
    "Spectrum",
    "SphereManifold",
    "TorusManifold",
    "along",
    "entropy_f",
    "entropy_mu",
    "entropy_w",
    "evolution",
    "lowest_eigenvalues",
    "manifold_of",
    "mu",
    "normalised",
    "nu",
    "perelman_f",
    "perelman_lambda",
    "perelman_w",
    "production",
    "scale_invariant_lambda",
    "torus_measure",
]
