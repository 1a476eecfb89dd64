r"""geomflow: derive, certify, generate, integrate, compare and draw geometric flows and network metric flows."""

from geomflow.core.errors import GeomflowError
from geomflow.core.precision import enable_x64, require_x64

__version__ = "0.1.0"
__all__ = ["GeomflowError", "__version__", "enable_x64", "require_x64"]
