"""The systems compared, how each is installed (in its own environment, never a dependency) and with which settings."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from common import Environment


@dataclass(frozen=True)
class Peer:
    """One system in one setting: a script run by the environment's Python (None: the one running the comparison)."""

    name: str
    title: str
    script: str
    setting: str
    environment: Environment | None = None
    processors: int = 1
    gradient: bool = True
    gpu: bool = True


_SYMPY2JAX = Environment("codegen-sympy2jax", ("jax!=0.10.2,!=0.11.0", "sympy", "sympy2jax"))
_SYMENGINE = Environment("codegen-symengine", ("symengine", "sympy", "numpy"))

PEERS = (
    Peer("geomflow", "geomflow", "geomflow_side.py", "default"),
    Peer("geomflow-wide", "geomflow, 512-bit vectors", "geomflow_side.py", "wide", gpu=False),
    Peer("geomflow-two", "geomflow, two processors", "geomflow_side.py", "two", processors=2, gpu=False),
    Peer("autodiff", "nested jacfwd", "peer_autodiff.py", "nested"),
    Peer("einsum", "einsum on arrays", "peer_autodiff.py", "einsum"),
    Peer("lambdify", "lambdify to JAX, cse=True, rows", "peer_lambdify.py", "rows"),
    Peer("lambdify-columns", "lambdify to JAX, linear cse, columns", "peer_lambdify.py", "columns"),
    Peer("lambdify-numpy", "lambdify to numpy, cse=True", "peer_lambdify.py", "numpy", gradient=False, gpu=False),
    Peer("sympy2jax", "sympy2jax", "peer_sympy2jax.py", "default", _SYMPY2JAX, gpu=False),
    Peer("sympy2jax-cse", "sympy2jax, linear cse", "peer_sympy2jax.py", "best", _SYMPY2JAX, gpu=False),
    Peer("symengine", "SymEngine LLVM", "peer_symengine.py", "llvm", _SYMENGINE, gradient=False, gpu=False),
    Peer(
        "symengine-two",
        "SymEngine LLVM, two processes",
        "peer_symengine.py",
        "llvm2",
        _SYMENGINE,
        processors=2,
        gradient=False,
        gpu=False,
    ),
)
