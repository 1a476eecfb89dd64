r"""Code generation: tensors of a metric and other SymPy expressions as JAX functions with their derivatives.

generate(SPACES["kerr"].metric, "riemann")    a tensor of a metric on a chart, as a function of points
from_jets("ricci", 4)                         of any metric, as a function of (g, ∂g, ∂²g)
Program(name, arguments, outputs).compile()   any expressions
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geomflow.codegen.generated import from_jets, generate
    from geomflow.codegen.program import Argument, Program
    from geomflow.codegen.quantities import QUANTITIES

#: Imported when first asked for: the parts of this room do without the whole.
_HOME = {
    "QUANTITIES": "quantities",
    "Argument": "program",
    "Program": "program",
    "from_jets": "generated",
    "generate": "generated",
}

__all__ = ["QUANTITIES", "Argument", "Program", "from_jets", "generate"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"geomflow.codegen.{_HOME[name]}"), name)
