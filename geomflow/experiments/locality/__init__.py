r"""`geomflow locality`: the σ -> 0 limit of network metric flows, from the derivation to the figure."""

from geomflow.experiments.locality.run import Locality, LocalityResult, load_locality, write

__all__ = ["Locality", "LocalityResult", "load_locality", "write"]
