r"""`geomflow derive`: derivations step by step, certified, printed and written as LaTeX."""

from geomflow.experiments.derive.derived import Derived
from geomflow.experiments.derive.named import NAMED
from geomflow.experiments.derive.run import Derive

__all__ = ["NAMED", "Derive", "Derived"]
